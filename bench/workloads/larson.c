/* larson N SLOTS GENERATIONS: a server after Larson and Krishnan (ISMM 1998). Two chains of threads; a thread replaces
 * N blocks of its array at random, then starts its successor, hands the array over and ends. So most blocks are freed
 * by another thread than made them, and their makers are gone. */
#include "workload.h"

#include <semaphore.h>

enum { CHAINS = 2 };

typedef struct chain {
    uint64_t n, slots, generations;
    void **blocks;
    rng r;
    sem_t *done;
} chain;

static void *serve(void *arg)
{
    chain *c = arg;
    for (uint64_t i = 0; i < c->n; i++) {
        void **slot = &c->blocks[rng_below(&c->r, c->slots)];
        size_t size = 16 + rng_below(&c->r, 1008);
        free(*slot);
        *slot = touch(malloc(size), size);
    }
    if (--c->generations == 0) {
        sem_post(c->done);
    } else {
        pthread_t successor;
        spawn(&successor, serve, c);
        pthread_detach(successor);
    }
    return NULL;
}

uint64_t workload_larson(const uint64_t *a)
{
    chain chains[CHAINS];
    sem_t done;
    sem_init(&done, 0, 0);
    for (uint64_t i = 0; i < CHAINS; i++) {
        chains[i] = (chain){a[0], a[1], a[2], need(calloc(a[1], sizeof(void *))), rng_seed(i), &done};
        pthread_t first;
        spawn(&first, serve, &chains[i]);
        pthread_detach(first);
    }
    for (int i = 0; i < CHAINS; i++)
        sem_wait(&done);
    for (int i = 0; i < CHAINS; i++) {
        for (uint64_t j = 0; j < a[1]; j++)
            free(chains[i].blocks[j]);
        free(chains[i].blocks);
    }
    return CHAINS * a[0] * a[2];
}
