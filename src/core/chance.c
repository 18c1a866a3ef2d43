/* See chance.h. The mathematics library is none of ours: a logarithm and an exponential function by their series are
 * all that is needed, to more digits than anybody could count. */
#include "core/chance.h"

#include "base/atomic.h"
#include "base/bits.h"

static uint64_t drawn; /* atomic */

void cai_chance_seed(uint64_t seed)
{
    cai_store_relaxed(&drawn, seed);
}

/* splitmix64: threads that draw at once get different numbers. */
static uint64_t draw(void)
{
    uint64_t z = cai_add_relaxed(&drawn, UINT64_C(0x9e3779b97f4a7c15)) + UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t cai_chance_bits(void)
{
    return draw();
}

/* -ln((n + 0.5) / 2^53): the number is a power of two times something from 1 to 2, whose logarithm is twice the inverse
 * hyperbolic tangent of (m - 1) / (m + 1), which is at most a third. */
static double minus_log(uint64_t n)
{
    enum { BITS = 53, TERMS = 17 };
    double m = (double)n + 0.5;
    int exponent = -BITS;

    if (n != 0) {
        unsigned log = cai_log2(n);
        m /= (double)(UINT64_C(1) << log);
        exponent += (int)log;
    } else {
        m *= 2;
        exponent--;
    }
    double t = (m - 1) / (m + 1);
    double power = t;
    double sum = 0;
    for (int term = 0; term < TERMS; term++) {
        sum += power / (2 * term + 1);
        power *= t * t;
    }
    return -(2 * sum + exponent * 0.693147180559945309417);
}

static double exponential(uint64_t rate)
{
    return (double)rate * minus_log(draw() >> 11);
}

uint64_t cai_chance_bytes(uint64_t rate)
{
    return (uint64_t)exponential(rate) + 1;
}

uint32_t cai_chance_blocks(uint64_t rate, uint64_t bytes)
{
    double blocks = exponential(rate) / (double)bytes;

    return blocks < (double)(UINT32_MAX - 1) ? (uint32_t)blocks + 1 : UINT32_MAX;
}

/* 1 - exp(-x), which for small x must not be a difference: by its series for x / 2^k, then doubled k times. */
double cai_chance_of(uint64_t rate, uint64_t bytes)
{
    enum { TERMS = 12, LARGE = 40 };
    double x = (double)bytes / (double)rate;
    unsigned halved = 0;

    if (x > LARGE)
        return 1;
    while (x > 0.25) {
        x /= 2;
        halved++;
    }
    double term = x;
    double p = 0;
    for (int n = 2; n < TERMS + 2; n++) {
        p += term;
        term *= -x / n;
    }
    for (; halved != 0; halved--)
        p = p * (2 - p); /* hit in one half or the other */
    return p;
}
