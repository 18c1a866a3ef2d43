/* False sharing, after Berger's cache-thrash and cache-scratch (ASPLOS 2000): two threads write to small blocks of
 * their own. thrash N: does the allocator give blocks of one cache line to two threads? scratch N: it is handed such
 * blocks by the program; does it give the freed one back to the thread that freed it, and so keep the line shared? */
#include "workload.h"

enum { THREADS = 2, WRITES = 200, SIZE = 8 };

typedef struct job {
    uint64_t n;
    char *given;
} job;

static void *work(void *arg)
{
    job *j = arg;
    free(j->given);
    for (uint64_t n = 0; n < j->n; n++) {
        volatile char *block = need(malloc(SIZE));
        for (int i = 0; i < WRITES; i++)
            block[i % SIZE] += 1;
        free((void *)block);
    }
    return NULL;
}

static uint64_t share(uint64_t n, int given)
{
    pthread_t thread[THREADS];
    job jobs[THREADS];
    for (int i = 0; i < THREADS; i++)
        jobs[i] = (job){n, given ? touch(malloc(SIZE), SIZE) : NULL};
    for (int i = 0; i < THREADS; i++)
        spawn(&thread[i], work, &jobs[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    return n * THREADS;
}

uint64_t workload_thrash(const uint64_t *a)
{
    return share(a[0], 0);
}

uint64_t workload_scratch(const uint64_t *a)
{
    return share(a[0], 1);
}
