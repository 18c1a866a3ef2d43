/* Bounds as a floating-point number: bottom and top are mantissas that share one exponent, and the address supplies the
 * bits above them.
 *
 * One code for every format that differs only in the width of the mantissa; the format is a constant, so the compiler
 * leaves nothing of it. A field has bottom in the low `mantissa` bits, above it top without its upper two bits, above
 * that the flag `internal`: set, the exponent lies in the low three bits of bottom (its lower half) and of top.
 * Invariant: bounds that can be encoded lie in a window of 2^(exponent + mantissa) bytes that begins an eighth of it
 * below the eighth in which the base lies, and so does every address with which they can be told from their neighbours.
 */
#ifndef CAI_CAP_BOUNDS_H
#define CAI_CAP_BOUNDS_H

#include "base/compiler.h"
#include "cap/concentrate.h"

struct cai_bounds_format {
    unsigned mantissa;
};

struct cai_mantissas {
    unsigned exponent;
    bool internal;
    uint32_t bottom; /* `mantissa` bits each */
    uint32_t top;
};

/* The bits that hold the exponent lie under bottom and top, three each. */
enum { CAI_EXPONENT_HALF = 3 };

/* The exponent with which 2^64 is one quarter of the mantissa's range; larger ones are never set, but read as this. */
CAI_INLINE unsigned cai_bounds_max_exponent(struct cai_bounds_format format)
{
    return 66 - format.mantissa;
}

CAI_INLINE struct cai_mantissas cai_bounds_unpack(struct cai_bounds_format format, uint64_t field)
{
    const uint32_t quarter = UINT32_C(1) << (format.mantissa - 2);
    const uint32_t low = (1u << CAI_EXPONENT_HALF) - 1;
    struct cai_mantissas m = {.internal = (field >> (2 * format.mantissa - 2) & 1) != 0};
    uint32_t length;

    m.bottom = (uint32_t)field & (4 * quarter - 1);
    m.top = (uint32_t)(field >> format.mantissa) & (quarter - 1);
    if (m.internal) {
        m.exponent = (m.top & low) << CAI_EXPONENT_HALF | (m.bottom & low);
        m.bottom &= ~low;
        m.top &= ~low;
    }
    /* The upper two bits of top follow from the length: its own upper two bits are 01 with an exponent, 00 without. */
    length = ((m.top - m.bottom) & (quarter - 1)) + (m.internal ? quarter : 0);
    m.top = (m.bottom + length) & (4 * quarter - 1);
    return m;
}

CAI_INLINE uint64_t cai_bounds_pack(struct cai_bounds_format format, struct cai_mantissas m)
{
    const uint64_t low = (1u << CAI_EXPONENT_HALF) - 1;
    const uint64_t quarter = UINT64_C(1) << (format.mantissa - 2);
    uint64_t bottom = m.bottom & (4 * quarter - 1);
    uint64_t top = m.top & (quarter - 1);

    if (m.internal) {
        bottom = (bottom & ~low) | (m.exponent & low);
        top = (top & ~low) | (m.exponent >> CAI_EXPONENT_HALF & low);
    }
    return bottom | top << format.mantissa | (uint64_t)m.internal << (2 * format.mantissa - 2);
}

/* Where the window begins, in units of 2^exponent and within them. */
CAI_INLINE uint32_t cai_bounds_window(struct cai_bounds_format format, struct cai_mantissas m)
{
    const uint32_t eighth = UINT32_C(1) << (format.mantissa - 3);

    return ((m.bottom & ~(eighth - 1)) - eighth) & (8 * eighth - 1);
}

