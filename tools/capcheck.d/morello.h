/* The bounds of Arm's Morello: the arithmetic of src/cap/bounds.h with mantissas of 16 bits.
 *
 * What differs from version 9 of CHERI-RISC-V: the words lie in memory as they are drawn, with the exponent and its
 * flag inverted, so that NULL is all zero too; the upper eight bits of an address are not part of it, bit 55 is
 * repeated there; exponent 63 means the whole address space. Permissions and types are not here: nothing needs them.
 * Source: "Arm Architecture Reference Manual Supplement: Morello" (DDI 0606), functions whose names begin with Cap.
 */
#ifndef CAPCHECK_MORELLO_H
#define CAPCHECK_MORELLO_H

#include "cap/bounds.h"

/* The high word with every permission, unsealed, bounds [0, 2^64). */
#define MORELLO_ROOT UINT64_C(0xffffc00000010005)

enum { MORELLO_MANTISSA = 16, MORELLO_ADDRESS_BITS = 56, MORELLO_EXPONENT_ALL = 63 };

#define MORELLO_FORMAT ((struct cai_bounds_format){.mantissa = MORELLO_MANTISSA})
#define MORELLO_FIELD ((UINT64_C(1) << (2 * MORELLO_MANTISSA - 1)) - 1)
#define MORELLO_INTERNAL (UINT64_C(1) << (2 * MORELLO_MANTISSA - 2))
#define MORELLO_EXPONENT (UINT64_C(7) | UINT64_C(7) << MORELLO_MANTISSA)

/* The field as bounds.h has it, from memory or to it. */
static inline uint64_t morello_inverted(uint64_t field, bool internal)
{
    return field ^ MORELLO_INTERNAL ^ (internal ? MORELLO_EXPONENT : 0);
}

static inline struct cai_mantissas morello_unpack(uint64_t high)
{
    return cai_bounds_unpack(MORELLO_FORMAT, morello_inverted(high & MORELLO_FIELD, (high & MORELLO_INTERNAL) == 0));
}

/* With larger exponents no bit of the address reaches the bounds, and none is taken away from it either. */
static inline bool morello_uses_address(uint64_t high)
{
    return morello_unpack(high).exponent + MORELLO_MANTISSA < 64;
}

static inline uint64_t morello_extended(uint64_t address)
{
    return (uint64_t)((int64_t)(address << (64 - MORELLO_ADDRESS_BITS)) >> (64 - MORELLO_ADDRESS_BITS));
}

static inline struct cai_bounds morello_decode(uint64_t high, uint64_t address)
{
    struct cai_mantissas m = morello_unpack(high);

    if (m.exponent > cai_bounds_max_exponent(MORELLO_FORMAT))
        return (struct cai_bounds){.base = 0, .top = (cai_u128)1 << 64};
    return cai_bounds_decode(MORELLO_FORMAT, m, morello_extended(address));
}

/* As cai_concentrate_set_bounds. From bounds so large that addresses are not cut (ROOT's are), the new ones may lie
 * elsewhere when the upper eight bits of `address` are no repetition of bit 55; hardware clears the tag then.
 */
static inline uint64_t morello_set_bounds(uint64_t high, uint64_t address, cai_u128 length, bool *exact)
{
    uint64_t start = morello_uses_address(high) ? morello_extended(address) : address;
    struct cai_mantissas m = cai_bounds_encode(MORELLO_FORMAT, start, length, exact);

    return (high & ~MORELLO_FIELD) | morello_inverted(cai_bounds_pack(MORELLO_FORMAT, m), m.internal);
}

/* Exponents between the largest that is needed and the one for everything are reserved. */
static inline bool morello_well_formed(uint64_t high)
{
    struct cai_mantissas m = morello_unpack(high);

    return m.exponent == MORELLO_EXPONENT_ALL || cai_bounds_well_formed(MORELLO_FORMAT, m);
}

static inline bool morello_representable(uint64_t high, uint64_t address, uint64_t new_address)
{
    unsigned exponent = morello_unpack(high).exponent;
    struct cai_bounds now = morello_decode(high, address);
    struct cai_bounds then = morello_decode(high, new_address);
    bool cut = morello_uses_address(high) && ((address ^ new_address) >> (MORELLO_ADDRESS_BITS - 1) & 1) != 0;
    bool reserved = exponent > cai_bounds_max_exponent(MORELLO_FORMAT) && exponent < MORELLO_EXPONENT_ALL;

    return now.base == then.base && now.top == then.top && !cut && !reserved;
}

/* RRMASK: a base of ~length puts the top on the last byte, where both ends are as far from a multiple as they can be.
 * So for a few lengths the mask is twice as coarse as exactness needs. */
static inline uint64_t morello_cram(uint64_t length)
{
    bool exact;

    return cai_bounds_mask(cai_bounds_encode(MORELLO_FORMAT, ~length, length, &exact));
}

/* RRLEN */
static inline uint64_t morello_crrl(uint64_t length)
{
    uint64_t mask = morello_cram(length);

    return (length + ~mask) & mask;
}

#endif
