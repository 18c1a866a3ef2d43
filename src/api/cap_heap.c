/* Blocks as capabilities. The door between addresses and capabilities: minted when a block goes out, judged when one
 * comes back; the heap below knows addresses only.
 *
 * Invariant: the bounds of a minted capability are exactly the block's size on record, so that what comes back whole is
 * authentic by base and length, and whatever was narrowed is not. Tags within a block are cleared when it goes back as
 * a capability, and whatever way it went, before it is handed out as one.
 */
#include "api/cap_mint.h"
#include "api/nothing.h"
#include "api/own.h"
#include "base/bits.h"
#include "base/check.h"
#include "core/violation.h"

#include <capalloc/cap.h>
#include <string.h>

/* What to ask of the heap so that the block's bounds can be exact. */
static bool make_representable(ca_layout *layout)
{
    if (layout->size < CAI_QUICK_EXACT_BELOW)
        return true;
    size_t length = cai_concentrate_crrl(layout->size);
    size_t align = ~cai_concentrate_cram(layout->size) + 1;
    if (!ca_layout_is_valid(*layout) || length == 0)
        return false;
    *layout = (ca_layout){.size = length, .align = cai_max(layout->align, align)};
    return true;
}

/* Gives the places that may hold pointers their table of tags, on first use. False: out of memory. */
static CAI_COLD bool start_tags(void)
{
    unsigned holding = 0;

#define PLACE(name, pointers, zero) holding |= (unsigned)(pointers) << CAI_PLACE_##name;
    CAI_FOR_PLACES(PLACE)
#undef PLACE
    return cai_tags_start(cai_sealed.places, cai_sealed.shift, CAI_PLACES, holding, cai_sealed.annex);
}

/* --- going out --- */

/* A block that the heap gave, as a capability; its content may be anybody's, so tags go. */
CAI_INLINE ca_cap_result hand_out(enum cai_place place, cai_result block, size_t length)
{
    if (CAI_UNLIKELY(block.ptr == NULL))
        return cai_not_minted((ca_error)block.size_or_error);
    if (CAI_UNLIKELY(length == 0))
        return cai_minted(cai_mint(place, cai_nothing_in(place), 0));
    if (cai_holds_caps(place))
        cai_tags_clear((uintptr_t)block.ptr, length);
    return cai_minted(cai_mint(place, (uintptr_t)block.ptr, length));
}

CAI_INLINE cai_result own_allocate(enum cai_place place, enum cai_form form, ca_authority authority, ca_layout layout)
{
    size_t bytes;
    void *address = cai_own_take(place, form, authority, layout, &bytes);

    return CAI_LIKELY(address != NULL) ? cai_success(address, bytes)
                                       : cai_own_allocate_slow(authority, layout, place, form);
}

CAI_INLINE ca_cap_result allocate(enum cai_place place, bool zeroed, ca_authority authority, ca_layout layout)
{
    if (CAI_UNLIKELY(!make_representable(&layout)))
        return cai_not_minted(CA_ERROR_LAYOUT);
    if (CAI_UNLIKELY(cai_holds_caps(place) && cai_load_acquire(&cai_tags.bytes) == 0) &&
        !(cai_life_start() && start_tags()))
        return cai_not_minted(CA_ERROR_OUT_OF_MEMORY);
    cai_result block = own_allocate(place, zeroed ? CAI_ZEROED : CAI_PLAIN, authority, layout);
    if (CAI_UNLIKELY(layout.size == 0 && block.ptr != NULL && !cai_nothing_fits(layout)))
        return cai_not_minted(CA_ERROR_LAYOUT);
    return hand_out(place, block, layout.size);
}

