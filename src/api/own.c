/* See own.h: what allocating and giving back do beyond the most frequent case. */
#include "api/own.h"

#include "base/tools.h"
#include "core/violation.h"

#include <string.h>

/* --- allocation --- */

cai_result cai_own_allocate_slow(ca_authority authority, ca_layout layout, enum cai_place place, enum cai_form form)
{
    struct cai_grant grant;
    ca_error error = CA_ERROR_OUT_OF_MEMORY;

    if (!cai_life_start())
        return cai_failure(error);
    if (!cai_authority_may_be_default(authority) && cai_bias_switch(authority)) {
        size_t got;
        void *taken = cai_own_take(place, form, authority, layout, &got);
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
    size_t bytes = form == CAI_AT_LEAST && !CAI_TOOLS ? cai_usable_bytes(live) : layout.size;
    cai_sample_set_exact(&live, bytes);
    return cai_success(address, bytes);
}

/* --- giving back --- */

CAI_NOINLINE void cai_own_deallocate_slow(enum cai_place place, void *address, size_t bytes)
{
    struct cai_judged judged = cai_judge_and_claim(place, address, bytes);
    const char *function = cai_place_zeroes(place) ? "ca_deallocate_zeroed" : "ca_deallocate";

    if (judged.verdict == CAI_AUTHENTIC && !cai_free_live(place, address, cai_live_claimed(judged.live)))
        judged = (struct cai_judged){.verdict = CAI_STALE};
    if (judged.verdict != CAI_AUTHENTIC)
        cai_judged_report(place, address, judged, CAI_TO_GIVE_BACK, function);
}

/* Each of these calls the next last, so that what lies ready is quick. */
static CAI_NOINLINE void deallocate_slow(enum cai_place place, void *address, size_t bytes)
{
    if (bytes != 0)
        cai_own_deallocate_slow(place, address, bytes);
}

CAI_NOINLINE void cai_own_deallocate_full(enum cai_place place, void *address, size_t bytes)
{
    struct cai_live live = cai_find_live(place, address);

    if (live.state == NULL || !cai_free_slot(place, address, live))
        deallocate_slow(place, address, bytes);
}

CAI_INLINE void deallocate_in(enum cai_place place, void *address, size_t bytes)
{
    enum cai_own_put put = bytes > CAI_FINE_BYTES_MAX ? cai_own_put_small(place, CAI_COARSE, address, bytes, false)
                                                      : cai_own_put_small(place, CAI_FINE, address, bytes, false);

    if (CAI_UNLIKELY(put == CAI_OWN_PUT_FULL))
        cai_own_deallocate_full(place, address, bytes);
    else if (CAI_UNLIKELY(put == CAI_OWN_PUT_NONE))
        deallocate_slow(place, address, bytes);
}

static CAI_NOINLINE void deallocate_cleared(enum cai_place place, void *address, size_t bytes)
{
    if (place == CAI_PLACE_mustzero)
        deallocate_in(CAI_PLACE_mustzero, address, bytes);
    else
        deallocate_in(CAI_PLACE_secret, address, bytes);
}

CAI_NOINLINE void cai_own_deallocate_rest(void *address, size_t bytes, enum cai_place place)
{
    if (place == CAI_PLACE_ordinary)
        deallocate_in(CAI_PLACE_ordinary, address, bytes);
    else if (place == CAI_PLACE_nocaps)
        deallocate_in(CAI_PLACE_nocaps, address, bytes);
    else
        deallocate_cleared(place, address, bytes);
}
