/* Seeded random numbers for tests: the same on every run and machine, unless CAPALLOC_TEST_SEED says otherwise. */
#ifndef TESTS_SUPPORT_RNG_H
#define TESTS_SUPPORT_RNG_H

#include <stdint.h>
#include <stdlib.h>

struct rng {
    uint64_t state;
};

static inline struct rng rng_start(uint64_t seed)
{
    const char *text = getenv("CAPALLOC_TEST_SEED");

    return (struct rng){text != NULL ? seed ^ strtoull(text, NULL, 0) : seed};
}

/* splitmix64 */
static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 <= result < n */
static inline uint64_t rng_below(struct rng *rng, uint64_t n)
{
    return rng_next(rng) % n;
}

/* A size up to 2^bits, small ones as likely as large ones. */
static inline size_t rng_size(struct rng *rng, unsigned bits)
{
    return (size_t)(rng_next(rng) & ((UINT64_C(1) << rng_below(rng, bits + 1)) - 1));
}

#endif
