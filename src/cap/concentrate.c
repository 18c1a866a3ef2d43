/* The words of CHERI-RISC-V, version 9: where in the high word permissions, type, flag and bounds lie.
 *
 *   63        60 59        48 47 46 45   44   27 26     0
 *   software's   hardware's   zero  flag type    bounds
 *
 * In memory type and bounds are xor-ed with those of NULL; permissions and flag are as they are.
 */
#include "cap/concentrate.h"

#include "cap/bounds.h"

enum { MANTISSA = 14 };
enum { OTYPE_SHIFT = 27, FLAG_SHIFT = 45, HARDWARE_SHIFT = 48, SOFTWARE_SHIFT = 60, SOFTWARE_VIEW = 15 };

#define FORMAT ((struct cai_bounds_format){.mantissa = MANTISSA})

static const uint64_t bounds_bits = (UINT64_C(1) << OTYPE_SHIFT) - 1;

_Static_assert(2 * MANTISSA - 1 == OTYPE_SHIFT, "the bounds fill what lies under the type");

static struct cai_mantissas unpack(uint64_t high)
{
    return cai_bounds_unpack(FORMAT, (high ^ CAI_CONCENTRATE_XOR) & bounds_bits);
}

struct cai_bounds cai_concentrate_decode(uint64_t high, uint64_t address)
{
    return cai_bounds_decode(FORMAT, unpack(high), address);
}

uint64_t cai_concentrate_set_bounds(uint64_t high, uint64_t address, cai_u128 length, bool *exact)
{
    uint64_t field = cai_bounds_pack(FORMAT, cai_bounds_encode(FORMAT, address, length, exact));

    return (high & ~bounds_bits) | (field ^ (CAI_CONCENTRATE_XOR & bounds_bits));
}

bool cai_concentrate_representable(uint64_t high, uint64_t address, uint64_t new_address)
{
    struct cai_mantissas m = unpack(high);
    struct cai_bounds now = cai_bounds_decode(FORMAT, m, address);
    struct cai_bounds then = cai_bounds_decode(FORMAT, m, new_address);

    return now.base == then.base && now.top == then.top;
}

bool cai_concentrate_may_move(uint64_t high, uint64_t address, uint64_t by)
{
    return cai_bounds_may_move(FORMAT, unpack(high), address, (int64_t)by);
}

bool cai_concentrate_well_formed(uint64_t high)
{
    return cai_bounds_well_formed(FORMAT, unpack(high));
}

uint64_t cai_concentrate_crrl(uint64_t length)
{
    uint64_t mask = cai_concentrate_cram(length);

    return (length + ~mask) & mask;
}

uint64_t cai_concentrate_cram(uint64_t length)
{
    bool exact;

    return cai_bounds_mask(cai_bounds_encode(FORMAT, 0, length, &exact));
}

uint32_t cai_concentrate_perms(uint64_t high)
{
    return (uint32_t)(high >> HARDWARE_SHIFT & 0xfff) | (uint32_t)(high >> SOFTWARE_SHIFT) << SOFTWARE_VIEW;
}

uint64_t cai_concentrate_with_perms(uint64_t high, uint32_t perms)
{
    uint64_t others = high & ((UINT64_C(1) << HARDWARE_SHIFT) - 1);

    return others | (uint64_t)(perms & 0xfff) << HARDWARE_SHIFT |
           (uint64_t)(perms >> SOFTWARE_VIEW & 0xf) << SOFTWARE_SHIFT;
}

uint32_t cai_concentrate_otype(uint64_t high)
{
    return (uint32_t)((high ^ CAI_CONCENTRATE_XOR) >> OTYPE_SHIFT) & CAI_CONCENTRATE_UNSEALED;
}

uint64_t cai_concentrate_with_otype(uint64_t high, uint32_t otype)
{
    /* Under the xor each bit of the type is stored inverted. */
    uint64_t stored = (uint64_t)(~otype & CAI_CONCENTRATE_UNSEALED) << OTYPE_SHIFT;

    return (high & ~((uint64_t)CAI_CONCENTRATE_UNSEALED << OTYPE_SHIFT)) | stored;
}

bool cai_concentrate_flag(uint64_t high)
{
    return (high >> FLAG_SHIFT & 1) != 0;
}

uint64_t cai_concentrate_with_flag(uint64_t high, bool flag)
{
    return (high & ~(UINT64_C(1) << FLAG_SHIFT)) | (uint64_t)flag << FLAG_SHIFT;
}
