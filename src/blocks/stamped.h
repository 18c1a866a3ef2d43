/* The fast paths of blocks that have a stamp (exact.h): the most frequent sizes of the heap's own form.
 *
 * What cai_cache_take and cai_cache_put do, and the exact size with it: one store writes state and record, and one
 * comparison on the way back proves both. In must-zero places a slot leaves its bin only as one that is known to be
 * zero, and is cleared between the proof and the moment when it can be seen to be free.
 */
#ifndef CAI_BLOCKS_STAMPED_H
#define CAI_BLOCKS_STAMPED_H

#include "blocks/cache.h"
#include "blocks/clear.h"
#include "blocks/exact.h"

/* A block of `bytes` bytes, whose stamp this is, from a bin of this heap; with `zeroed`, all of them zero. NULL: the
 * slow path must be asked. */
CAI_INLINE void *cai_stamped_take(struct cai_heap *heap, enum cai_place place, uint16_t stamp, bool zeroed,
                                  size_t bytes)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, CAI_FINE));
    struct cai_bin *bin = &heap->bins[place][cai_stamp_class(stamp)];
    size_t count;

    if (CAI_UNLIKELY(__builtin_sub_overflow((size_t)bin->count, 1u, &count) || --bin->countdown < 0))
        return NULL;
    void *address = bin->slots[count];
    size_t granule = ((uintptr_t)address - view->origin) >> CAI_FINE_SHIFT;
    uint8_t before = cai_load_relaxed_in_place(&view->state[granule]);
    if (CAI_UNLIKELY(!cai_state_may_leave(place, before)))
        return NULL;
    cai_stamp_set(&view->state[granule], stamp);
    bin->count = (uint32_t)count;
    if (address == NULL)
        __builtin_unreachable(); /* never in a bin: spares the caller's test */
    if (zeroed)
        cai_cache_zero(heap, address, bytes, cai_place_zeroes(place) || (before & CAI_STATE_ZERO) != 0);
    return address;
}

/* Longer slots of must-zero places are worth a call of memset, and that is not for a fast path. */
CAI_INLINE bool cai_stamped_may_put(enum cai_place place, size_t bytes)
{
    size_t most = cai_place_zeroes(place) ? CAI_CLEAR_SHORT : CAI_STAMP_BYTES_MAX;

    return bytes - CAI_STAMP_BYTES_MIN <= most - CAI_STAMP_BYTES_MIN;
}

/* Pushes a block that has been proved to be one of this heap. */
CAI_INLINE bool cai_stamped_push(struct cai_heap *heap, enum cai_place place, uint16_t stamp, uint8_t *state,
                                 void *address)
{
    struct cai_bin *bin = &heap->bins[place][cai_stamp_class(stamp)];

    if (CAI_UNLIKELY(bin->count == bin->limit))
        return false;
    if (cai_place_zeroes(place))
        cai_clear_slot(heap, address, cai_class_sizes[cai_stamp_class(stamp)]);
    cai_bin_push(bin, place, state, address);
    return true;
}

/* The state of a live block with this stamp at the address, and who owns it; NULL: there is none. */
CAI_INLINE uint8_t *cai_stamped_find(enum cai_place place, uint16_t stamp, const void *address, uint32_t *owner)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, CAI_FINE));
    size_t granule;
    uint8_t *state = cai_find_state(place, CAI_FINE, address, &granule);

    if (CAI_UNLIKELY(state == NULL || !cai_stamp_is(state, stamp)))
        return NULL;
    *owner = cai_load_relaxed(&view->owner[cai_unit_of_granule(CAI_FINE, granule)]);
    return state;
}

#endif
