/* fragment N COUNT: a heap of COUNT blocks changes its mind about sizes N times: seven of eight blocks are freed at
 * random, and their bytes are wanted again in another range of sizes. Peak memory tells what could not be reused. */
#include "workload.h"

uint64_t workload_fragment(const uint64_t *a)
{
    size_t count = a[1];
    struct {
        void *block;
        size_t size;
    } *slot = need(calloc(count, sizeof *slot));
    rng r = rng_seed(6);
    uint64_t ops = 0;
    size_t budget = count * 400, used = 0;
    for (uint64_t n = 0; n < a[0]; n++) {
        unsigned low = 4 + n % 4, high = low + 4;
        for (size_t i = 0; i < count; i++) {
            if (slot[i].block != NULL || used > budget)
                continue;
            size_t size = rng_size(&r, low, high);
            slot[i].block = touch(malloc(size), size);
            used += slot[i].size = size;
            ops++;
        }
        for (size_t i = 0; i < count; i++) {
            if (rng_below(&r, 8) == 0)
                continue;
            free(slot[i].block);
            used -= slot[i].size;
            slot[i].block = NULL;
            slot[i].size = 0;
        }
    }
    for (size_t i = 0; i < count; i++)
        free(slot[i].block);
    free(slot);
    return ops;
}