#define FOR_ALLOCATION(name, place, zeroed)                                                                            \
    CAI_EXPORT ca_cap_result name(ca_authority authority, ca_layout layout)                                            \
    {                                                                                                                  \
        return allocate(CAI_PLACE_##place, zeroed, authority, layout);                                                 \
    }
FOR_ALLOCATION(ca_cap_allocate, ordinary, false)
FOR_ALLOCATION(ca_cap_allocate_zeroed, ordinary, true)
FOR_ALLOCATION(ca_cap_allocate_nocaps, nocaps, false)
FOR_ALLOCATION(ca_cap_allocate_nocaps_zeroed, nocaps, true)
FOR_ALLOCATION(ca_cap_allocate_mustzero, mustzero, true)
FOR_ALLOCATION(ca_cap_allocate_secret, secret, true)

/* --- coming back --- */

/* What a capability says about itself. The heap is asked only about one that is WHOLE; the others are not blocks. */
enum claim { WHOLE, NOTHING, NO_TAG, SEALED, NO_PLACE, EMPTY, WEAK };

struct claimed {
    enum claim claim;
    enum cai_place place;
    uintptr_t base;
    size_t length;
};

static struct claimed claim_of(const ca_cap *cap)
{
    struct cai_reach reach;
    struct claimed it = {.claim = WHOLE};

    if (CAI_LIKELY(cai_quick_reach(cap->high, cap->address, &reach))) {
        it.base = cap->address - reach.from_base;
        it.length = reach.length;
    } else {
        struct cai_bounds bounds = cai_concentrate_decode(cap->high, cap->address);
        it.base = bounds.base;
        it.length = (size_t)(bounds.top - bounds.base);
    }
    it.place = cai_place_of((void *)it.base);
    if (!cai_cap_tag_get(cap))
        it.claim = NO_TAG;
    else if (cai_cap_is_sealed(cap))
        it.claim = SEALED;
    else if (it.place == CAI_PLACE_none)
        it.claim = NO_PLACE;
    else if ((cap->high ^ cai_high_of_place[it.place]) >> CAI_BOUNDS_BITS != 0)
        it.claim = WEAK;
    else if (it.length == 0)
        it.claim = it.base == cai_nothing_in(it.place) ? NOTHING : EMPTY;
    return it;
}

/* Reports a capability that is no block and returns its error; OK for one that may be. */
static ca_error refuse_claim(const ca_cap *cap, struct claimed it, const char *function)
{
    static const char *const found[] = {[NO_TAG] = "a capability without tag",
                                        [SEALED] = "a sealed capability",
                                        [WEAK] = "a capability with other permissions",
                                        [EMPTY] = "an empty part of it"};

    if (it.claim == WHOLE || it.claim == NOTHING)
        return CA_OK;
    if (it.claim == NO_PLACE)
        cai_find_report(CAI_PLACE_ordinary, (void *)it.base, function);
    else
        cai_violation_report((ca_violation){
            .kind = it.claim == EMPTY ? CA_VIOLATION_SIZE_MISMATCH : CA_VIOLATION_DENIED,
            .function = function,
            .address = (void *)cap->address,
            .place = cai_place_name(it.place),
            .stated = "a whole block",
            .found = found[it.claim],
        });
    return CA_ERROR_INVALID;
}

CAI_EXPORT ca_error ca_cap_check(ca_cap cap)
{
    struct claimed it = claim_of(&cap);

    if (it.claim == NOTHING)
        return CA_OK;
    return it.claim == WHOLE ? cai_own_check(it.place, (void *)it.base, it.length) : CA_ERROR_INVALID;
}

static CAI_NOINLINE ca_error deallocate_slow(const ca_cap *cap)
{
    struct claimed it = claim_of(cap);

    if (it.claim != WHOLE)
        return refuse_claim(cap, it, "ca_cap_deallocate");
    struct cai_judged judged = cai_judge_and_claim(it.place, (void *)it.base, it.length);
    if (judged.verdict == CAI_AUTHENTIC) {
        if (cai_holds_caps(it.place))
            cai_tags_clear(it.base, it.length);
        if (cai_free_live(it.place, (void *)it.base, cai_live_claimed(judged.live)))
            return CA_OK;
        judged.verdict = CAI_STALE; /* its owner gave it back meanwhile */
    }
    return cai_judged_report(it.place, (void *)it.base, judged, CAI_TO_GIVE_BACK, "ca_cap_deallocate");
}

/* A fine block of a place without zeroing, whole. */
CAI_INLINE enum cai_own_put put_fine(enum cai_place place, void *address, size_t bytes)
{
    switch (place) {
    case CAI_PLACE_nocaps:
        return cai_own_put_small(CAI_PLACE_nocaps, CAI_FINE, address, bytes, false);
    case CAI_PLACE_ordinary:
        return cai_own_put_small(CAI_PLACE_ordinary, CAI_FINE, address, bytes, true);
    default:
        return CAI_OWN_PUT_NONE;
    }
}

CAI_EXPORT ca_error ca_cap_deallocate(ca_cap cap)
{
    struct cai_reach reach = {0, 0};

    /* The frequent case: a small block, whole. */
    if (CAI_LIKELY(cap.tag == 1) && CAI_LIKELY(cai_quick_reach(cap.high, cap.address, &reach))) {
        uintptr_t base = cap.address - reach.from_base;
        size_t place = (base - cai_sealed.places) >> cai_sealed.shift;
        enum cai_own_put put = CAI_OWN_PUT_NONE;
        if (CAI_LIKELY(place < CAI_PLACES) && CAI_LIKELY((cap.high ^ cai_high_of_place[place]) >> CAI_BOUNDS_BITS == 0))
            put = put_fine((enum cai_place)place, (void *)base, reach.length);
        if (CAI_UNLIKELY(put == CAI_OWN_PUT_FULL))
            cai_own_deallocate_full((enum cai_place)place, (void *)base, reach.length);
        if (CAI_LIKELY(put != CAI_OWN_PUT_NONE))
            return CA_OK;
    }
    return deallocate_slow(&cap);
}

CAI_EXPORT ca_cap_result ca_cap_shrink(ca_cap cap, ca_layout layout)
{
    struct claimed it = claim_of(&cap);
    ca_error error = refuse_claim(&cap, it, "ca_cap_shrink");

    if (error != CA_OK)
        return cai_not_minted(error);
    if (!ca_layout_is_valid(layout) || layout.size > it.length || it.base % layout.align != 0)
        return cai_not_minted(CA_ERROR_LAYOUT);
    if (it.claim == NOTHING)
        return cai_minted(cap);
    layout.size = cai_concentrate_crrl(layout.size);
    cai_result block =
        cai_own_shrink(it.place, (void *)it.base, it.length, layout, cai_holds_caps(it.place), "ca_cap_shrink");
    if (block.ptr == NULL)
        return cai_not_minted((ca_error)block.size_or_error);
    if (layout.size == 0)
        return cai_minted(cai_mint(it.place, cai_nothing_in(it.place), 0));
    cai_cap_address_set(&cap, &cap, it.base);
    cai_cap_bounds_set_exact(&cap, &cap, layout.size);
    return cai_minted(cap);
}

/* --- growing --- */

/* Copies the tags of `bytes` bytes from one block to another that has none. False: out of memory for the table. */
static bool copy_tags(uintptr_t from, uintptr_t to, size_t bytes)
{
    enum { WORDS = 64 };
    size_t step = WORDS * 64 * CAI_CAP_GRANULE;

    for (size_t at = 0; at < bytes; at += step) {
        size_t part = cai_round_up(cai_min(bytes - at, step), CAI_CAP_GRANULE);
        uint64_t tags[WORDS] = {0};
        cai_tags_copy_out(from + at, part, tags);
        if (!cai_tags_copy_in(to + at, part, tags))
            return false;
    }
    return true;
}

/* The block went from `base`, where it still is claimed as `old`, to another place. Not OK: it stays where it was, as
 * there is no memory for its tags; or it was reported that its owner gave it back meanwhile. */
static ca_error take_tags_along(struct claimed it, struct cai_live old, uintptr_t moved, size_t length)
{
    void *from = (void *)it.base;
    void *to = (void *)moved;

    if (cai_holds_caps(it.place) && !copy_tags(it.base, moved, it.length)) {
        cai_tags_clear(moved, length);
        cai_claim_return(old);
        cai_own_deallocate(it.place, to, length);
        return CA_ERROR_OUT_OF_MEMORY;
    }
    if (cai_holds_caps(it.place))
        cai_tags_clear(it.base, it.length);
    return cai_own_moved(it.place, from, old, to, "ca_cap_grow");
}

CAI_EXPORT ca_cap_result ca_cap_grow(ca_authority authority, ca_cap cap, ca_layout layout)
{
    struct claimed it = claim_of(&cap);
    ca_error error = refuse_claim(&cap, it, "ca_cap_grow");
    struct cai_live old;

    if (error != CA_OK)
        return cai_not_minted(error);
    if (!make_representable(&layout) || (layout.size == 0 && !cai_nothing_fits(layout)))
        return cai_not_minted(CA_ERROR_LAYOUT);
    cai_result block =
        cai_own_grow(authority, it.place, (void *)it.base, it.length, layout, false, &old, "ca_cap_grow");
    if (block.ptr == NULL)
        return cai_not_minted((ca_error)block.size_or_error);
    if (layout.size == 0)
        return cai_minted(cap);
    uintptr_t base = (uintptr_t)block.ptr;
    size_t kept = it.claim == WHOLE && old.state == NULL ? it.length : 0; /* its tags lie where they lay */
    if (cai_holds_caps(it.place) && kept < layout.size)
        cai_tags_clear(base + kept, layout.size - kept);
    if (old.state != NULL)
        error = take_tags_along(it, old, base, layout.size);
    return error == CA_OK ? cai_minted(cai_mint(it.place, base, layout.size)) : cai_not_minted(error);
}