/* m.exponent is any; the formula keeps only what the address width leaves of the window. */
CAI_INLINE struct cai_bounds cai_bounds_decode(struct cai_bounds_format format, struct cai_mantissas m,
                                               uint64_t address)
{
    const unsigned max_exponent = cai_bounds_max_exponent(format);
    const unsigned exponent = m.exponent < max_exponent ? m.exponent : max_exponent;
    const uint32_t mask = (UINT32_C(1) << format.mantissa) - 1;
    /* In units of 2^exponent: where the address lies, and the beginning of the window that holds it. */
    const uint32_t start = cai_bounds_window(format, m);
    const cai_u128 unit = (cai_u128)(address >> exponent);
    const cai_u128 window = unit - (((uint32_t)unit - start) & mask);
    struct cai_bounds bounds;

    bounds.base = (uint64_t)((window + ((m.bottom - start) & mask)) << exponent);
    bounds.top = (window + ((m.top - start) & mask)) << exponent & (((cai_u128)1 << 65) - 1);
    /* Where the window wraps around the address space, bit 64 of top is decided by its distance from base. */
    if (exponent < max_exponent - 1 && (((unsigned)(bounds.top >> 63) - (unsigned)(bounds.base >> 63)) & 3) > 1)
        bounds.top ^= (cai_u128)1 << 64;
    return bounds;
}

/* May the address move by this much? Adds in units of 2^exponent, each number rounded down: so one unit more may be
 * reached than is seen here, by a carry from below, and the last of the window is refused. A step back within the first
 * is one unit when it is rounded down, and refused as well.
 */
CAI_INLINE bool cai_bounds_may_move(struct cai_bounds_format format, struct cai_mantissas m, uint64_t address,
                                    int64_t by)
{
    const uint32_t mask = (UINT32_C(1) << format.mantissa) - 1;
    uint32_t from_start;

    if (m.exponent >= cai_bounds_max_exponent(format) - 2)
        return true; /* the window is the address space */
    from_start = ((uint32_t)(address >> m.exponent) - cai_bounds_window(format, m)) & mask;
    return from_start + (uint64_t)(by >> m.exponent) < mask;
}

/* With the two largest exponents, the upper bits of the mantissas lie above the address space and must be zero. */
CAI_INLINE bool cai_bounds_well_formed(struct cai_bounds_format format, struct cai_mantissas m)
{
    const unsigned max_exponent = cai_bounds_max_exponent(format);

    if (m.exponent > max_exponent)
        return false;
    if (m.exponent == max_exponent)
        return m.bottom >> (format.mantissa - 2) == 0 && m.top >> (format.mantissa - 1) == 0;
    return m.exponent != max_exponent - 1 || m.bottom >> (format.mantissa - 1) == 0;
}

/* The position of the highest set bit; n > 0. */
CAI_INLINE unsigned cai_log2_wide(cai_u128 n)
{
    uint64_t high = (uint64_t)(n >> 64);

    return high != 0 ? 127u - (unsigned)__builtin_clzll(high) : 63u - (unsigned)__builtin_clzll((uint64_t)n);
}

/* The smallest exponent whose mantissa holds the length, and after rounding still does. */
CAI_INLINE struct cai_mantissas cai_bounds_encode(struct cai_bounds_format format, uint64_t address, cai_u128 length,
                                                  bool *exact)
{
    const cai_u128 top = address + length;
    struct cai_mantissas m = {.exponent = 0};
    unsigned grain;
    cai_u128 first;
    cai_u128 last;

    if (length >> (format.mantissa - 2) == 0) {
        m.bottom = (uint32_t)address;
        m.top = (uint32_t)top;
        *exact = true;
        return m;
    }
    m.internal = true;
    m.exponent = cai_log2_wide(length) - (format.mantissa - 2);
    /* Bounds are multiples of 2^grain: three bits of each mantissa are lost to the exponent. */
    grain = m.exponent + CAI_EXPONENT_HALF;
    first = address >> grain;
    last = (top + (((cai_u128)1 << grain) - 1)) >> grain;
    if ((last - first) >> (format.mantissa - 1 - CAI_EXPONENT_HALF) != 0) {
        m.exponent++;
        grain++;
        first = address >> grain;
        last = (top + (((cai_u128)1 << grain) - 1)) >> grain;
    }
    *exact = first << grain == address && last << grain == top;
    m.bottom = (uint32_t)(first << CAI_EXPONENT_HALF);
    m.top = (uint32_t)(last << CAI_EXPONENT_HALF);
    return m;
}

/* What base and top of such bounds are multiples of, as a mask. */
CAI_INLINE uint64_t cai_bounds_mask(struct cai_mantissas m)
{
    return m.internal ? ~UINT64_C(0) << (m.exponent + CAI_EXPONENT_HALF) : ~UINT64_C(0);
}

#endif
