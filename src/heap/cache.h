/* The fast paths: taking a slot from the thread's bin and putting it back.
 *
 * No lock, no division, no atomic instruction, and no load from the block itself. Every slot that leaves or enters a
 * bin is checked against its state byte: an address that is not the start of a live block never gets in, and a slot
 * that two threads freed in the same instant does not get out twice.
 */
#ifndef CAI_HEAP_CACHE_H
#define CAI_HEAP_CACHE_H

#include "heap/slab.h"

/* What to do when cai_cache_take gave nothing: refill, attach a heap to the thread, housekeeping. NULL: out of memory.
 * With `zeroed`, the first `bytes` bytes are zero. */
void *cai_cache_take_slow(enum cai_place place, unsigned size_class, bool zeroed, size_t bytes);

/* The same for a branch whose `use` is held. NULL: it may have been refused a charge, or *twice is a slot that two
 * threads freed at once, to be reported without the lock. */
void *cai_cache_take_for(struct cai_thread *branch, enum cai_place place, unsigned size_class, bool zeroed,
                         size_t bytes, void **twice);

/* No lock is held. */
void cai_cache_report_twice(enum cai_place place, unsigned size_class, const void *address);

/* A slab that is in no list becomes one of the thread heap, whose lock is held. */
void cai_cache_list(struct cai_thread *thread, struct cai_unit *slab);

/* What to do when cai_cache_put says CAI_PUT_SLOW for a live small block of this class whose state byte was `live`: the
 * bin is full, or the slot is another thread heap's. False: another thread freed it meanwhile, nothing changed. */
bool cai_cache_put_slow(enum cai_place place, unsigned size_class, uint8_t live, void *address);

/* The slots of every bin go back to their slabs. */
void cai_cache_flush_all(struct cai_thread *thread);

/* The same for a heap whose thread vanished in mid-operation. */
void cai_cache_salvage(struct cai_thread *thread);

/* Tells the owner of the last foreign slab what this thread freed in it. */
void cai_cache_publish(struct cai_thread *thread);

/* Bins that did nothing since the last look are flushed, slabs kept empty are given back. */
void cai_cache_flush_idle(struct cai_thread *thread);

/* Takes in what other threads freed and gives back the heap's empty slabs; any thread may call it for any heap. */
void cai_cache_drop_empty(struct cai_thread *thread);

/* Takes in what other threads freed. `wait`: not only when the heap's lock is free at once. */
void cai_cache_collect(struct cai_thread *thread, bool wait);

/* Marks a popped slot live and says whether it is known to be zero; false: its state byte forbids handing it out. */
CAI_INLINE bool cai_cache_activate(enum cai_place place, enum cai_grain grain, size_t size_class, void *address,
                                   bool *is_zero)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    uint8_t *state = view->state + (((uintptr_t)address - view->origin) >> cai_grain_shift(grain));
    uint8_t before = cai_load_relaxed(state);

    if (CAI_UNLIKELY(!cai_state_may_leave(place, before)))
        return false;
    cai_store_relaxed(state, (uint8_t)size_class);
    *is_zero = cai_place_zeroes(place) || (before & CAI_STATE_ZERO) != 0;
    return true;
}

/* Makes the first `bytes` bytes zero unless they are known to be, and counts which. */
CAI_INLINE void cai_cache_zero(struct cai_thread *thread, void *address, size_t bytes, bool is_zero)
{
    if (is_zero) {
        thread->bytes_clear_skipped += bytes;
    } else {
        thread->bytes_cleared += bytes;
        __builtin_memset(address, 0, bytes);
    }
}

/* A slot of the class from a bin of this heap, or NULL: then the slow path has it. With `zeroed`, its first `bytes`
 * bytes are zero. */
CAI_INLINE void *cai_cache_take_from(struct cai_thread *thread, enum cai_place place, enum cai_grain grain,
                                     size_t size_class, bool zeroed, size_t bytes)
{
    struct cai_bin *bin = &thread->bins[place][size_class];
    uint32_t count = bin->count;
    bool is_zero;

    if (CAI_UNLIKELY(count == 0 || --bin->countdown < 0))
        return NULL;
    void *address = bin->slots[count - 1];
    if (CAI_UNLIKELY(!cai_cache_activate(place, grain, size_class, address, &is_zero)))
        return NULL;
    bin->count = count - 1;
    if (address == NULL)
        __builtin_unreachable(); /* never in a bin: spares the caller's test */
    if (zeroed)
        cai_cache_zero(thread, address, bytes, is_zero);
    return address;
}

/* The same from the calling thread's own heap; cai_cache_take_slow is its slow path. */
CAI_INLINE void *cai_cache_take(enum cai_place place, enum cai_grain grain, size_t size_class, bool zeroed,
                                size_t bytes)
{
    return cai_cache_take_from(cai_self, place, grain, size_class, zeroed, bytes);
}

enum cai_put {
    CAI_PUT_DONE,
    CAI_PUT_OUTSIDE, /* not in this zone, or not aligned as its blocks are */
    CAI_PUT_SLOW,    /* nothing changed: not a small live block, or not as simple as pushing it */
};

/* Pushes a live block of this zone that has been proved to be one. False: the bin is full, or the slot is another
 * thread heap's; nothing has changed. In must-zero places the slot has been cleared already. */
CAI_INLINE bool cai_cache_push(enum cai_place place, enum cai_grain grain, size_t granule, uint8_t *state,
                               uint8_t size_class, void *address)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    struct cai_thread *thread = cai_self;
    struct cai_bin *bin = &thread->bins[place][size_class];
    uint32_t count = bin->count;

    if (CAI_UNLIKELY(cai_load_relaxed(&view->owner[cai_unit_of_granule(grain, granule)]) != thread->id ||
                     count == bin->limit))
        return false;
    cai_store_relaxed(state, cai_state_freed(place, CAI_STATE_CACHED));
    bin->slots[count] = address;
    bin->count = count + 1;
    return true;
}

/* Gives a small block of this zone back, where that takes no more than pushing it. In must-zero places its slot has
 * been cleared already. */
CAI_INLINE enum cai_put cai_cache_put(enum cai_place place, enum cai_grain grain, void *address)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    size_t granule = cai_granule_of(view, grain, address);

    if (CAI_UNLIKELY(granule >= cai_load_relaxed_in_place(&view->granules)))
        return CAI_PUT_OUTSIDE;
    /* By a pointer: as table and index, the same instructions took half as long again (Intel, model 167). */
    uint8_t *state = view->state + granule;
    uint8_t size_class = cai_load_relaxed(state);
    if (CAI_UNLIKELY(!cai_state_is_live(size_class) || (grain == CAI_COARSE && size_class > CAI_CLASS_LAST)))
        return CAI_PUT_SLOW;
    return CAI_LIKELY(cai_cache_push(place, grain, granule, state, size_class, address)) ? CAI_PUT_DONE : CAI_PUT_SLOW;
}

#endif
