/* See own.h: what allocating and giving back do beyond the most frequent case. */
#include "api/own.h"

#include "core/violation.h"

#include <string.h>

/* --- allocation --- */

/* A block of 513 to 32 Ki bytes, or NULL, also for other layouts. */
CAI_INLINE void *take_coarse(struct cai_heap *heap, enum cai_place place, ca_layout layout, enum cai_form form,
                             size_t *got)
{
    if (CAI_UNLIKELY(layout.size <= CAI_FINE_BYTES_MAX || layout.size > CAI_SMALL_BYTES_MAX ||
                     !cai_is_small_alignment(layout.align)))
        return NULL;
    size_t size_class = cai_class_of_coarse(layout.size);
    const struct cai_view *view = cai_view_of(cai_zone_number(place, CAI_COARSE));
    *got = form == CAI_AT_LEAST ? cai_class_sizes[size_class] : layout.size;
    void *address = cai_cache_take(heap, place, CAI_COARSE, size_class, form == CAI_ZEROED, *got);
    if (CAI_LIKELY(address != NULL))
        cai_exact_record(view->state + cai_granule_of(view, CAI_COARSE, address), (unsigned)size_class, *got);
    return address;
}

/* From the heap that the authority opens without a lock: the thread's own, or the account it used last. NULL: no such
 * heap, or nothing in its bin. The block is whole before anyone may take the account away. */
CAI_INLINE void *take_small(enum cai_place place, enum cai_form form, ca_authority authority, ca_layout layout,
                            size_t *got)
{
    struct cai_thread *thread = cai_self;

    if (cai_authority_is_default(authority))
        return take_coarse(&thread->owner.heap, place, layout, form, got);
    if (cai_authority_may_be_default(authority))
        return NULL;
    struct cai_heap *heap = cai_bias_enter(thread, authority.opaque[0], authority.opaque[1]);
    if (CAI_UNLIKELY(heap == NULL))
        return NULL;
    void *address = CAI_LIKELY(cai_is_fine(layout)) ? cai_own_take_fine(heap, place, layout.size, form, got)
                                                    : take_coarse(heap, place, layout, form, got);
    cai_bias_leave(thread);
    return address;
}

/* With the place as a constant. */
CAI_INLINE void *take_small_in(enum cai_place place, enum cai_form form, ca_authority authority, ca_layout layout,
                               size_t *got)
{
    switch (place) {
    case CAI_PLACE_nocaps:
        return take_small(CAI_PLACE_nocaps, form, authority, layout, got);
    case CAI_PLACE_mustzero:
        return take_small(CAI_PLACE_mustzero, CAI_ZEROED, authority, layout, got);
    case CAI_PLACE_secret:
        return take_small(CAI_PLACE_secret, CAI_ZEROED, authority, layout, got);
    default:
        return take_small(CAI_PLACE_ordinary, form, authority, layout, got);
    }
}

static CAI_NOINLINE cai_result allocate_slow(ca_authority authority, ca_layout layout, enum cai_place place,
                                             enum cai_form form)
{
    struct cai_grant grant;
    ca_error error = CA_ERROR_OUT_OF_MEMORY;

    if (!cai_life_start())
        return cai_failure(error);
    if (!cai_authority_may_be_default(authority) && cai_bias_switch(authority)) {
        size_t got;
        void *taken = take_small_in(place, form, authority, layout, &got);
        if (taken != NULL)
            return cai_success(taken, got);
    }
    if (!cai_authority_find(authority, &grant) || (grant.rights & CA_RIGHT_ALLOCATE) == 0)
        return cai_failure(CA_ERROR_NOT_PERMITTED);
    if (!ca_layout_is_valid(layout))
        return cai_failure(CA_ERROR_LAYOUT);
    if (layout.size == 0)
        return cai_success((void *)layout.align, 0);
    void *address = cai_allocate_for(&grant, place, layout.size, layout.align, form == CAI_ZEROED, &error);
    if (address == NULL)
        return cai_failure(error);
    struct cai_live live = cai_find_live(place, address);
    if (live.state == NULL) /* it went with its heap, which another thread destroyed */
        return cai_failure(CA_ERROR_NOT_PERMITTED);
    size_t bytes = form == CAI_AT_LEAST ? cai_usable_bytes(live) : layout.size;
    cai_exact_set(live, bytes);
    return cai_success(address, bytes);
}

