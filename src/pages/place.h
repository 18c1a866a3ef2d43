/* Places: what an address promises, told by two of its bits.
 *
 * The estate is one span of addresses cut into four places of equal size, so that from any address, interior ones too,
 * (address - base) >> shift is the place. Nothing is looked up and nothing is trusted from the caller.
 */
#ifndef CAI_PAGES_PLACE_H
#define CAI_PAGES_PLACE_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The four places. PLACE(name, may hold pointers, free means zero)
 *
 * The order is the address: bit 0 of a place's number says "no pointers", bit 1 says "must be zero before it is given
 * back". Enumeration, names, kernel policy, statistics and tests derive from these rows. */
#define CAI_FOR_PLACES(PLACE)                                                                                          \
    PLACE(ordinary, true, false)                                                                                       \
    PLACE(nocaps, false, false)                                                                                        \
    PLACE(mustzero, true, true)                                                                                        \
    PLACE(secret, false, true)

enum cai_place {
#define PLACE(name, pointers, zero) CAI_PLACE_##name,
    CAI_FOR_PLACES(PLACE)
#undef PLACE
        CAI_PLACES,
    CAI_PLACE_none = CAI_PLACES
};

/* Free memory of the place is all zero, always. */
CAI_INLINE bool cai_place_zeroes(enum cai_place place)
{
    return (place & 2) != 0;
}

/* The name as reports and statistics print it; "none" for CAI_PLACE_none. */
const char *cai_place_name(enum cai_place place);

#endif
