/* The fast paths of small blocks whose exact size is recorded: those of the heap's own form.
 *
 * What cai_cache_take and cai_cache_put do, and the exact size with it. In must-zero places a slot leaves its bin only
 * as one that is known to be zero, and is cleared between the proof of its size and the moment when it can be seen to
 * be free.
 */
#ifndef CAI_BLOCKS_STAMPED_H
#define CAI_BLOCKS_STAMPED_H

#include "base/tools.h"
#include "blocks/cache.h"
#include "blocks/clear.h"
#include "blocks/exact.h"

/* How the exact size of a small block is written (exact.h). */
enum cai_kind {
    CAI_KIND_SHORT,  /* in the state itself, in a slot of 16 */
    CAI_KIND_STAMP,  /* in a byte that is given, with the state in one number */
    CAI_KIND_COARSE, /* in four */
};

/* A block of exactly `bytes` bytes, of this class, from a bin of this heap; with `zeroed`, all of them zero. `stamp` is
 * that of a fine one. NULL: the slow path must be asked. */
CAI_INLINE void *cai_sized_take(struct cai_heap *heap, enum cai_place place, enum cai_kind kind, size_t size_class,
                                uint16_t stamp, bool zeroed, size_t bytes)
{
    enum cai_grain grain = kind == CAI_KIND_COARSE ? CAI_COARSE : CAI_FINE;
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    struct cai_bin *bin = &heap->bins[place][size_class];
    void **top = bin->top;

    if (CAI_TOOLS || CAI_UNLIKELY(top == bin->base || --bin->countdown < 0))
        return NULL;
    void *address = *--top;
    uint8_t *state = view->state + (((uintptr_t)address - view->origin) >> cai_grain_shift(grain));
    uint8_t before = cai_load_relaxed_in_place(state);
    if (CAI_UNLIKELY(!cai_state_may_leave(place, before)))
        return NULL;
    if (kind == CAI_KIND_COARSE)
        cai_record_coarse(state, bytes);
    if (kind == CAI_KIND_STAMP)
        cai_stamp_set(state, stamp);
    else
        cai_store_relaxed(state, kind == CAI_KIND_SHORT ? cai_short_states[bytes] : (uint8_t)size_class);
    bin->top = top;
    if (address == NULL)
        __builtin_unreachable(); /* never in a bin: spares the caller's test */
    if (zeroed)
        cai_cache_zero(heap, address, bytes, cai_cache_is_zero(place, before));
    return address;
}

/* A fine block with this stamp. */
CAI_INLINE void *cai_stamped_take(struct cai_heap *heap, enum cai_place place, uint16_t stamp, bool zeroed,
                                  size_t bytes)
{
    return cai_sized_take(heap, place, CAI_KIND_STAMP, cai_stamp_class(stamp), stamp, zeroed, bytes);
}

/* Longer slots of must-zero places are worth a call of memset, and that is not for a fast path. */
CAI_INLINE bool cai_stamped_may_put(enum cai_place place, size_t bytes)
{
    size_t most = cai_place_zeroes(place) ? CAI_CLEAR_SHORT : CAI_STAMP_BYTES_MAX;

    return bytes - CAI_STAMP_BYTES_MIN <= most - CAI_STAMP_BYTES_MIN;
}

/* Pushes a block that has been proved to be one of this class and heap. */
CAI_INLINE bool cai_sized_push(struct cai_heap *heap, enum cai_place place, size_t size_class, uint8_t *state,
                               void *address)
{
    struct cai_bin *bin = &heap->bins[place][size_class];

    if (CAI_UNLIKELY(bin->top == bin->end))
        return false;
    if (cai_place_zeroes(place))
        cai_clear_slot(heap, address, cai_class_sizes[size_class]);
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
    *owner = cai_load_relaxed(&view->owner[cai_unit_of_granule(CAI_FINE, granule)].id);
    return state;
}

#endif
