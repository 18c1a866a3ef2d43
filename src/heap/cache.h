/* The fast paths: taking a slot from the thread's bin and putting it back.
 *
 * No lock, no division, no atomic instruction, and no load from the block itself. Every slot that leaves or enters a bin
 * is checked against its state byte: an address that is not the start of a live block never gets in, and a slot that two
 * threads freed in the same instant does not get out twice.
 */
#ifndef CAI_HEAP_CACHE_H
#define CAI_HEAP_CACHE_H

#include "heap/slab.h"

/* What cai_cache_take does when the bin is empty, the thread has no heap, or housekeeping is due. */
void *cai_cache_take_slow(enum cai_place place, unsigned size_class, bool zeroed, size_t bytes);

/* What cai_cache_put does when the bin is full, or the slot belongs to another thread's heap: the state byte was live. */
bool cai_cache_put_slow(enum cai_place place, enum cai_grain grain, void *address, size_t granule);

/* The slots of every bin go back to their slabs. */
void cai_cache_flush_all(struct cai_thread *thread);

/* The same for a heap whose thread vanished in mid-operation. */
void cai_cache_salvage(struct cai_thread *thread);

/* Tells the owner of the last foreign slab what this thread freed in it. */
void cai_cache_publish(struct cai_thread *thread);

/* Bins that did nothing since the last look are flushed, slabs kept empty are given back. */
void cai_cache_flush_idle(struct cai_thread *thread);

/* Takes in what other threads freed. `wait`: not only when the heap's lock is free at once. */
void cai_cache_collect(struct cai_thread *thread, bool wait);

/* Marks a popped slot live and says whether it is known to be zero; false: its state byte forbids handing it out. */
CAI_INLINE bool cai_cache_activate(enum cai_place place, enum cai_grain grain, unsigned size_class, void *address,
                                   bool *is_zero)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    uint8_t *state = view->state + (((uintptr_t)address - view->origin) >> cai_grain_shift(grain));
    uint8_t before = cai_load_relaxed(state);

    if (CAI_UNLIKELY(!cai_state_is_cached(before)))
        return false;
    cai_store_relaxed(state, (uint8_t)size_class);
    *is_zero = (before & CAI_STATE_ZERO) != 0;
    return true;
}

/* A slot of the class, NULL when memory is short. With `zeroed`, its first `bytes` bytes are zero. */
CAI_INLINE void *cai_cache_take(enum cai_place place, enum cai_grain grain, unsigned size_class, bool zeroed, size_t bytes)
{
    struct cai_bin *bin = &cai_self->bins[place][size_class];
    uint32_t count = bin->count;
    bool is_zero;

    if (CAI_UNLIKELY(count == 0 || --bin->countdown < 0))
        return cai_cache_take_slow(place, size_class, zeroed, bytes);
    void *address = bin->slots[count - 1];
    bin->count = count - 1;
    if (CAI_UNLIKELY(!cai_cache_activate(place, grain, size_class, address, &is_zero)))
        return cai_cache_take_slow(place, size_class, zeroed, bytes);
    if (zeroed && !is_zero)
        __builtin_memset(address, 0, bytes);
    return address;
}

enum cai_put {
    CAI_PUT_DONE,
    CAI_PUT_OUTSIDE, /* not in this zone, or not aligned as its blocks are */
    CAI_PUT_REFUSED, /* nothing changed: no live small block starts there */
};

/* Gives a small block of this zone back; the place's free memory need not be zero. */
CAI_INLINE enum cai_put cai_cache_put(enum cai_place place, enum cai_grain grain, void *address)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    size_t granule = cai_granule_of(view, grain, address);

    if (CAI_UNLIKELY(granule >= view->granules))
        return CAI_PUT_OUTSIDE;
    uint8_t *state = view->state + granule;
    uint8_t size_class = cai_load_relaxed(state);
    if (CAI_UNLIKELY(!cai_state_is_live(size_class) || (grain == CAI_COARSE && size_class > CAI_CLASS_LAST)))
        return CAI_PUT_REFUSED;
    struct cai_thread *thread = cai_self;
    struct cai_bin *bin = &thread->bins[place][size_class];
    uint32_t count = bin->count;
    if (CAI_UNLIKELY(cai_load_relaxed(&view->owner[cai_unit_of_granule(grain, granule)]) != thread->id ||
                     count == bin->limit))
        return cai_cache_put_slow(place, grain, address, granule) ? CAI_PUT_DONE : CAI_PUT_REFUSED;
    cai_store_relaxed(state, CAI_STATE_CACHED);
    bin->slots[count] = address;
    bin->count = count + 1;
    return CAI_PUT_DONE;
}

#endif
