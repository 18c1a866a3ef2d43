/* Giving blocks back. Functions that take an address validate it first and report a violation under the name of the
 * door that was used.
 */
#ifndef CAI_HEAPS_FREE_H
#define CAI_HEAPS_FREE_H

#include "base/tools.h"
#include "blocks/stamped.h"
#include "core/mode.h"
#include "heaps/bias.h"
#include "heaps/quarantine.h"

/* What to do when the fast path below did not: NULL (nothing), large blocks, full bins, other heaps' slots, and what
 * must be reported under the name of the door. */
void cai_free_slow(enum cai_place place, void *address, const char *function);

/* The same in the place of malloc, with a tenth fewer instructions. */
void cai_free_slow_ordinary(void *address, const char *function);

/* The same for a block that was found live. False: another thread freed it meanwhile, nothing changed. In must-zero
 * places its memory is cleared first, unless it was wiped. */
bool cai_free_live(enum cai_place place, void *address, struct cai_live live);

/* The same for a block that is claimed (claim.h) and whose slot or run is zero by somebody's word: it is not cleared,
 * and not known to be zero to anybody but the heap whose it is (blocks/claimed.h). */
bool cai_free_claimed_zero(enum cai_place place, void *address, struct cai_live live);

/* The same for a small block whose slot has been cleared where the place wants that. */
bool cai_free_slot(enum cai_place place, void *address, struct cai_live live);

/* In libraries where what is freed waits: what the thread freed is told, and looked at when it is time. */
void cai_free_told(void);

/* A small block of this grain goes where it goes, if that is simple. */
CAI_INLINE enum cai_put cai_free_small(enum cai_place place, enum cai_grain grain, void *address)
{
    struct cai_thread *thread = cai_self;

    if (CAI_HARDENS || CAI_TOOLS)
        return CAI_PUT_SLOW;
    if (!CAI_QUARANTINES)
        return cai_cache_put(&thread->owner.heap, place, grain, address);
    enum cai_put put = cai_quarantine_put_small(thread, place, grain, address);
    if (put == CAI_PUT_DONE && CAI_UNLIKELY(thread->untold >= CAI_UNTOLD_MAX))
        cai_free_told();
    return put;
}

/* Gives a block of this place back. */
CAI_INLINE void cai_free(enum cai_place place, void *address, const char *function)
{
    /* Must-zero places: the slot must be cleared first, by the slow half. */
    enum cai_put put = cai_place_zeroes(place) ? CAI_PUT_SLOW : cai_free_small(place, CAI_FINE, address);

    if (CAI_UNLIKELY(put == CAI_PUT_OUTSIDE))
        put = cai_free_small(place, CAI_COARSE, address);
    if (CAI_UNLIKELY(put != CAI_PUT_DONE))
        cai_free_slow(place, address, function);
}

/* Pushes a small block that has been proved to be one of this class: to the calling thread's heap or to the account it
 * used last, clearing its slot in must-zero places. False: it is another's, or the bin is full; nothing has changed. */
CAI_INLINE bool cai_free_sized(enum cai_place place, size_t size_class, uint32_t owner, uint8_t *state, void *address)
{
    struct cai_thread *thread = cai_self;

    if (CAI_LIKELY(owner == thread->owner.heap.id))
        return cai_sized_push(&thread->owner.heap, place, size_class, state, address);
    struct cai_heap *heap = cai_bias_enter_number(thread, owner);
    if (CAI_UNLIKELY(heap == NULL))
        return false;
    bool done = cai_sized_push(heap, place, size_class, state, address);
    cai_bias_leave(thread);
    return done;
}

/* Gives a block with this stamp back, where that takes no more than that. */
CAI_INLINE bool cai_free_stamped(enum cai_place place, uint16_t stamp, void *address)
{
    uint32_t owner;

    if (CAI_FREES_SLOWLY)
        return false;
    uint8_t *state = cai_stamped_find(place, stamp, address, &owner);
    return CAI_LIKELY(state != NULL) && cai_free_sized(place, cai_stamp_class(stamp), owner, state, address);
}

/* Gives a block of this grain back that is exactly so long, likewise; not of a must-zero place. */
CAI_INLINE bool cai_free_exact(enum cai_place place, enum cai_grain grain, void *address, size_t bytes)
{
    size_t granule;

    if (CAI_FREES_SLOWLY)
        return false;
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    uint8_t *state = cai_find_state(place, grain, address, &granule);
    if (CAI_UNLIKELY(state == NULL))
        return false;
    size_t live = cai_load_relaxed(state);
    if (CAI_LIKELY(cai_exact_is(grain, state, live, bytes)))
        return cai_free_sized(place, live, cai_load_relaxed(&view->owner[cai_unit_of_granule(grain, granule)].id),
                              state, address);
    return grain == CAI_FINE && cai_exact_is_short(live, bytes) &&
           cai_free_sized(place, 1, cai_load_relaxed(&view->owner[cai_unit_of_granule(grain, granule)].id), state,
                          address);
}

#endif
