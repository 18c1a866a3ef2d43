/* Slabs: runs cut into slots of one size class. Which slots are free is told by the state bytes alone; the descriptor
 * only counts them.
 */
#ifndef CAI_BLOCKS_SLAB_H
#define CAI_BLOCKS_SLAB_H

#include "base/check.h"
#include "blocks/heap.h"
#include "blocks/sizeclass.h"

/* The slab an address of a live or free slot lies in. */
CAI_INLINE struct cai_unit *cai_slab_of(const struct cai_view *view, enum cai_grain grain, size_t granule)
{
    size_t number = cai_unit_of_granule(grain, granule);

    return view->units + cai_load_relaxed(&view->units[number].head);
}

/* Its first slot. */
CAI_INLINE uintptr_t cai_slab_begin(const struct cai_unit *slab)
{
    return cai_unit_address(slab) + cai_class_lead(slab->size_class, cai_unit_number(slab));
}

/* The state byte of that. */
CAI_INLINE uint8_t *cai_slab_states(const struct cai_unit *slab)
{
    const struct cai_view *view = cai_view_of(slab->zone);

    return &view->state[cai_granule_of(view, cai_zone_grain(slab->zone), (void *)cai_slab_begin(slab))];
}

/* How many slots of the class one has. */
CAI_INLINE uint32_t cai_slab_slots(unsigned size_class, uint32_t units)
{
    size_t lead = size_class < CAI_CLASS_LED ? 0 : CAI_LEAD_BYTES_MAX;

    return (uint32_t)((((size_t)units << CAI_UNIT_SHIFT) - lead) / cai_class_bytes(size_class));
}

/* A new slab of the heap, whose lock is held. NULL: out of memory. */
struct cai_unit *cai_slab_create(struct cai_heap *heap, enum cai_place place, unsigned size_class);

/* Moves up to `count` free slots from the slab to below `end`, as onto a stack that grows downwards, the lowest address
 * first, or in the hardened library one of the lowest (order.h); their state becomes cached. The owner's lock is held.
 * Returns how many. */
uint32_t cai_slab_take(struct cai_unit *slab, void **end, uint32_t count);

/* Free slots, at least; the owner's lock is held. */
uint32_t cai_slab_room(const struct cai_unit *slab);

/* One slot back from the owner's bin, whose state byte says `cached`; to be counted. The owner's lock is held. */
CAI_INLINE void cai_slab_put_uncounted(uint8_t *state, uint8_t cached)
{
    CAI_CHECK(cai_state_is_cached(cached));
    cai_store_relaxed(state, (uint8_t)(cached & ~(CAI_STATE_CACHED ^ CAI_STATE_IN_SLAB)));
}

/* So many were put. The owner's lock is held. */
CAI_INLINE void cai_slab_count_put(struct cai_unit *slab, uint32_t count)
{
    slab->used -= (uint32_t)cai_min(slab->used, count); /* it may be too low: cai_slab_is_empty */
}

/* Both. */
CAI_INLINE void cai_slab_put(struct cai_unit *slab, uint8_t *state)
{
    cai_slab_put_uncounted(state, cai_load_relaxed(state));
    cai_slab_count_put(slab, 1);
}

/* `count` slots were marked free in the slab by a thread that does not use its heap, `owner` (NULL: there is none).
 * Without a lock. */
void cai_slab_remote_free(struct cai_unit *slab, uint32_t count, struct cai_heap *owner);

/* Subtracts remote frees; the owner's lock is held. */
void cai_slab_collect(struct cai_unit *slab);

/* No slot is in use, and the state bytes agree. The owner's lock is held. */
bool cai_slab_is_empty(struct cai_unit *slab);

#endif
