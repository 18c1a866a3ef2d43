/* Arithmetic on sizes and addresses: powers of two, rounding, rotation. Pure functions without overflow checks; each
 * says what its arguments must satisfy.
 */
#ifndef CAI_BASE_BITS_H
#define CAI_BASE_BITS_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAI_KIB ((size_t)1 << 10)
#define CAI_MIB ((size_t)1 << 20)
#define CAI_GIB ((size_t)1 << 30)

CAI_INLINE bool cai_is_power_of_two(size_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* align: a power of two; n + align - 1 must not overflow. */
CAI_INLINE size_t cai_round_up(size_t n, size_t align)
{
    return (n + align - 1) & ~(align - 1);
}

CAI_INLINE size_t cai_round_down(size_t n, size_t align)
{
    return n & ~(align - 1);
}

/* The position of the highest set bit; n > 0. */
CAI_INLINE unsigned cai_log2(size_t n)
{
    return 63u - (unsigned)__builtin_clzll(n);
}

CAI_INLINE size_t cai_rotate_right(size_t n, unsigned count)
{
    return n >> count | n << (64 - count);
}

CAI_INLINE size_t cai_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

CAI_INLINE size_t cai_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

#endif
