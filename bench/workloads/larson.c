/* larson N SLOTS GENERATIONS LOW HIGH CHAINS: a server after Larson and Krishnan (ISMM 1998). CHAINS chains of threads;
 * a thread replaces N blocks of its array at random by such of LOW to HIGH bytes, then starts its successor, hands the
 * array over and ends. So most blocks are freed by another thread than made them, and their makers are gone. */
#include "workload.h"

#include <semaphore.h>

typedef struct chain {
    uint64_t n, slots, generations, low, high;
    void **blocks;
    rng r;
    sem_t *done;
} chain;

static void *serve(void *arg)
{
    chain *c = arg;
    for (uint64_t i = 0; i < c->n; i++) {
        void **slot = &c->blocks[rng_below(&c->r, c->slots)];
        size_t size = rng_between(&c->r, c->low, c->high);
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
    uint64_t slots = a[1], count = a[5];
    chain *chains = need(calloc(count, sizeof *chains));
    sem_t done;
    sem_init(&done, 0, 0);
    for (uint64_t i = 0; i < count; i++) {
        chains[i] = (chain){a[0], slots, a[2], a[3], a[4], need(calloc(slots, sizeof(void *))), rng_seed(i), &done};
        pthread_t first;
        spawn(&first, serve, &chains[i]);
        pthread_detach(first);
    }
    for (uint64_t i = 0; i < count; i++)
        sem_wait(&done);
    for (uint64_t i = 0; i < count; i++) {
        for (uint64_t j = 0; j < slots; j++)
            free(chains[i].blocks[j]);
        free(chains[i].blocks);
    }
    free(chains);
    return count * a[0] * a[2];
}
