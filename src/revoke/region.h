/* Regions of the places, as bits: where words point to, and where what waits lies. They are so long that 64 hold what
 * there is, and the 65th shares its bit with the first. Those of places for data have bits of their own: most words of
 * many a program lead to places for pointers, whatever waits in the others.
 */
#ifndef CAI_REVOKE_REGION_H
#define CAI_REVOKE_REGION_H

#include "pages/zone.h"

/* By cai_region_is_data. It changes when nothing is known by regions (quiet.c). */
extern uint8_t cai_region_shift[2];

/* `offset` is from the first place on, here and below. */
CAI_INLINE unsigned cai_region_is_data(uintptr_t offset)
{
    return offset >> cai_sealed.shift & 1;
}

struct cai_regions {
    uint64_t for_pointers, for_data; /* of ordinary and must-zero places; of nocaps and secret ones */
};

/* Without a branch: words are not sorted by where they point to. */
CAI_INLINE struct cai_regions cai_region_of(uintptr_t offset)
{
    unsigned is_data = cai_region_is_data(offset);
    uint64_t bit = UINT64_C(1) << (offset >> cai_region_shift[is_data] & 63);
    uint64_t data = -(uint64_t)is_data;

    return (struct cai_regions){bit & ~data, bit & data};
}

CAI_INLINE struct cai_regions cai_regions_both(struct cai_regions a, struct cai_regions b)
{
    return (struct cai_regions){a.for_pointers | b.for_pointers, a.for_data | b.for_data};
}

CAI_INLINE bool cai_regions_meet(struct cai_regions a, struct cai_regions b)
{
    return ((a.for_pointers & b.for_pointers) | (a.for_data & b.for_data)) != 0;
}

#endif
