/* churn N COUNT: N threads, two at a time, each makes COUNT blocks of mixed sizes, frees them and ends. It pays for
 * setting up and taking down a thread's part of the allocator, and for what ended threads leave behind. */
#include "workload.h"

static void *live_briefly(void *arg)
{
    size_t count = *(const uint64_t *)arg;
    rng r = rng_seed(count);
    void **blocks = need(malloc(count * sizeof *blocks));
    for (size_t i = 0; i < count; i++) {
        size_t size = rng_size(&r, 4, 12);
        blocks[i] = touch(malloc(size), size);
    }
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
    free(blocks);
    return NULL;
}

uint64_t workload_churn(const uint64_t *a)
{
    uint64_t count = a[1];
    for (uint64_t n = 0; n < a[0]; n += 2) {
        pthread_t pair[2];
        for (int i = 0; i < 2; i++)
            spawn(&pair[i], live_briefly, &count);
        for (int i = 0; i < 2; i++)
            pthread_join(pair[i], NULL);
    }
    return a[0] * count;
}
