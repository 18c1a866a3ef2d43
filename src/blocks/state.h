/* State bytes: what every granule of the places holds, and the only place where it is written.
 *
 * The byte of a block's first granule tells its whole story; others are 0 or part of the record of its exact size. One
 * load answers whether an address may be freed, and as which class. Bytes above 127 are blocks that are not the
 * program's: in a thread's cache or in their slab, each with a bit that says whether their memory is known to be zero.
 */
#ifndef CAI_BLOCKS_STATE_H
#define CAI_BLOCKS_STATE_H

#include "blocks/sizeclass.h"

#include <stdbool.h>

enum cai_state {
    CAI_STATE_NONE = 0,           /* no block starts here */
                                  /* 1 to CAI_CLASS_LAST: live block of that size class */
    CAI_STATE_SHORT = 80,         /* plus 1 to 15: live block of so many bytes in a slot of 16 (see blocks/exact.h) */
    CAI_STATE_SHORT_WIPED = 96,   /* plus 1 to 15: the same, wiped */
    CAI_STATE_HARDENED = 112,     /* plus 0 to 4: live block of any size, of a family of doors (heaps/hardened.h) */
    CAI_STATE_GUARDED = 123,      /* live block of a small class in a run of its own (heaps/guarded.h) */
    CAI_STATE_SAMPLED = 124,      /* live block of any size that has a record in the heap profile (heaps/sample.h) */
    CAI_STATE_CLAIMED = 125,      /* live block of any size that one call is about to change or end: nobody else may */
    CAI_STATE_WIPED = 126,        /* live block of any size, cleared ahead of being given back */
    CAI_STATE_LARGE = 127,        /* live large block */
    CAI_STATE_RECORD = 0x80,      /* to 0xbf: not the start of a block but part of its record (blocks/exact.h) */
    CAI_STATE_WAS_ZERO = 0xbf,    /* hardened: of a block that just left its bin, behind the first: it was zero there */
    CAI_STATE_QUARANTINED = 0xc8, /* freed, waits until it may be handed out again (heaps/quarantine.h) */
    CAI_STATE_CANDIDATE = 0xc9,   /* the same, and has waited for one look: goes with the next */
    CAI_STATE_KEPT = 0xca,        /* the same, and a sweep has found it pointed to */
    CAI_STATE_IN_SLAB = 0xfc,     /* free, waits in its slab */
    CAI_STATE_CACHED = 0xfe,      /* free, waits in the cache of a thread */
    CAI_STATE_ZERO = 1,           /* added to the two above: all bytes of the slot are zero */
};

_Static_assert((int)CAI_CLASS_LAST <= (int)CAI_STATE_SHORT, "classes and other live states are told apart");

/* What a freed block's byte becomes: in must-zero places its slot has been cleared. */
CAI_INLINE uint8_t cai_state_freed(enum cai_place place, enum cai_state where)
{
    return (uint8_t)(cai_place_zeroes(place) ? where | CAI_STATE_ZERO : where);
}

CAI_INLINE bool cai_state_is_live(uint8_t state)
{
    return (int8_t)state > 0;
}

/* The byte of a live block of 1 to 16 bytes that has its exact size on record. */
CAI_INLINE uint8_t cai_state_of_short(size_t bytes)
{
    return (uint8_t)(bytes == 16 ? 1 : CAI_STATE_SHORT + bytes);
}

/* The same from a table, for the fast paths. */
extern const uint8_t cai_short_states[17];

/* In a slot of 16: how many bytes, 1 to 16; the byte of a live block of class 1 has told it. */
CAI_INLINE size_t cai_state_short_bytes(uint8_t state)
{
    bool is_short = state > CAI_STATE_SHORT && state < CAI_STATE_SHORT_WIPED + 16 && (state & 15) != 0;

    return is_short ? state & 15 : 16;
}

CAI_INLINE bool cai_state_is_wiped(uint8_t state)
{
    return state == CAI_STATE_WIPED || (state > CAI_STATE_SHORT_WIPED && state < CAI_STATE_SHORT_WIPED + 16);
}

/* What the byte of a live block becomes when it is wiped. */
CAI_INLINE uint8_t cai_state_wiped(uint8_t state)
{
    bool is_short = state > CAI_STATE_SHORT && state < CAI_STATE_SHORT + 16;

    return (uint8_t)(is_short ? state + (CAI_STATE_SHORT_WIPED - CAI_STATE_SHORT) : CAI_STATE_WIPED);
}

/* The opposite, for a block of this class, 0: a large one. */
CAI_INLINE uint8_t cai_state_unwiped(uint8_t state, uint8_t size_class)
{
    if (state != CAI_STATE_WIPED)
        return (uint8_t)(state - (CAI_STATE_SHORT_WIPED - CAI_STATE_SHORT));
    return size_class != 0 ? size_class : CAI_STATE_LARGE;
}

CAI_INLINE bool cai_state_is_hardened(uint8_t state)
{
    return state >= CAI_STATE_HARDENED && state <= CAI_STATE_HARDENED + 4;
}

/* In the first granule of a run that is a large block: live, and not wiped. */
CAI_INLINE bool cai_state_is_large(uint8_t state)
{
    return state == CAI_STATE_LARGE || state == CAI_STATE_SAMPLED || cai_state_is_hardened(state);
}

/* Live, and free to be used by a call. */
CAI_INLINE bool cai_state_is_open(uint8_t state)
{
    return cai_state_is_live(state) && state != CAI_STATE_CLAIMED;
}

/* In quarantine: freed, and nobody's to hand out. */
CAI_INLINE bool cai_state_waits(uint8_t state)
{
    return (state & ~3) == CAI_STATE_QUARANTINED;
}

CAI_INLINE bool cai_state_is_cached(uint8_t state)
{
    return state >= CAI_STATE_CACHED;
}

/* May be handed out; in must-zero places what is free is zero. */
CAI_INLINE bool cai_state_may_leave(enum cai_place place, uint8_t state)
{
    return cai_place_zeroes(place) ? state == (CAI_STATE_CACHED | CAI_STATE_ZERO) : cai_state_is_cached(state);
}

CAI_INLINE bool cai_state_is_in_slab(uint8_t state)
{
    return (state & ~CAI_STATE_ZERO) == CAI_STATE_IN_SLAB;
}

/* Free, and nobody waits for it to be looked at: all of the slot is zero. */
CAI_INLINE bool cai_state_is_zero(uint8_t state)
{
    return state >= CAI_STATE_IN_SLAB && (state & CAI_STATE_ZERO) != 0;
}

#endif
