/* What the files of the heap's own form share: results, the one way of allocating and of giving back, and the judgement
 * on a block that is handed in. Nothing is done with a block that was not judged authentic: live, in the place of its
 * type, and of exactly the size that is said.
 *
 * The functions know no types: the place comes first, as a constant wherever that is possible, and what they share is
 * inlined into each of the typed ones. An intention becomes a place there (heap.c), and nowhere below.
 */
#ifndef CAI_API_OWN_H
#define CAI_API_OWN_H

#include "api/authority.h"
#include "core/result.h"
#include "heaps/heaps.h"

#include <capalloc/heap.h>

/* The four types look alike to the machine. */
typedef ca_block_result cai_result;

/* --- allocation --- */

enum cai_form { CAI_PLAIN, CAI_ZEROED, CAI_AT_LEAST };

/* Alignments up to 16 as a set of bits. */
CAI_INLINE bool cai_is_small_alignment(size_t align)
{
    return align <= 16 && (0x10116u >> align & 1) != 0;
}

/* The most frequent layouts. */
CAI_INLINE bool cai_is_fine(ca_layout layout)
{
    return cai_has_stamp(layout.size) && cai_is_small_alignment(layout.align);
}

/* A block with a fine layout of so many bytes, or NULL. */
CAI_INLINE void *cai_own_take_fine(struct cai_heap *heap, enum cai_place place, size_t bytes, enum cai_form form,
                                   size_t *got)
{
    *got = form == CAI_AT_LEAST ? cai_class_sizes[cai_class_of_fine(bytes)] : bytes;
    return cai_stamped_take(heap, place, cai_stamp_of(*got), form == CAI_ZEROED, *got);
}

/* Everything but the most frequent case: other layouts, other authorities, empty bins, the first allocation of all. */
cai_result cai_own_allocate_rest(ca_authority authority, ca_layout layout, enum cai_place place, enum cai_form form);

CAI_INLINE cai_result cai_own_allocate(enum cai_place place, enum cai_form form, ca_authority authority,
                                       ca_layout layout)
{
    if (CAI_LIKELY(cai_is_fine(layout) && cai_authority_is_default(authority))) {
        size_t bytes;
        void *address = cai_own_take_fine(cai_self_heap(), place, layout.size, form, &bytes);
        if (CAI_LIKELY(address != NULL))
            return cai_success(address, bytes);
    }
    return cai_own_allocate_rest(authority, layout, place, form);
}

/* --- giving back --- */

/* Everything but a stamped block of the calling thread's heap or of the account it used last. */
void cai_own_deallocate_rest(enum cai_place place, void *address, size_t bytes);

/* In must-zero places the whole slot is cleared first. What is no such block is reported. */
CAI_INLINE void cai_own_deallocate(enum cai_place place, void *address, size_t bytes)
{
    if (CAI_UNLIKELY(!cai_stamped_may_put(place, bytes) || !cai_free_stamped(place, cai_stamp_of(bytes), address)))
        cai_own_deallocate_rest(place, address, bytes);
}

/* The slow half of it; also for blocks that were wiped. */
void cai_own_deallocate_slow(enum cai_place place, void *address, size_t bytes, bool wiped);

/* --- judging --- */

enum cai_verdict { CAI_AUTHENTIC, CAI_STALE, CAI_NO_BLOCK, CAI_WRONG_TYPE, CAI_WRONG_SIZE };

struct cai_judged {
    enum cai_verdict verdict;
    struct cai_live live;
};

/* On a block of this place and size; `wiped`: one that ca_wipe cleared. */
struct cai_judged cai_judge(enum cai_place place, const void *address, size_t bytes, bool wiped);

/* The same, and an authentic block, which is not wiped, is claimed by it. */
struct cai_judged cai_judge_and_claim(enum cai_place place, const void *address, size_t bytes);

/* The error that a verdict stands for. */
ca_error cai_judged_error(enum cai_verdict verdict);

/* Reports a verdict that is not authentic, under the name of the function called; its error. To use a block that was
 * given back is `stale`, to give it back again `double-free`. */
enum cai_purpose { CAI_TO_USE, CAI_TO_GIVE_BACK };
ca_error cai_judged_report(enum cai_place place, const void *address, struct cai_judged judged,
                           enum cai_purpose purpose, const char *function);

/* ca_check. */
CAI_INLINE ca_error cai_own_check(enum cai_place place, const void *address, size_t bytes)
{
    return bytes == 0 ? CA_OK : cai_judged_error(cai_judge(place, address, bytes, false).verdict);
}

/* --- resizing --- */

/* ca_shrink, reported under the name of the function called. `leaves` is not NULL: called with what leaves the block
 * once that is certain and before it is anybody else's. */
cai_result cai_own_shrink(enum cai_place place, void *address, size_t bytes, ca_layout layout,
                          void (*leaves)(uintptr_t from, size_t bytes), const char *function);

/* ca_grow and ca_grow_zeroed, likewise. `old` is not NULL: when the block moves, *old is what it was, claimed, for the
 * caller to end: by cai_own_moved, or by returning the claim; else old->state is NULL. */
cai_result cai_own_grow(ca_authority authority, enum cai_place place, void *address, size_t bytes, ca_layout layout,
                        bool zeroed, struct cai_live *old, const char *function);

/* The content of the claimed block is at `to` now: the old one goes back. Not OK: it was reported that its owner gave
 * it back meanwhile, and the new one went back. */
ca_error cai_own_moved(enum cai_place place, void *address, struct cai_live old, void *to, const char *function);

#endif
