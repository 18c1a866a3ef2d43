/* pair N SIZE: a block is freed as soon as it was made. The fast path and nothing else.
 * loop N SIZE: the same loop without an allocator; bench/instructions subtracts it. */
#include "workload.h"

uint64_t workload_pair(const uint64_t *a)
{
    for (uint64_t i = 0; i < a[0]; i++)
        free(touch(malloc(a[1]), a[1]));
    return a[0];
}

/* Calls stand where malloc and free would: through volatile pointers, so they stay. */
static char block[1 << 20];

static void *give(size_t size)
{
    (void)size;
    return block;
}

static void take(void *p)
{
    (void)p;
}

static void *(*volatile make)(size_t) = give;
static void (*volatile drop)(void *) = take;

uint64_t workload_loop(const uint64_t *a)
{
    for (uint64_t i = 0; i < a[0]; i++)
        drop(touch(make(a[1]), a[1]));
    return a[0];
}
