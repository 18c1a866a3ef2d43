/* Bins: taking a slot from a heap's stack and putting it back, filling and emptying the stacks from and to slabs.
 *
 * The fast paths are here in full: no lock, no division, no atomic instruction, and no load from the block itself.
 * Every slot that leaves or enters a bin is checked against its state byte: an address that is not the start of a live
 * block never gets in, and a slot that two threads freed in the same instant does not get out twice. What the slow
 * halves cannot decide alone they return: bin empty, housekeeping due, out of memory, doubly freed.
 */
#ifndef CAI_BLOCKS_CACHE_H
#define CAI_BLOCKS_CACHE_H

#include "base/tools.h"
#include "blocks/find.h"
#include "core/mode.h"

/* --- by who uses the heap --- */

/* How many slots the bin wants for its next refill, with room made for them. 0: no memory for the room. */
uint32_t cai_cache_wants(struct cai_heap *heap, enum cai_place place, unsigned size_class);

/* Fills the empty bin with up to `want` slots, lowest address on top; returns how many. 0: out of memory. */
uint32_t cai_cache_refill(struct cai_heap *heap, enum cai_place place, unsigned size_class, uint32_t want);

/* Puts a live slot of the heap into its bin, which is made longer or, when it is as long as it may be, half emptied.
 * False: there is no memory for a bin, nothing changed. */
bool cai_cache_put_full(struct cai_heap *heap, enum cai_place place, unsigned size_class, uint8_t *state,
                        void *address);

/* The slots of every bin go back to their slabs, and empty slabs to the zone. Returns the bytes of the slots. */
size_t cai_cache_flush_all(struct cai_heap *heap);

/* The same for bins that did nothing since the last look. */
size_t cai_cache_flush_idle(struct cai_heap *heap);

/* In the child of a fork, for a heap whose thread is not there and stopped in the middle of anything but what it does
 * under the heap's lock: its bins are emptied; only slots whose state byte says cached go back. */
void cai_cache_salvage(struct cai_heap *heap);

/* The same for a heap whose lock was held by a thread that is not there: what it has of slabs is counted anew by their
 * state bytes. `keep_bins`: they are the calling thread's own, and in order. `told`: a slab that the calling
 * thread may be about to enter in the list of those with remote frees, as it has said already; or NULL. */
void cai_cache_rebuild(struct cai_heap *heap, bool keep_bins, const struct cai_unit *told);

/* A live block goes back to its slab, or as a run, whoever uses the heap. In must-zero places it is cleared. */
void cai_cache_discard(struct cai_heap *heap, struct cai_live live);

/* The slots that are not in the slab: live, in bins, waiting. What its counters say may lag behind. */
uint32_t cai_cache_count(struct cai_unit *slab);

/* One slab alone is counted anew: a remote free of it may not have been told. */
void cai_cache_recount(struct cai_heap *heap, struct cai_unit *slab, const struct cai_unit *told);

/* Bytes of the slots in its bins; anybody may ask, and gets a number of some moment. */
size_t cai_cache_bytes(const struct cai_heap *heap);

/* --- by anyone --- */

/* Takes in what other threads freed. `wait`: not only when the heap's lock is free at once. */
void cai_cache_collect(struct cai_heap *heap, bool wait);

/* The same, and gives the heap's empty slabs back. */
void cai_cache_drop_empty(struct cai_heap *heap);

/* Slabs whose remote frees came here and are another heap's: a list by next_returned, taken out. */
struct cai_unit *cai_cache_strays(struct cai_heap *heap);

/* --- with the heap's lock held --- */

/* The slab's counters changed: into the list, out of it, or back to the zone. */
void cai_cache_settle(struct cai_heap *heap, struct cai_unit *slab);

/* A slab that is in no list becomes one of the heap. */
void cai_cache_list(struct cai_heap *heap, struct cai_unit *slab);

/* --- the fast paths --- */

/* What a slot's state said before it left its bin: nobody has to clear it. In the hardened library that is looked at by
 * those who tell of what they find (heaps/hardened.h), and believed by nobody else. */
CAI_INLINE bool cai_cache_is_zero(enum cai_place place, uint8_t before)
{
    return cai_place_zeroes(place) || (!CAI_HARDENS && (before & CAI_STATE_ZERO) != 0);
}

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
    *is_zero = cai_cache_is_zero(place, before);
    if (CAI_HARDENS && size_class > 1)
        cai_store_relaxed(state + 1, (before & CAI_STATE_ZERO) != 0 ? CAI_STATE_WAS_ZERO : CAI_STATE_NONE);
    return true;
}

/* Makes the first `bytes` bytes zero unless they are known to be, and counts which. */
CAI_INLINE void cai_cache_zero(struct cai_heap *heap, void *address, size_t bytes, bool is_zero)
{
    if (is_zero) {
        heap->bytes_clear_skipped += bytes;
    } else {
        heap->bytes_cleared += bytes;
        if (CAI_TOOLS)
            cai_tools_zero(address, bytes);
        else
            __builtin_memset(address, 0, bytes);
    }
}

