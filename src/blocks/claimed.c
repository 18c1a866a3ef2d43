/* See claimed.h. Reading costs less than writing: memory that is zero stays as it is. */
#include "blocks/claimed.h"

#include "base/tools.h"
#include "blocks/clear.h"
#include "blocks/slab.h"
#include "blocks/touched.h"
#include "pages/zone.h"

#include <string.h>

/* What is looked at in one go: what follows is in the cache when it is cleared. */
enum { LOOK_BYTES = 4096 };

static bool is_zero(const char *text, size_t bytes)
{
    return text[0] == 0 && memcmp(text, text + 1, bytes - 1) == 0;
}

bool cai_claimed_is_zero(void *address, size_t bytes)
{
    struct cai_touched touched;
    size_t length;
    bool zero = true;

    cai_touched_start(&touched, address, bytes);
    for (void *at; (at = cai_touched_next(&touched, &length)) != NULL;)
        zero = zero && is_zero(at, length);
    return zero;
}

void cai_claimed_make_zero(struct cai_heap *heap, void *address, size_t bytes)
{
    struct cai_touched touched;
    size_t length;

    cai_touched_start(&touched, address, bytes);
    for (char *at; (at = cai_touched_next(&touched, &length)) != NULL;)
        for (size_t from = 0; from < length; from += LOOK_BYTES) {
            size_t part = cai_min(length - from, LOOK_BYTES);
            if (CAI_TOOLS || !is_zero(at + from, part)) /* what is free is not read there */
                cai_clear(heap, at + from, part);
        }
}

void cai_claimed_settle(struct cai_heap *heap, struct cai_unit *slab)
{
    enum cai_grain grain = cai_zone_grain(slab->zone);
    const struct cai_view *view = cai_view_of(slab->zone);
    bool zeroes = cai_place_zeroes((enum cai_place)(slab->zone / CAI_GRAINS));
    size_t bytes = cai_class_bytes(slab->size_class);
    char *slot = (char *)cai_slab_begin(slab);

    if (!cai_claimed_is_marked(slab))
        return;
    cai_store_relaxed(&slab->claimed, 0);
    for (uint32_t i = 0; i < slab->slots; i++, slot += bytes) {
        uint8_t *state = &view->state[cai_granule_of(view, grain, slot)];
        uint8_t now = cai_load_acquire(state);
        if (!cai_state_is_cached(now) && !cai_state_is_in_slab(now))
            continue;
        if (zeroes)
            cai_claimed_make_zero(heap, slot, bytes);
        else
            cai_store_relaxed(state, (uint8_t)(now & ~CAI_STATE_ZERO));
    }
}
