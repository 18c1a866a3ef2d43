/* Morello's words around the shared arithmetic of bounds.h: inverted exponent, sign-extended address, two ranges of
 * exponents with a meaning of their own.
 */
#include "cap/morello.h"

#include "cap/bounds.h"

enum { MANTISSA = 16, ADDRESS_BITS = 56, EXPONENT_ALL = 63 };

#define FORMAT ((struct cai_bounds_format){.mantissa = MANTISSA})

static const uint64_t field_bits = (UINT64_C(1) << (2 * MANTISSA - 1)) - 1;
static const uint64_t internal_bit = UINT64_C(1) << (2 * MANTISSA - 2);
static const uint64_t exponent_bits = 7 | 7 << MANTISSA;

static struct cai_mantissas unpack(uint64_t high)
{
    uint64_t field = (high & field_bits) ^ internal_bit;

    if ((field & internal_bit) != 0)
        field ^= exponent_bits;
    return cai_bounds_unpack(FORMAT, field);
}

/* With larger exponents no bit of the address reaches the bounds, and none is taken away from it either. */
static bool uses_address(struct cai_mantissas m)
{
    return m.exponent + MANTISSA < 64;
}

static uint64_t sign_extended(uint64_t address)
{
    return (uint64_t)((int64_t)(address << (64 - ADDRESS_BITS)) >> (64 - ADDRESS_BITS));
}

/* Exponents between the largest that is needed and the one for everything. */
static bool reserved(struct cai_mantissas m)
{
    return m.exponent > cai_bounds_max_exponent(FORMAT) && m.exponent < EXPONENT_ALL;
}

struct cai_bounds cai_morello_decode(uint64_t high, uint64_t address)
{
    struct cai_mantissas m = unpack(high);

    if (m.exponent > cai_bounds_max_exponent(FORMAT))
        return (struct cai_bounds){.base = 0, .top = (cai_u128)1 << 64};
    return cai_bounds_decode(FORMAT, m, sign_extended(address));
}

uint64_t cai_morello_set_bounds(uint64_t high, uint64_t address, cai_u128 length, bool *exact)
{
    uint64_t start = uses_address(unpack(high)) ? sign_extended(address) : address;
    struct cai_mantissas m = cai_bounds_encode(FORMAT, start, length, exact);
    uint64_t field = cai_bounds_pack(FORMAT, m) ^ internal_bit;

    if (m.internal)
        field ^= exponent_bits;
    return (high & ~field_bits) | field;
}

bool cai_morello_representable(uint64_t high, uint64_t address, uint64_t new_address)
{
    struct cai_bounds now = cai_morello_decode(high, address);
    struct cai_bounds then = cai_morello_decode(high, new_address);
    bool cut = uses_address(unpack(high)) && ((address ^ new_address) >> (ADDRESS_BITS - 1) & 1) != 0;

    return now.base == then.base && now.top == then.top && !cut && !reserved(unpack(high));
}

bool cai_morello_well_formed(uint64_t high)
{
    struct cai_mantissas m = unpack(high);

    return m.exponent == EXPONENT_ALL || (!reserved(m) && cai_bounds_well_formed(FORMAT, m));
}

/* A base of ~length puts the top on the last byte, where both ends are as far from a multiple as they can be. */
uint64_t cai_morello_cram(uint64_t length)
{
    return cai_bounds_mask(FORMAT, ~length, length);
}

uint64_t cai_morello_crrl(uint64_t length)
{
    uint64_t mask = cai_morello_cram(length);

    return (length + ~mask) & mask;
}
