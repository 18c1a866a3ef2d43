/* batch N SIZE COUNT: COUNT blocks are made in order and freed in random order, N times. What is freed outgrows a
 * small cache, and the order defeats an allocator that links its free blocks through cold memory. */
#include "workload.h"

uint64_t workload_batch(const uint64_t *a)
{
    size_t size = a[1], count = a[2];
    void **blocks = need(calloc(count, sizeof *blocks));
    uint32_t *order = need(calloc(count, sizeof *order));
    rng r = rng_seed(1);
    for (uint32_t i = 0; i < count; i++) { /* inside-out shuffle */
        uint64_t j = rng_below(&r, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (uint64_t n = 0; n < a[0]; n++) {
        for (size_t i = 0; i < count; i++)
            blocks[i] = touch(malloc(size), size);
        size_t turn = rng_below(&r, count); /* another order every time, without the cost of another shuffle */
        for (size_t i = 0; i < count; i++) {
            size_t at = order[i] + turn;
            free(blocks[at < count ? at : at - count]);
        }
    }
    free(order);
    free(blocks);
    return a[0] * count;
}
