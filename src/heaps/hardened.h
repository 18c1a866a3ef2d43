/* Blocks of malloc's doors in the hardened library (core/mode.h): their exact size is on record, which
 * malloc_usable_size tells, a canary stands behind them, and their state says by which family of doors they came.
 */
#ifndef CAI_HEAPS_HARDENED_H
#define CAI_HEAPS_HARDENED_H

#include "blocks/find.h"
#include "core/tagging.h"
#include "harden/canary.h"

/* The last two: operator new that was told an alignment. */
enum cai_family {
    CAI_FAMILY_malloc,
    CAI_FAMILY_new,
    CAI_FAMILY_new_array,
    CAI_FAMILY_new_aligned,
    CAI_FAMILY_new_array_aligned
};

/* So that a state byte is left for the exact size. */
enum { CAI_HARDENED_SLOT_MIN = 32 };

/* What a block of so many bytes takes at least. */
CAI_INLINE size_t cai_hardened_least(size_t bytes)
{
    bool has_canary = (cai_settings->checks & CAI_CHECK_canary) != 0;

    return cai_max(bytes + (has_canary ? cai_canary_least(bytes) : 0), CAI_HARDENED_SLOT_MIN);
}

/* The short way for most small blocks of the ordinary place, once the library has started. NULL: cai_hardened_allocate
 * must be asked. */
void *cai_hardened_take(size_t bytes, enum cai_family family);
void *cai_hardened_take_zeroed(size_t bytes);
void *cai_hardened_take_aligned(size_t bytes, size_t align, enum cai_family family); /* a power of two */

/* The short way back of most of them, by a door of the family that they are of, which may have been told the size; and
 * of NULL. False: nothing changed. */
bool cai_hardened_put(void *address, enum cai_family family);
bool cai_hardened_put_stated(void *address, enum cai_family family, size_t bytes);

/* The short way of realloc for most of them. NULL: cai_hardened_resize must be asked, whatever address and size are;
 * nothing has changed. */
void *cai_hardened_resize_near(void *address, size_t bytes);

/* A block of the process's own heap. align: a power of two. NULL: out of memory. */
void *cai_hardened_allocate(enum cai_place place, size_t bytes, size_t align, bool zeroed, enum cai_family family);

/* realloc of such a block, found live. NULL: out of memory, nothing changed; or refused and reported. */
void *cai_hardened_resize(enum cai_place place, void *address, struct cai_live live, size_t bytes,
                          const char *function);

/* realloc of a block of no bytes (nothing.h). */
void *cai_hardened_from_nothing(enum cai_place place, void *address, size_t bytes, const char *function);

/* First of all at a door that takes a program's pointer, the short ways excepted: it loses its tag, which has to be
 * that of the live block, if one begins there. False: it has another, was reported (stale), and a handler refused the
 * call. */
bool cai_hardened_enters_slow(void **block, const char *function);
CAI_INLINE bool cai_hardened_enters(void **block, const char *function)
{
    /* The constant said here too: what is not optimised keeps the call. */
    return !CAI_TAGS || !cai_tags_are_on() || cai_hardened_enters_slow(block, function);
}

/* Before a block is given back or resized by a door of this family: reports the wrong one (mismatched-delete). False: a
 * handler refused the call. What is no such block is for others to judge. */
bool cai_hardened_family_slow(enum cai_place place, const void *address, enum cai_family family, const char *function);
CAI_INLINE bool cai_hardened_family(enum cai_place place, const void *address, enum cai_family family,
                                    const char *function)
{
    size_t granule;
    const uint8_t *state = cai_find_state(place, CAI_FINE, address, &granule);

    if (CAI_LIKELY(state != NULL) && CAI_LIKELY(cai_load_relaxed(state) == CAI_STATE_HARDENED + family))
        return true;
    return cai_hardened_family_slow(place, address, family, function);
}

/* Likewise before a block is given back with its size and alignment: both are what was asked for. */
bool cai_hardened_stated(enum cai_place place, const void *address, size_t bytes, size_t align, const char *function);

/* At exit: what was written behind any live block, and into any block that waits. No lock is held. */
void cai_hardened_look_at_exit(void);

/* When the program gives up: what was written behind any live block. Any thread may be anywhere, this one too: what it
 * or another has locked is passed over. */
void cai_hardened_look_at_abort(void);

/* Reports what was written behind the block, or behind the one before it in its slab. No lock is held. */
void cai_hardened_look(enum cai_place place, const void *address, struct cai_live live, const char *function);

#endif
