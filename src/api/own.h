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
#include "cap/tags.h"
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

/* The same from the account that the thread used last, when this authority opens it. The block is whole before anyone
 * may take the account away. */
CAI_INLINE void *cai_own_take_from_account(enum cai_place place, enum cai_form form, ca_authority authority,
                                           size_t bytes, size_t *got)
{
    struct cai_thread *thread = cai_self;

    if (CAI_UNLIKELY(cai_authority_may_be_default(authority))) /* no account has such a key */
        return NULL;
    struct cai_heap *heap = cai_bias_enter(thread, authority.opaque[0], authority.opaque[1]);
    if (CAI_UNLIKELY(heap == NULL))
        return NULL;
    void *address = cai_own_take_fine(heap, place, bytes, form, got);
    cai_bias_leave(thread);
    return address;
}

/* A block of one class, whose bin is the heap's, with its exact size on record; or NULL. */
CAI_INLINE void *cai_own_take_class(struct cai_heap *heap, enum cai_place place, enum cai_grain grain,
                                    size_t size_class, size_t bytes, enum cai_form form, size_t *got)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    bool zeroed = form == CAI_ZEROED || cai_place_zeroes(place);

    *got = form == CAI_AT_LEAST ? cai_class_sizes[size_class] : bytes;
    void *address = cai_cache_take(heap, place, grain, size_class, zeroed, *got);
    if (CAI_LIKELY(address != NULL))
        cai_exact_record(view->state + cai_granule_of(view, grain, address), (unsigned)size_class, *got);
    return address;
}

/* A small block of any size, or NULL, also for other layouts. */
CAI_INLINE void *cai_own_take_small(struct cai_heap *heap, enum cai_place place, ca_layout layout, enum cai_form form,
                                    size_t *got)
{
    size_t bytes = layout.size;

    if (CAI_UNLIKELY(!cai_is_small_alignment(layout.align) || bytes - 1 >= CAI_SMALL_BYTES_MAX))
        return NULL;
    if (bytes > CAI_FINE_BYTES_MAX)
        return cai_own_take_class(heap, place, CAI_COARSE, cai_class_of_coarse(bytes), bytes, form, got);
    if (CAI_LIKELY(cai_has_stamp(bytes)))
        return cai_own_take_fine(heap, place, bytes, form, got);
    return cai_own_take_class(heap, place, CAI_FINE, cai_class_of_fine(bytes), bytes, form, got);
}

/* From the heap that the authority opens without a lock: the thread's own, or the account it used last. NULL: no such
 * heap, or nothing in its bin. The block is whole before anyone may take the account away. */
CAI_INLINE void *cai_own_take(enum cai_place place, enum cai_form form, ca_authority authority, ca_layout layout,
                              size_t *got)
{
    struct cai_thread *thread = cai_self;

    if (cai_authority_is_default(authority))
        return cai_own_take_small(&thread->owner.heap, place, layout, form, got);
    if (cai_authority_may_be_default(authority))
        return NULL;
    struct cai_heap *heap = cai_bias_enter(thread, authority.opaque[0], authority.opaque[1]);
    if (CAI_UNLIKELY(heap == NULL))
        return NULL;
    void *address = cai_own_take_small(heap, place, layout, form, got);
    cai_bias_leave(thread);
    return address;
}

/* Everything but blocks that lie ready: other authorities, empty bins, large blocks, the first allocation of all. */
cai_result cai_own_allocate_slow(ca_authority authority, ca_layout layout, enum cai_place place, enum cai_form form);

/* --- giving back --- */

/* Everything but a stamped block of the calling thread's heap or of the account it used last. */
void cai_own_deallocate_rest(enum cai_place place, void *address, size_t bytes);

/* In must-zero places the whole slot is cleared first. What is no such block is reported. */
CAI_INLINE void cai_own_deallocate(enum cai_place place, void *address, size_t bytes)
{
    if (CAI_UNLIKELY(!cai_stamped_may_put(place, bytes) || !cai_free_stamped(place, cai_stamp_of(bytes), address)))
        cai_own_deallocate_rest(place, address, bytes);
}

/* A live block of a class that is exactly so long. */
CAI_INLINE bool cai_own_is_whole(enum cai_grain grain, const uint8_t *state, uint8_t live, size_t bytes)
{
    if (grain == CAI_FINE && bytes - 1 < 16) /* their states tell their sizes */
        return live == cai_state_of_short(bytes);
    return live >= 2 && live <= CAI_CLASS_LAST && cai_exact_is(state, live, bytes);
}

