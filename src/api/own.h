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
#include "base/tools.h"
#include "cap/tags.h"
#include "core/result.h"
#include "heaps/heaps.h"

#include <capalloc/heap.h>

/* The four types look alike to the machine. */
typedef ca_block_result cai_result;

/* --- allocation --- */

enum cai_form { CAI_PLAIN, CAI_ZEROED, CAI_AT_LEAST };

/* A power of two up to 64: slots that are long enough for the size rounded up to it are aligned to it. */
CAI_INLINE bool cai_is_easy_alignment(size_t align)
{
    return ((align - 1) & (align | ~(size_t)63)) == 0;
}

/* How far a door's fast path reaches, by the last byte of the rounded size: all of it 0 is nowhere. */
struct cai_own_reach {
    size_t shorts;       /* the first 16 bytes, or not even these */
    size_t fine, coarse; /* behind them */
};
enum { CAI_REACH_SHORTS = 16, CAI_REACH_FINE = CAI_FINE_BYTES_MAX - 16, CAI_REACH_COARSE = CAI_SMALL_BYTES_MAX - 16 };
#define CAI_REACH(reach, part, all) ((reach) == NULL ? (size_t)(all) : cai_load_relaxed_in_place(&(reach)->part))

/* A small block that lies ready in a bin of this heap (NULL: the calling thread's), with its exact size on record, or
 * NULL, also for other layouts, and beyond the reach (NULL: all the way). */
CAI_INLINE void *cai_own_take_within(const struct cai_own_reach *reach, struct cai_heap *heap, enum cai_place place,
                                     ca_layout layout, enum cai_form form, size_t *got)
{
    size_t last = (layout.size - 1) | (layout.align - 1); /* of the rounded size */
    bool zeroed = form == CAI_ZEROED;
    bool whole = form == CAI_AT_LEAST;

    if (CAI_UNLIKELY(!cai_is_easy_alignment(layout.align)))
        return NULL;
    if (CAI_LIKELY(last - 16 < CAI_REACH(reach, fine, CAI_REACH_FINE))) {
        uint16_t full = cai_full_stamps[last / 16];
        size_t size_class = cai_stamp_class(full);
        *got = whole ? cai_class_sizes[size_class] : layout.size;
        return cai_sized_take(heap != NULL ? heap : cai_self_heap(), place, CAI_KIND_STAMP, size_class,
                              cai_stamp_in(full, *got), zeroed, *got);
    }
    if (last - 16 < CAI_REACH(reach, coarse, CAI_REACH_COARSE)) {
        size_t size_class = cai_class_table_coarse[last / 128 + 1];
        *got = whole ? cai_class_sizes[size_class] : layout.size;
        return cai_sized_take(heap != NULL ? heap : cai_self_heap(), place, CAI_KIND_COARSE, size_class, 0, zeroed,
                              *got);
    }
    if (CAI_UNLIKELY(last >= CAI_REACH(reach, shorts, CAI_REACH_SHORTS)))
        return NULL;
    *got = whole ? 16 : layout.size;
    return cai_sized_take(heap != NULL ? heap : cai_self_heap(), place, CAI_KIND_SHORT, 1, 0, zeroed, *got);
}

CAI_INLINE void *cai_own_take_small(struct cai_heap *heap, enum cai_place place, ca_layout layout, enum cai_form form,
                                    size_t *got)
{
    return cai_own_take_within(NULL, heap, place, layout, form, got);
}

/* From the account that the thread used last, when this authority opens it: NULL when it does not. The block is whole
 * before anyone may take the account away. */
CAI_INLINE void *cai_own_take_from_account(enum cai_place place, enum cai_form form, ca_authority authority,
                                           ca_layout layout, size_t *got)
{
    struct cai_thread *thread = cai_self;

    if (CAI_UNLIKELY(cai_authority_may_be_default(authority))) /* no account has such a key */
        return NULL;
    struct cai_heap *heap = cai_bias_enter(thread, authority.opaque[0], authority.opaque[1]);
    if (CAI_UNLIKELY(heap == NULL))
        return NULL;
    void *address = cai_own_take_small(heap, place, layout, form, got);
    cai_bias_leave(thread);
    return address;
}

/* From the heap that the authority opens without a lock: the thread's own, or the account it used last. NULL: no such
 * heap, or nothing in its bin. */
CAI_INLINE void *cai_own_take(enum cai_place place, enum cai_form form, ca_authority authority, ca_layout layout,
                              size_t *got)
{
    if (CAI_LIKELY(cai_authority_is_default(authority)))
        return cai_own_take_small(NULL, place, layout, form, got);
    return cai_own_take_from_account(place, form, authority, layout, got);
}

