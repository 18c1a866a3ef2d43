/* Bounds, the quick way: what the accesses and the heap ask for, in a few instructions and without 128-bit numbers.
 *
 * The same answers as concentrate.h (a test compares them), for capabilities with a tag only, whose bounds are well
 * formed, and for lengths below 2^62. Everything is relative to the address, which lies in the window of its bounds: so
 * the distance from the base is the difference of two mantissas, with a sign.
 */
#ifndef CAI_CAP_QUICK_H
#define CAI_CAP_QUICK_H

#include "cap/concentrate.h"

#include "base/compiler.h"

enum {
    CAI_QUICK_MANTISSA = 0x3fff, /* 14 bits; top has the lower 12 of them */
    CAI_QUICK_TOP = 0xfff,
    CAI_QUICK_TOP_SHIFT = 14,
    CAI_QUICK_INTERNAL = 1 << 26,
    CAI_QUICK_EXPONENT_MAX = 48,
    /* Lengths below this are exact at any address. */
    CAI_QUICK_EXACT_BELOW = 4096,
};

struct cai_reach {
    uint64_t from_base; /* address - base; wraps around where the address lies below */
    uint64_t length;
};

/* Where in its window a mantissa `bottom` lies: the window begins an eighth below the eighth that bottom is in. */
CAI_INLINE uint64_t cai_quick_distance(uint64_t unit, uint32_t bottom)
{
    uint64_t bottom_in_window = 0x800 + (bottom & 0x7ff);

    return ((unit - bottom + bottom_in_window) & CAI_QUICK_MANTISSA) - bottom_in_window;
}

/* False: ask cai_concentrate_decode. */
CAI_INLINE bool cai_quick_reach(uint64_t high, uint64_t address, struct cai_reach *reach)
{
    uint32_t field = (uint32_t)(high ^ CAI_CONCENTRATE_XOR);
    uint32_t bottom = field & CAI_QUICK_MANTISSA;
    uint32_t top = field >> CAI_QUICK_TOP_SHIFT & CAI_QUICK_TOP;

    if (CAI_LIKELY((field & CAI_QUICK_INTERNAL) == 0)) {
        reach->from_base = cai_quick_distance(address, bottom);
        reach->length = (top - bottom) & CAI_QUICK_TOP;
        return true;
    }
    unsigned exponent = (top & 7) << 3 | (bottom & 7);
    if (exponent > CAI_QUICK_EXPONENT_MAX)
        return false;
    bottom &= ~UINT32_C(7);
    top &= ~UINT32_C(7);
    uint64_t unit = address >> exponent;
    reach->from_base = address - ((unit - cai_quick_distance(unit, bottom)) << exponent);
    reach->length = (uint64_t)(((top - bottom) & CAI_QUICK_TOP) + CAI_QUICK_EXACT_BELOW) << exponent;
    return true;
}

/* The type's 18 bits, and the flag for an exponent, which is xor-ed in memory. */
#define CAI_QUICK_TYPE (UINT64_C(0x3ffff) << 27)
#define CAI_QUICK_NO_EXPONENT ((uint64_t)CAI_QUICK_INTERNAL)

/* May a capability with a tag be used for [address + offset, + bytes), bytes <= 2048? Answers only the frequent case,
 * in which it is not sealed, has these permissions (in the bits of `high`) and is shorter than CAI_QUICK_EXACT_BELOW.
 * With an offset this small, nothing outside the bounds has the distance of something inside. */
CAI_INLINE bool cai_quick_allows(uint64_t high, uint64_t address, int64_t offset, uint64_t bytes, uint64_t permissions)
{
    uint64_t wanted = permissions | CAI_QUICK_NO_EXPONENT;
    uint32_t field = (uint32_t)high ^ (uint32_t)CAI_CONCENTRATE_XOR;
    uint32_t distance = ((uint32_t)address + (uint32_t)offset - field) & CAI_QUICK_MANTISSA;
    uint64_t length = ((field >> CAI_QUICK_TOP_SHIFT) - field) & CAI_QUICK_TOP;

    return CAI_LIKELY((high & (wanted | CAI_QUICK_TYPE)) == wanted) && CAI_LIKELY((uint64_t)offset + 2048 < 4096) &&
           CAI_LIKELY(distance + bytes <= length);
}

/* `high` without bounds, with those of [address, address + length), length < CAI_QUICK_EXACT_BELOW. */
CAI_INLINE uint64_t cai_quick_bounds(uint64_t high, uint64_t address, uint64_t length)
{
    uint64_t bottom = address & CAI_QUICK_MANTISSA;
    uint64_t top = (address + length) & CAI_QUICK_TOP;

    return high | ((bottom | top << CAI_QUICK_TOP_SHIFT) ^ (CAI_CONCENTRATE_XOR & (CAI_QUICK_INTERNAL * 2u - 1)));
}

#endif