CAI_NOINLINE cai_result cai_own_allocate_rest(ca_authority authority, ca_layout layout, enum cai_place place,
                                              enum cai_form form)
{
    size_t got;
    void *taken = take_small_in(place, form, authority, layout, &got);

    return CAI_LIKELY(taken != NULL) ? cai_success(taken, got) : allocate_slow(authority, layout, place, form);
}

/* --- giving back --- */

CAI_NOINLINE void cai_own_deallocate_slow(enum cai_place place, void *address, size_t bytes, bool wiped)
{
    /* A wiped block stays as it is until it goes back, so it is judged for good. */
    struct cai_judged judged =
        wiped ? cai_judge(place, address, bytes, true) : cai_judge_and_claim(place, address, bytes);
    const char *function = cai_place_zeroes(place) && !wiped ? "ca_deallocate_zeroed" : "ca_deallocate";

    if (judged.verdict == CAI_AUTHENTIC &&
        !cai_free_live(place, address, wiped ? judged.live : cai_live_claimed(judged.live)))
        judged = (struct cai_judged){.verdict = CAI_STALE};
    if (judged.verdict != CAI_AUTHENTIC)
        cai_judged_report(place, address, judged, CAI_TO_GIVE_BACK, function);
}

/* A small block of this grain in a slab of the calling thread's heap, whatever its record. In must-zero places the
 * whole slot is cleared first. False: it is none of this size and heap, nothing has changed. */
CAI_INLINE bool put_small(enum cai_place place, enum cai_grain grain, void *address, size_t bytes)
{
    struct cai_heap *heap = cai_self_heap();
    size_t granule;
    uint8_t *state = cai_find_state(place, grain, address, &granule);

    if (CAI_UNLIKELY(state == NULL))
        return false;
    uint8_t live = cai_load_relaxed(state);
    /* Class 1 has records in its states; blocks that short are rare. */
    if (CAI_UNLIKELY(live < 2 || live > CAI_CLASS_LAST || !cai_exact_is(state, live, bytes)))
        return false;
    if (CAI_UNLIKELY(!cai_cache_owns(heap, place, grain, granule)))
        return false; /* to be claimed before it is cleared or given back */
    if (cai_place_zeroes(place))
        cai_clear_small(heap, address, cai_class_sizes[live]);
    if (CAI_LIKELY(cai_cache_push(heap, place, grain, granule, state, live, address)))
        return true;
    return cai_free_slot(place, address, (struct cai_live){state, live, live, (uint8_t)cai_zone_number(place, grain)});
}

CAI_INLINE void deallocate_in(enum cai_place place, void *address, size_t bytes)
{
    if (CAI_LIKELY(bytes > CAI_FINE_BYTES_MAX ? put_small(place, CAI_COARSE, address, bytes)
                                              : put_small(place, CAI_FINE, address, bytes)))
        return;
    if (bytes != 0)
        cai_own_deallocate_slow(place, address, bytes, false);
}

CAI_NOINLINE void cai_own_deallocate_rest(enum cai_place place, void *address, size_t bytes)
{
    switch (place) {
    case CAI_PLACE_nocaps:
        deallocate_in(CAI_PLACE_nocaps, address, bytes);
        break;
    case CAI_PLACE_mustzero:
        deallocate_in(CAI_PLACE_mustzero, address, bytes);
        break;
    case CAI_PLACE_secret:
        deallocate_in(CAI_PLACE_secret, address, bytes);
        break;
    default:
        deallocate_in(CAI_PLACE_ordinary, address, bytes);
        break;
    }
}