/* Gives a small block of this grain back that is whole, to the calling thread's heap or to the account that it used
 * last: so nobody else can hand its slot out again while it, or with `tags` what it has of them, is cleared. */
enum cai_own_put {
    CAI_OWN_PUT,
    CAI_OWN_PUT_FULL, /* it is cleared, and the bin is full: cai_own_deallocate_full has the rest */
    CAI_OWN_PUT_NONE, /* it is no such block, and nothing has changed */
};
CAI_INLINE enum cai_own_put cai_own_put_small(enum cai_place place, enum cai_grain grain, void *address, size_t bytes,
                                              bool tags)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    struct cai_thread *thread = cai_self;
    struct cai_heap *heap = &thread->owner.heap;
    size_t granule;
    uint8_t *state = cai_find_state(place, grain, address, &granule);
    enum cai_own_put put = CAI_OWN_PUT_NONE;

    if (CAI_QUARANTINES || CAI_UNLIKELY(state == NULL))
        return put;
    uint32_t owner = cai_load_relaxed(&view->owner[cai_unit_of_granule(grain, granule)]);
    bool own = owner == heap->id;
    if (CAI_UNLIKELY(!own) && CAI_UNLIKELY((heap = cai_bias_enter_number(thread, owner)) == NULL))
        return put;
    uint8_t live = cai_load_relaxed(state);
    if (CAI_LIKELY(cai_own_is_whole(grain, state, live, bytes))) {
        uint8_t size_class = grain == CAI_FINE && bytes <= 16 ? 1 : live;
        struct cai_bin *bin = &heap->bins[place][size_class];
        if (cai_place_zeroes(place))
            cai_clear_small(heap, address, cai_class_sizes[size_class]);
        if (tags)
            cai_tags_clear((uintptr_t)address, bytes);
        put = CAI_LIKELY(bin->count != bin->limit) ? CAI_OWN_PUT : CAI_OWN_PUT_FULL;
        if (CAI_LIKELY(put == CAI_OWN_PUT))
            cai_bin_push(bin, place, state, address);
    }
    if (CAI_UNLIKELY(!own))
        cai_bias_leave(thread);
    return put;
}

void cai_own_deallocate_full(enum cai_place place, void *address, size_t bytes);

/* The slow half of it. */
void cai_own_deallocate_slow(enum cai_place place, void *address, size_t bytes);

/* --- judging --- */

enum cai_verdict { CAI_AUTHENTIC, CAI_STALE, CAI_NO_BLOCK, CAI_WRONG_TYPE, CAI_WRONG_SIZE };

struct cai_judged {
    enum cai_verdict verdict;
    struct cai_live live;
};

/* On a block of this place and size; `wiped`: one that ca_wipe cleared. */
struct cai_judged cai_judge(enum cai_place place, const void *address, size_t bytes, bool wiped);

/* The same, and an authentic block is claimed by it: one that is not wiped, or one that is. */
struct cai_judged cai_judge_and_claim(enum cai_place place, const void *address, size_t bytes);
struct cai_judged cai_judge_and_claim_wiped(enum cai_place place, const void *address, size_t bytes);

/* The authority is one over the heap of this block. */
bool cai_own_is_over(const struct cai_grant *grant, enum cai_place place, const void *address);

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

/* ca_shrink, reported under the name of the function called. With `tags`, those of what leaves the block are cleared
 * before it is anybody else's. */
cai_result cai_own_shrink(enum cai_place place, void *address, size_t bytes, ca_layout layout, bool tags,
                          const char *function);

/* ca_grow and ca_grow_zeroed, likewise. `old` is not NULL: when the block moves, *old is what it was, claimed, for the
 * caller to end: by cai_own_moved, or by returning the claim; else old->state is NULL. */
cai_result cai_own_grow(ca_authority authority, enum cai_place place, void *address, size_t bytes, ca_layout layout,
                        bool zeroed, struct cai_live *old, const char *function);

/* The content of the claimed block is at `to` now: the old one goes back. Not OK: it was reported that its owner gave
 * it back meanwhile, and the new one went back. */
ca_error cai_own_moved(enum cai_place place, void *address, struct cai_live old, void *to, const char *function);

#endif
