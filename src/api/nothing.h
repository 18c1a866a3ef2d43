/* Blocks of size 0 as capabilities and as pointers that stand for them: they tell their place.
 */
#ifndef CAI_API_NOTHING_H
#define CAI_API_NOTHING_H

#include "heaps/heaps.h"

#include <capalloc/heap.h>

/* A block of size 0: the first address of its place, where no block ever lies, neither before nor behind (unit 0 of a
 * zone is never part of a run). So it tells its place, and is aligned to as much as a place. */
CAI_INLINE uintptr_t cai_nothing_in(enum cai_place place)
{
    return cai_sealed.places + ((uintptr_t)place << cai_sealed.shift);
}

CAI_INLINE bool cai_nothing_fits(ca_layout layout)
{
    return layout.align <= (size_t)1 << cai_sealed.shift;
}

#endif
