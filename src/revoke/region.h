/* Regions of the places, 16 MiB each, as bits of one word: where words point to, and where what waits lies. Regions
 * that are a GiB apart share a bit.
 */
#ifndef CAI_REVOKE_REGION_H
#define CAI_REVOKE_REGION_H

#include "base/compiler.h"

#include <stdint.h>

enum { CAI_REGION_SHIFT = 24 };

/* `offset` is from the first place on. */
CAI_INLINE uint64_t cai_region_bit(uintptr_t offset)
{
    return UINT64_C(1) << (offset >> CAI_REGION_SHIFT & 63);
}

#endif
