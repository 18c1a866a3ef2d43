/* What every workload shares: its signature, its random numbers, and how it touches memory.
 *
 * A workload does a fixed amount of work, given by its numeric arguments alone, and returns how many allocations it
 * made. main.c times it. a[0] is always the amount (the driver scales it); the others are the workload's own.
 * Everything is compiled with -fno-builtin, else gcc deletes a malloc whose block is freed at once. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef uint64_t workload_fn(const uint64_t *a);

#define WORKLOAD(name) workload_fn workload_##name;
#include "workloads.def"
#undef WORKLOAD

/* xorshift64*, as Vigna published it: the same sequence on every machine and libc. */
typedef struct rng {
    uint64_t state;
} rng;

static inline uint64_t rng_next(rng *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545f4914f6cdd1dULL;
}

static inline rng rng_seed(uint64_t seed)
{
    return (rng){(seed + 1) * 0x9e3779b97f4a7c15ULL};
}

__extension__ typedef unsigned __int128 wide;

static inline uint64_t rng_below(rng *r, uint64_t n)
{
    return (uint64_t)(((wide)rng_next(r) * n) >> 64);
}

static inline uint64_t rng_between(rng *r, uint64_t low, uint64_t high)
{
    return low + rng_below(r, high - low + 1);
}

/* Sizes spread evenly over the powers of two from 2^low up to 2^high: small ones are common, as in real programs. */
static inline size_t rng_size(rng *r, unsigned low, unsigned high)
{
    size_t base = (size_t)1 << (low + rng_below(r, high - low));
    return base + rng_below(r, base);
}

static inline void *need(void *p)
{
    if (p == NULL) {
        fputs("workload: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

/* First and last word: what the least demanding owner of a block does. Sizes here are 8 at least. */
static inline void *touch(void *p, size_t size)
{
    volatile char *bytes = need(p);
    *(volatile uint64_t *)bytes = size;
    bytes[size - 1] = 1;
    return p;
}

static inline void touch_pages(void *p, size_t size)
{
    volatile char *bytes = touch(p, size);
    for (size_t i = 0; i < size; i += 4096)
        bytes[i] = 1;
}

static inline uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void spawn(pthread_t *thread, void *(*body)(void *), void *arg)
{
    if (pthread_create(thread, NULL, body, arg) != 0) {
        fputs("workload: no thread\n", stderr);
        exit(1);
    }
}

#endif
