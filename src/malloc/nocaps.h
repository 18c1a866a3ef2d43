/* Blocks of the place nocaps at malloc's doors.
 *
 * A program may give back by free, delete or realloc what a token entry point (tokens.c) or ca_allocate_nocaps put into
 * nocaps: the address tells. No such door takes must-zero memory. Blocks of nocaps have their exact size recorded
 * whatever door they came through, and a run that holds a block of which the promise was only inferred is marked.
 */
#ifndef CAI_MALLOC_NOCAPS_H
#define CAI_MALLOC_NOCAPS_H

#include "heaps/heaps.h"

/* The place in which a door of malloc looks for this address: nocaps when it lies there, ordinary for all others. */
CAI_INLINE enum cai_place cai_back_place(const void *address)
{
    uintptr_t offset = (uintptr_t)address - cai_sealed.places;

    /* Before the start both are 0, and only address 1 would be taken for one in nocaps. */
    return CAI_UNLIKELY(offset >> cai_sealed.shift == CAI_PLACE_nocaps) ? CAI_PLACE_nocaps : CAI_PLACE_ordinary;
}

/* What cai_back_free did not do at once. */
CAI_HIDDEN void cai_back_free_slow(void *address, const char *function);

/* cai_heap_free for both places, no slower for the ordinary one. */
CAI_INLINE void cai_back_free(void *address, const char *function)
{
    enum cai_put put = cai_free_small(CAI_PLACE_ordinary, CAI_FINE, address);

    if (CAI_UNLIKELY(put == CAI_PUT_OUTSIDE))
        put = cai_free_small(CAI_PLACE_ordinary, CAI_COARSE, address);
    if (CAI_UNLIKELY(put != CAI_PUT_DONE))
        cai_back_free_slow(address, function);
}

/* A block of nocaps that was just handed out: its size is recorded, and `inferred` says that nobody promised that it
 * will hold no pointers. */
void cai_nocaps_note(void *address, size_t bytes, bool inferred);

/* The run holds such a block, and is to be read by sweeps (revoke/roots.c). */
void cai_nocaps_guess(struct cai_unit *run);

/* The same for a block of 1 byte to 1 KiB that no alignment was asked for. */
CAI_INLINE void cai_nocaps_note_fine(void *address, size_t bytes, bool inferred)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(CAI_PLACE_nocaps, CAI_FINE));
    size_t granule = ((uintptr_t)address - view->origin) >> CAI_FINE_SHIFT;
    uint8_t *state = view->state + granule;
    size_t size_class = cai_load_relaxed(state);
    struct cai_unit *slab = cai_slab_of(view, CAI_FINE, granule);

    /* In a slot of 16 bytes a record would be another state, which takes the slow way back: not worth it. */
    if (CAI_LIKELY(size_class - 2 <= CAI_CLASS_LAST - 2))
        cai_exact_record(state, (unsigned)size_class, bytes);
    else if (CAI_UNLIKELY(size_class != 1))
        cai_nocaps_note(address, bytes, inferred);
    if (inferred && CAI_UNLIKELY(cai_load_relaxed(&slab->inferred) == 0))
        cai_nocaps_guess(slab);
}

/* realloc of a block that lies in nocaps, to `bytes`, which is not 0: it stays there. NULL: out of memory or refused,
 * nothing changed. */
void *cai_nocaps_resize(void *address, size_t bytes, bool inferred, const char *function);

/* The same, but it may hold pointers from now on: it moves to the ordinary place. */
void *cai_nocaps_leave(void *address, size_t bytes, const char *function);

#endif
