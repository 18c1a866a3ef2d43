/* Blocks for which an allocator turns to the system, all pages of them written. What counts is whether pages are kept,
 * given back, or faulted in again.
 * large N: random sizes, 256 KiB to 16 MiB, four live at a time.
 * huge N LIVE: 5 to 25 MiB, LIVE of them at a time, one chosen at random is replaced: a set that no cache of freed
 * blocks holds, in which a new block seldom fits where an old one was. */
#include "workload.h"

static void *written(size_t size)
{
    void *block = malloc(size);
    touch_pages(block, size);
    return block;
}

uint64_t workload_large(const uint64_t *a)
{
    void *live[4] = {0};
    rng r = rng_seed(5);
    for (uint64_t n = 0; n < a[0]; n++) {
        size_t size = rng_size(&r, 18, 24);
        free(live[n % 4]);
        live[n % 4] = written(size);
    }
    for (int i = 0; i < 4; i++)
        free(live[i]);
    return a[0];
}

uint64_t workload_huge(const uint64_t *a)
{
    uint64_t count = a[1];
    void **live = need(calloc(count, sizeof *live));
    rng r = rng_seed(9);
    for (uint64_t n = 0; n < a[0]; n++) {
        void **slot = &live[n < count ? n : rng_below(&r, count)];
        free(*slot);
        *slot = written(rng_between(&r, 5 << 20, 25 << 20));
    }
    for (uint64_t i = 0; i < count; i++)
        free(live[i]);
    free(live);
    return a[0];
}
