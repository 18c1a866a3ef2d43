/* See named.h. */
#include "heaps/named.h"

#include "heaps/tree.h"

#include <string.h>

enum { LOCK_TRIES = 1000 };

/* At its place among those that are there, if it has one. */
static uint32_t insert(struct cai_named *named, uint32_t count, const struct cai_node *node)
{
    uint32_t at = count;

    while (at > 0 && named[at - 1].held_bytes < node->charged)
        at--;
    if (at == CAI_NAMED_MAX)
        return count;
    uint32_t kept = count < CAI_NAMED_MAX ? count : CAI_NAMED_MAX - 1;
    memmove(named + at + 1, named + at, (kept - at) * sizeof *named);
    named[at] = (struct cai_named){.held_bytes = node->charged, .quota_bytes = node->quota};
    memcpy(named[at].name, node->name, sizeof node->name);
    return kept + 1;
}

uint32_t cai_named_collect(struct cai_named named[CAI_NAMED_MAX])
{
    uint32_t count = 0;
    bool taken = false;

    for (unsigned tries = 0; !taken && tries < LOCK_TRIES; tries++)
        taken = cai_lock_try(&cai_tree.lock);
    if (!taken)
        return 0;
    for (uint32_t number = 1; number < cai_tree.count; number++) {
        const struct cai_node *node = cai_node_at(number);
        if (node->life == CAI_LIFE_ALIVE && node->heap == number && node->name[0] != '\0')
            count = insert(named, count, node);
    }
    cai_lock_give(&cai_tree.lock);
    return count;
}