/* Everything but blocks that lie ready: other authorities, empty bins, large blocks, the first allocation of all. */
cai_result cai_own_allocate_slow(ca_authority authority, ca_layout layout, enum cai_place place, enum cai_form form);

/* --- giving back --- */

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
    enum cai_own_put put = CAI_OWN_PUT_NONE;
    size_t granule;

    if (CAI_FREES_SLOWLY)
        return put;
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    struct cai_thread *thread = cai_self;
    struct cai_heap *heap = &thread->owner.heap;
    uint8_t *state = cai_find_state(place, grain, address, &granule);
    if (CAI_UNLIKELY(state == NULL))
        return put;
    uint32_t owner = cai_load_relaxed(&view->owner[cai_unit_of_granule(grain, granule)].id);
    bool own = owner == heap->id;
    if (CAI_UNLIKELY(!own) && CAI_UNLIKELY((heap = cai_bias_enter_number(thread, owner)) == NULL))
        return put;
    uint8_t size_class = cai_load_relaxed(state);
    bool whole = cai_exact_is(grain, state, size_class, bytes);
    if (grain == CAI_FINE && !whole && cai_exact_is_short(size_class, bytes)) {
        whole = true;
        size_class = 1;
    }
    if (CAI_LIKELY(whole)) {
        struct cai_bin *bin = &heap->bins[place][size_class];
        if (cai_place_zeroes(place))
            cai_clear_small(heap, address, cai_class_sizes[size_class]);
        if (tags)
            cai_tags_clear((uintptr_t)address, bytes);
        if (CAI_LIKELY(bin->top != bin->end)) {
            cai_bin_push(bin, place, state, address);
            put = CAI_OWN_PUT;
        } else if (size_class <= CAI_CLASS_LAST) {
            put = CAI_OWN_PUT_FULL;
        }
    }
    if (CAI_UNLIKELY(!own))
        cai_bias_leave(thread);
    return put;
}

/* Everything but a small block that is as simple as pushing it. */
void cai_own_deallocate_rest(void *address, size_t bytes, enum cai_place place);

/* In must-zero places the whole slot is cleared first. What is no such block is reported. */
CAI_INLINE void cai_own_deallocate(enum cai_place place, void *address, size_t bytes)
{
    bool done =
        cai_place_zeroes(place)
            ? cai_stamped_may_put(place, bytes) && cai_free_stamped(place, cai_stamp_of(bytes), address)
            : cai_free_exact(place, CAI_FINE, address, bytes) || cai_free_exact(place, CAI_COARSE, address, bytes);

    if (CAI_UNLIKELY(!done))
        cai_own_deallocate_rest(address, bytes, place);
}

/* Its slow halves: of a block that is cleared, when the bin is full; and of any block. */
void cai_own_deallocate_full(enum cai_place place, void *address, size_t bytes);
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

/* A small block of the calling thread's heap becomes longer or shorter where its slot is the shortest for the new
 * layout as well. False: it is another's, does not fit, or is no such block; nothing has changed. Not for must-zero
 * places, where what is cut off is cleared. */
CAI_INLINE bool cai_own_resize_in_slot(enum cai_place place, enum cai_grain grain, void *address, size_t bytes,
                                       ca_layout layout)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    size_t granule;
    uint8_t *state = cai_find_state(place, grain, address, &granule);
    size_t last = (layout.size - 1) | (layout.align - 1);

    if (CAI_TOOLS || state == NULL || !cai_is_easy_alignment(layout.align) ||
        ((uintptr_t)address & (layout.align - 1)) != 0 ||
        last >= (grain == CAI_FINE ? CAI_FINE_BYTES_MAX : CAI_SMALL_BYTES_MAX) ||
        (grain == CAI_COARSE && last < CAI_FINE_BYTES_MAX))
        return false;
    size_t live = cai_load_relaxed(state);
    bool is_short = grain == CAI_FINE && last < 16;
    uint16_t full = grain == CAI_FINE ? cai_full_stamps[last / 16] : cai_class_table_coarse[last / 128 + 1];
    if (is_short ? !cai_exact_is_short(live, bytes)
                 : live != cai_stamp_class(full) || !cai_exact_is(grain, state, live, bytes))
        return false;
    if (cai_load_relaxed(&view->owner[cai_unit_of_granule(grain, granule)].id) != cai_self_heap()->id)
        return false;
    if (is_short)
        cai_store_relaxed(state, cai_short_states[layout.size]);
    else if (grain == CAI_FINE)
        cai_store_relaxed(state + 1, (uint8_t)((full >> 8) - layout.size));
    else
        cai_record_coarse(state, layout.size);
    return true;
}

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
