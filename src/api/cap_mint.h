/* Capabilities to blocks, made out of nothing: here alone. */
#ifndef CAI_API_CAP_MINT_H
#define CAI_API_CAP_MINT_H

#include "cap/cap.h"

#include "base/check.h"
#include "heaps/heaps.h"

#include <capalloc/cap.h>

#define CAI_DATA_PERMS (CA_CAP_PERM_GLOBAL | CA_CAP_PERM_LOAD | CA_CAP_PERM_STORE)
#define CAI_PERMS_OF(pointers) (CAI_DATA_PERMS | ((pointers) ? CA_CAP_PERMS_CAPS : 0))

/* The high word of a capability to memory of a place, bounds apart, zero for no place; hardware's permissions are bits
 * 48 to 59. */
static const uint64_t cai_high_of_place[CAI_PLACES + 1] = {
#define PLACE(name, pointers, zero) (uint64_t) CAI_PERMS_OF(pointers) << 48,
    CAI_FOR_PLACES(PLACE)
#undef PLACE
};
enum { CAI_BOUNDS_BITS = 27 };

CAI_INLINE bool cai_holds_caps(enum cai_place place)
{
    return (cai_high_of_place[place] >> 48 & CA_CAP_PERM_STORE_CAP) != 0;
}

CAI_INLINE ca_cap cai_mint(enum cai_place place, uintptr_t base, size_t length)
{
    bool exact = true;
    ca_cap cap = {.address = base, .tag = 1};

    cap.high = CAI_LIKELY(length < CAI_QUICK_EXACT_BELOW)
                   ? cai_quick_bounds(cai_high_of_place[place], base, length)
                   : cai_concentrate_set_bounds(cai_high_of_place[place], base, length, &exact);
    CAI_CHECK(exact);
    return cap;
}

CAI_INLINE ca_cap_result cai_minted(ca_cap cap)
{
    return (ca_cap_result){.cap = cap, .error = CA_OK};
}

CAI_INLINE ca_cap_result cai_not_minted(ca_error error)
{
    return (ca_cap_result){.cap = ca_cap_null(), .error = error};
}

#endif