/* A slot of the class from a bin of this heap, or NULL: then the slow path has it. With `zeroed`, its first `bytes`
 * bytes are zero. */
CAI_INLINE void *cai_cache_take(struct cai_heap *heap, enum cai_place place, enum cai_grain grain, size_t size_class,
                                bool zeroed, size_t bytes)
{
    struct cai_bin *bin = &heap->bins[place][size_class];
    void **top = bin->top;
    bool is_zero;

    if (CAI_TOOLS || CAI_UNLIKELY(top == bin->base || --bin->countdown < 0))
        return NULL;
    void *address = *--top;
    if (CAI_UNLIKELY(!cai_cache_activate(place, grain, size_class, address, &is_zero)))
        return NULL;
    bin->top = top;
    if (address == NULL)
        __builtin_unreachable(); /* never in a bin: spares the caller's test */
    if (zeroed)
        cai_cache_zero(heap, address, bytes, is_zero);
    return address;
}

enum cai_put {
    CAI_PUT_DONE,
    CAI_PUT_OUTSIDE, /* not in this zone, or not aligned as its blocks are */
    CAI_PUT_SLOW,    /* nothing changed: not a small live block, or not as simple as pushing it */
};

/* The slot is the bin's from here on; there is room. In this order, so that in the child of a fork which stopped
 * another thread in between, a slot that is cached stands in the bin or right above it. */
CAI_INLINE void cai_bin_push(struct cai_bin *bin, enum cai_place place, uint8_t *state, void *address)
{
    void **top = bin->top;

    *top = address;
    cai_fence_for_compiler();
    cai_store_relaxed(state, cai_state_freed(place, CAI_STATE_CACHED));
    cai_fence_for_compiler();
    bin->top = top + 1;
}

CAI_INLINE const struct cai_owned *cai_owned_at(enum cai_place place, enum cai_grain grain, size_t granule)
{
    return &cai_view_of(cai_zone_number(place, grain))->owner[cai_unit_of_granule(grain, granule)];
}

/* This granule lies in a slab of the heap. */
CAI_INLINE bool cai_cache_owns(const struct cai_heap *heap, enum cai_place place, enum cai_grain grain, size_t granule)
{
    return cai_load_relaxed(&cai_owned_at(place, grain, granule)->id) == heap->id;
}

/* Pushes a block of this zone that said `byte`, which ends only if it still does: of two calls that end it at the same
 * moment one finds that out. An exchange, which a free is not worth (docs/decisions/0009-no-exchange-on-free.md).
 * False: the block ended, the bin is full, or the slot is another heap's; nothing has changed. */
CAI_INLINE bool cai_cache_push_if(struct cai_heap *heap, enum cai_place place, enum cai_grain grain, size_t granule,
                                  uint8_t *state, uint8_t byte, void *address)
{
    struct cai_bin *bin = &heap->bins[place][byte];
    void **top = bin->top;

    if (CAI_UNLIKELY(!cai_cache_owns(heap, place, grain, granule) || top == bin->end))
        return false;
    *top = address;
    if (CAI_UNLIKELY(!cai_swap_strong_acq_rel(state, &byte, cai_state_freed(place, CAI_STATE_CACHED))))
        return false;
    cai_fence_for_compiler();
    bin->top = top + 1;
    return true;
}

/* Gives a small block of this zone back, where that takes no more than pushing it. In must-zero places its slot has
 * been cleared already. */
CAI_INLINE enum cai_put cai_cache_put(struct cai_heap *heap, enum cai_place place, enum cai_grain grain, void *address)
{
    size_t granule;
    /* By a pointer: as table and index, the same instructions took half as long again (Intel, model 167). */
    uint8_t *state = cai_find_state(place, grain, address, &granule);

    if (CAI_UNLIKELY(state == NULL))
        return CAI_PUT_OUTSIDE;
    /* The slab's class says which bin, and the state byte only has to agree: what follows need not wait for that, which
     * has often left the cache. Of what was never a slab that is the bin which is full. */
    const struct cai_owned *owned = cai_owned_at(place, grain, granule);
    __asm__("" : "+r"(owned)); /* computed once */
    size_t size_class = cai_load_relaxed(&owned->size_class);
    struct cai_bin *bin = &heap->bins[place][size_class];
    if (CAI_UNLIKELY(cai_load_relaxed_in_place(state) != size_class ||
                     cai_load_relaxed_in_place(&owned->id) != heap->id || bin->top == bin->end))
        return CAI_PUT_SLOW;
    cai_bin_push(bin, place, state, address);
    return CAI_PUT_DONE;
}

#endif
