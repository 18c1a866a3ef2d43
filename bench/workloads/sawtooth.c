/* sawtooth N COUNT: a heap that grows to COUNT blocks of mixed sizes, 16 bytes to 4 KiB, and falls back to an eighth; N
 * times. It falls from the newest block down, from the oldest up, or at random, tooth by tooth. So does a program
 * that works through requests and remembers a little of each; the question is what an allocator does with its slack. */
#include "workload.h"

static void swap(void **a, void **b)
{
    void *old = *a;
    *a = *b;
    *b = old;
}

uint64_t workload_sawtooth(const uint64_t *a)
{
    size_t count = a[1], left = count / 8, used = 0;
    void **blocks = need(calloc(count, sizeof *blocks));
    rng r = rng_seed(10);
    uint64_t ops = 0;
    for (uint64_t n = 0; n < a[0]; n++) {
        for (; used < count; used++, ops++) {
            size_t size = rng_size(&r, 4, 12);
            blocks[used] = touch(malloc(size), size);
        }
        if (n % 3 == 1) { /* oldest first: what stays is the end of the array */
            for (size_t i = 0; i < left; i++)
                swap(&blocks[i], &blocks[count - left + i]);
            for (size_t i = left; i < count; i++)
                free(blocks[i]);
            used = left;
        } else {
            while (used > left) {
                if (n % 3 == 2)
                    swap(&blocks[rng_below(&r, used)], &blocks[used - 1]);
                free(blocks[--used]);
            }
        }
    }
    while (used > 0)
        free(blocks[--used]);
    free(blocks);
    return ops;
}
