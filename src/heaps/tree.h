/* The tree of authorities, as the two files see it that work on it: authority.c (who is who) and charge.c (who owes
 * what).
 *
 * Nodes lie in blocks that are never given back, so that a number is always a node; a dead one gets new words when it
 * is used again, and the old ones never come back. Node 0 is the default authority. Everything is protected by one
 * lock, which the fast paths never take.
 */
#ifndef CAI_HEAPS_TREE_H
#define CAI_HEAPS_TREE_H

#include "heaps/registry.h"

enum { CAI_NODES_PER_BLOCK = 256, CAI_NODE_BLOCKS = 4096, CAI_NODE_BITS = 20 };

enum cai_life { CAI_LIFE_UNUSED, CAI_LIFE_ALIVE, CAI_LIFE_KILLED, CAI_LIFE_DESTROYED };

struct cai_node {
    ca_authority authority;
    uint32_t parent; /* CAI_NODE_DEFAULT for roots, too */
    uint32_t heap;   /* the root of its tree */
    uint32_t rights;
    uint32_t life;
    size_t quota;   /* SIZE_MAX: none of its own */
    size_t charged; /* to it and everything below it */
    uint32_t first_child, next_child, previous_child;
    uint32_t next; /* list of unused or of killed nodes */
    char name[CA_HEAP_NAME_MAX + 1];
};

struct cai_tree {
    struct cai_lock lock;
    uint32_t count;  /* nodes there are, the default one included */
    uint32_t unused; /* list, 0: empty */
    uint32_t killed; /* list: children come before their parents */
    uint64_t serial; /* of the last authority made: no two have the same first word */
};
extern struct cai_tree cai_tree;
extern struct cai_node *cai_tree_blocks[CAI_NODE_BLOCKS]; /* under the same lock; zero at the start, the rest is not */

CAI_INLINE struct cai_node *cai_node_at(uint32_t number)
{
    return &cai_tree_blocks[number / CAI_NODES_PER_BLOCK][number % CAI_NODES_PER_BLOCK];
}

/* The lock is held in the two that follow. Still the authority that was found. */
CAI_INLINE bool cai_node_is(const struct cai_grant *grant)
{
    if (grant->node == CAI_NODE_DEFAULT)
        return true;
    const struct cai_node *node = cai_node_at(grant->node);
    return node->life == CAI_LIFE_ALIVE && node->authority.opaque[0] == grant->authority.opaque[0];
}

/* The node or one above it is `above`. */
CAI_INLINE bool cai_node_is_within(uint32_t number, uint32_t above)
{
    while (number != above && number != CAI_NODE_DEFAULT)
        number = cai_node_at(number)->parent;
    return number == above;
}

#endif
