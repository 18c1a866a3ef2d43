/* live N SLOTS LOG2MAX: a set of SLOTS live blocks of random sizes (16 to 2^LOG2MAX); N times one of them, chosen at
 * random, is replaced. The steady state of a long-running program. */
#include "workload.h"

uint64_t workload_live(const uint64_t *a)
{
    size_t slots = a[1];
    void **blocks = need(calloc(slots, sizeof *blocks));
    rng r = rng_seed(2);
    for (uint64_t n = 0; n < a[0]; n++) {
        void **slot = &blocks[rng_below(&r, slots)];
        size_t size = rng_size(&r, 4, (unsigned)a[2]);
        free(*slot);
        *slot = touch(malloc(size), size);
    }
    for (size_t i = 0; i < slots; i++)
        free(blocks[i]);
    free(blocks);
    return a[0];
}
