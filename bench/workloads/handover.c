/* handover N PAIRS LOW HIGH: PAIRS producers make N blocks of LOW to HIGH bytes each, as many consumers free them;
 * after Lever and Boreham (USENIX 2000). Whole batches pass through one bounded queue, so the cost of its lock stays
 * small beside the allocator's. Every free is remote, and with several pairs a batch goes to whoever comes first. */
#include "workload.h"

enum { BATCH = 64, QUEUE = 64 };

typedef struct batch {
    size_t count;
    void *block[BATCH];
} batch;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more, room;
    size_t first, used, producers;
    batch queue[QUEUE];
} shop = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .room = PTHREAD_COND_INITIALIZER};

typedef struct producer {
    uint64_t n, low, high, seed;
} producer;

static void put(const batch *full)
{
    pthread_mutex_lock(&shop.lock);
    while (shop.used == QUEUE)
        pthread_cond_wait(&shop.room, &shop.lock);
    shop.queue[(shop.first + shop.used++) % QUEUE] = *full;
    pthread_cond_signal(&shop.more);
    pthread_mutex_unlock(&shop.lock);
}

/* Whether there was another batch; none comes when the last producer is done. */
static int get(batch *next)
{
    pthread_mutex_lock(&shop.lock);
    while (shop.used == 0 && shop.producers != 0)
        pthread_cond_wait(&shop.more, &shop.lock);
    int got = shop.used != 0;
    if (got) {
        *next = shop.queue[shop.first];
        shop.first = (shop.first + 1) % QUEUE;
        shop.used--;
        pthread_cond_signal(&shop.room);
    }
    pthread_mutex_unlock(&shop.lock);
    return got;
}

static void *produce(void *arg)
{
    const producer *p = arg;
    rng r = rng_seed(p->seed);
    batch filling = {0};
    for (uint64_t i = 0; i < p->n; i++) {
        size_t size = rng_between(&r, p->low, p->high);
        filling.block[filling.count++] = touch(malloc(size), size);
        if (filling.count == BATCH || i + 1 == p->n) {
            put(&filling);
            filling.count = 0;
        }
    }
    pthread_mutex_lock(&shop.lock);
    if (--shop.producers == 0)
        pthread_cond_broadcast(&shop.more);
    pthread_mutex_unlock(&shop.lock);
    return NULL;
}

static void *consume(void *unused)
{
    batch next;
    while (get(&next)) {
        for (size_t i = 0; i < next.count; i++) {
            volatile uint64_t *block = next.block[i];
            block[0] += 1;
            free((void *)block);
        }
    }
    return unused;
}

uint64_t workload_handover(const uint64_t *a)
{
    uint64_t pairs = a[1];
    pthread_t *thread = need(calloc(2 * pairs, sizeof *thread));
    producer *producers = need(calloc(pairs, sizeof *producers));
    shop.producers = pairs;
    for (uint64_t i = 0; i < pairs; i++) {
        producers[i] = (producer){a[0], a[2], a[3], i};
        spawn(&thread[2 * i], produce, &producers[i]);
        spawn(&thread[2 * i + 1], consume, NULL);
    }
    for (uint64_t i = 0; i < 2 * pairs; i++)
        pthread_join(thread[i], NULL);
    free(producers);
    free(thread);
    return pairs * a[0];
}
