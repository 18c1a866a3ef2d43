/* Giving blocks back. Functions that take an address validate it first and report a violation under the name of the
 * door that was used.
 */
#ifndef CAI_HEAPS_FREE_H
#define CAI_HEAPS_FREE_H

#include "blocks/stamped.h"
#include "core/mode.h"
#include "heaps/bias.h"

/* What to do when the fast path below did not: NULL (nothing), large blocks, full bins, other heaps' slots, and what
 * must be reported under the name of the door. */
void cai_free_slow(enum cai_place place, void *address, const char *function);

/* The same for a block that was found live. False: another thread freed it meanwhile, nothing changed. In must-zero
 * places its memory is cleared first, unless it was wiped. */
bool cai_free_live(enum cai_place place, void *address, struct cai_live live);

/* The same for a block that is claimed (claim.h) and whose slot or run is zero by somebody's word: it is not cleared,
 * and not known to be zero to anybody but the heap whose it is (blocks/claimed.h). */
bool cai_free_claimed_zero(enum cai_place place, void *address, struct cai_live live);

/* The same for a small block whose slot has been cleared where the place wants that. */
bool cai_free_slot(enum cai_place place, void *address, struct cai_live live);

/* Gives a block of this place back. */
CAI_INLINE void cai_free(enum cai_place place, void *address, const char *function)
{
    /* Must-zero places: the slot must be cleared first, by the slow half. */
    enum cai_put put = CAI_QUARANTINES || cai_place_zeroes(place)
                           ? CAI_PUT_SLOW
                           : cai_cache_put(cai_self_heap(), place, CAI_FINE, address);

    if (CAI_UNLIKELY(put == CAI_PUT_OUTSIDE))
        put = cai_cache_put(cai_self_heap(), place, CAI_COARSE, address);
    if (CAI_UNLIKELY(put != CAI_PUT_DONE))
        cai_free_slow(place, address, function);
}

/* Gives a block with this stamp back, to the calling thread's heap or to the account it used last, where that takes no
 * more than pushing it and, in must-zero places, clearing its slot. False: nothing has changed. */
CAI_INLINE bool cai_free_stamped(enum cai_place place, uint16_t stamp, void *address)
{
    uint32_t owner;

    if (CAI_QUARANTINES)
        return false;
    uint8_t *state = cai_stamped_find(place, stamp, address, &owner);
    if (CAI_UNLIKELY(state == NULL))
        return false;
    struct cai_thread *thread = cai_self;
    if (CAI_LIKELY(owner == thread->owner.heap.id))
        return cai_stamped_push(&thread->owner.heap, place, stamp, state, address);
    struct cai_heap *heap = cai_bias_enter_number(thread, owner);
    if (CAI_UNLIKELY(heap == NULL))
        return false;
    bool done = cai_stamped_push(heap, place, stamp, state, address);
    cai_bias_leave(thread);
    return done;
}

#endif
