/* handover N: one thread makes N blocks, another frees them; they pass through a bounded ring. Every free is remote.
 * Whoever must wait yields: the ring is long, so the cost of waiting stays small beside the allocator's. */
#include "workload.h"

#include <sched.h>

enum { RING = 4096 };

static struct {
    _Alignas(128) _Atomic uint64_t made;
    _Alignas(128) _Atomic uint64_t taken;
    _Alignas(128) void *block[RING];
} ring;

static void *consume(void *arg)
{
    uint64_t n = *(const uint64_t *)arg, made = 0;
    for (uint64_t i = 0; i < n; i++) {
        while (i == made && (made = atomic_load_explicit(&ring.made, memory_order_acquire)) == i)
            sched_yield();
        volatile uint64_t *block = ring.block[i % RING];
        block[1] = block[0];
        free((void *)block);
        if (i % 64 == 63)
            atomic_store_explicit(&ring.taken, i + 1, memory_order_release);
    }
    return NULL;
}

uint64_t workload_handover(const uint64_t *a)
{
    uint64_t n = a[0], taken = 0;
    rng r = rng_seed(3);
    pthread_t consumer;
    spawn(&consumer, consume, &n);
    for (uint64_t i = 0; i < n; i++) {
        while (i - taken == RING && i - (taken = atomic_load_explicit(&ring.taken, memory_order_acquire)) == RING)
            sched_yield();
        size_t size = rng_size(&r, 4, 9);
        ring.block[i % RING] = touch(malloc(size), size);
        if (i % 64 == 63 || i + 1 == n)
            atomic_store_explicit(&ring.made, i + 1, memory_order_release);
    }
    pthread_join(consumer, NULL);
    return n;
}
