/* trees N DEPTH: builds, walks and drops N binary trees while one of the same depth stays; many equal small nodes,
 * dropped in the order of a walk. */
#include "workload.h"

typedef struct node {
    struct node *left, *right;
} node;

static node *grow(unsigned depth)
{
    node *n = need(malloc(sizeof *n));
    n->left = depth ? grow(depth - 1) : NULL;
    n->right = depth ? grow(depth - 1) : NULL;
    return n;
}

static uint64_t fell(node *n)
{
    if (n == NULL)
        return 0;
    uint64_t count = 1 + fell(n->left) + fell(n->right);
    free(n);
    return count;
}

uint64_t workload_trees(const uint64_t *a)
{
    unsigned depth = (unsigned)a[1];
    node *staying = grow(depth);
    uint64_t count = 0;
    for (uint64_t i = 0; i < a[0]; i++)
        count += fell(grow(depth - i % 4));
    return count + fell(staying);
}
