/* The heap's own form: shrinking and growing.
 */
#include "api/own.h"
#include "base/tools.h"

#include <string.h>

/* Judges and claims. False: it was reported, *error. */
static bool claim(enum cai_place place, const void *address, size_t bytes, struct cai_live *live, ca_error *error,
                  const char *function)
{
    struct cai_judged judged = cai_judge_and_claim(place, address, bytes);

    if (judged.verdict != CAI_AUTHENTIC)
        *error = cai_judged_report(place, address, judged, CAI_TO_USE, function);
    else if (address == NULL)
        __builtin_unreachable(); /* no block begins there: for the analyzer */
    *live = judged.live;
    return judged.verdict == CAI_AUTHENTIC;
}

static ca_error report_stale(enum cai_place place, const void *address, enum cai_purpose purpose, const char *function)
{
    return cai_judged_report(place, address, (struct cai_judged){.verdict = CAI_STALE}, purpose, function);
}

cai_result cai_own_shrink(enum cai_place place, void *address, size_t bytes, ca_layout layout, bool tags,
                          const char *function)
{
    struct cai_live live;
    ca_error error;

    if (!ca_layout_is_valid(layout) || layout.size > bytes || ((uintptr_t)address & (layout.align - 1)) != 0)
        return cai_failure(CA_ERROR_LAYOUT);
    if (bytes == 0)
        return cai_success(address, 0);
    if (!claim(place, address, bytes, &live, &error, function))
        return cai_failure(error);
    if (tags && layout.size < bytes)
        cai_tags_clear((uintptr_t)address + layout.size, bytes - layout.size);
    if (layout.size == 0)
        return cai_free_live(place, address, cai_live_claimed(live))
                   ? cai_success((void *)layout.align, 0)
                   : cai_failure(report_stale(place, address, CAI_TO_GIVE_BACK, function));
    if (live.size_class == 0 && !CAI_TOOLS) {
        cai_resize_large(live, layout.size, false); /* never fails: it does not grow */
        return cai_success(address, layout.size);
    }
    /* To the end of the slot: an overflow may have dirtied what lies behind the block. */
    if (cai_place_zeroes(place))
        cai_clear(cai_self_heap(), (char *)address + layout.size, cai_slot_bytes(live) - layout.size);
    if (CAI_TOOLS)
        cai_tools_shrunk(address, bytes, layout.size);
    cai_claim_return_resized(live, layout.size);
    return cai_success(address, layout.size);
}

/* Makes the claimed block longer where it lies, or by moving the pages of a large block of the default heap, unless
 * somebody must be asked first. Returns its address, the claim being at an end; NULL: not possible without copying. */
static void *grow_in_place(const struct cai_grant *grant, void *address, struct cai_live live, ca_layout layout,
                           bool may_move)
{
    bool fits = live.size_class != 0 && layout.size <= cai_slot_bytes(live);

    /* Tools are to see who goes on using the block as it was. */
    if (CAI_TOOLS || ((uintptr_t)address & (layout.align - 1)) != 0 || (live.size_class != 0 && !fits))
        return NULL;
    if (fits || (grant->node != CAI_NODE_DEFAULT && cai_grow_for(grant, live, layout.size))) {
        cai_claim_return_resized(live, layout.size);
        return address;
    }
    if (grant->node != CAI_NODE_DEFAULT || cai_is_account(cai_load_acquire(cai_live_owner(live))) ||
        layout.align > CAI_UNIT_BYTES)
        return NULL;
    return cai_resize_large(live, layout.size, may_move);
}

/* Makes [from, to) zero. Where free memory is zero, only what was already in the block's slot may not be (0: the block
 * is a new one): an overflow may have got there. */
static void zero_added(enum cai_place place, char *block, size_t from, size_t to, size_t slot)
{
    size_t unknown = cai_place_zeroes(place) ? cai_max(from, cai_min(to, slot)) : to;

    cai_clear(cai_self_heap(), block + from, unknown - from);
    if (cai_self_heap()->id != 0)
        cai_self_heap()->bytes_clear_skipped += to - unknown;
}

/* Another block with the same content. NULL: *error says why, nothing changed. */
static void *copy(const struct cai_grant *grant, enum cai_place place, const void *address, size_t bytes,
                  ca_layout layout, ca_error *error)
{
    void *moved = cai_allocate_for(grant, place, layout.size, layout.align, false, error);

    if (moved == NULL)
        return NULL;
    struct cai_live live = cai_find_live(place, moved);
    if (live.state == NULL) { /* it went with its heap, which another thread destroyed */
        *error = CA_ERROR_NOT_PERMITTED;
        return NULL;
    }
    cai_sample_set_exact(&live, layout.size);
    cai_claim_moves_to(moved);
    return memcpy(moved, address, bytes);
}

ca_error cai_own_moved(enum cai_place place, void *address, struct cai_live old, void *to, const char *function)
{
    if (cai_free_live(place, address, cai_live_claimed(old)))
        return CA_OK;
    cai_free_slow(place, to, function);
    return report_stale(place, address, CAI_TO_USE, function);
}

cai_result cai_own_grow(ca_authority authority, enum cai_place place, void *address, size_t bytes, ca_layout layout,
                        bool zeroed, struct cai_live *old, const char *function)
{
    struct cai_grant grant;
    struct cai_live live;
    ca_error error;

    if (old != NULL)
        old->state = NULL;
    if (!cai_life_start() || !cai_authority_find(authority, &grant) || (grant.rights & CA_RIGHT_GROW) == 0)
        return cai_failure(CA_ERROR_NOT_PERMITTED);
    if (!ca_layout_is_valid(layout) || layout.size < bytes)
        return cai_failure(CA_ERROR_LAYOUT);
    zeroed = zeroed || cai_place_zeroes(place);
    if (bytes == 0) /* anybody can name a block of size 0: this is an allocation, and needs the right to it */
        return cai_own_allocate_slow(authority, layout, place, zeroed ? CAI_ZEROED : CAI_PLAIN);
    if (!claim(place, address, bytes, &live, &error, function))
        return cai_failure(error);
    if (!cai_own_is_over(&grant, place, address)) {
        cai_claim_return(live);
        return cai_failure(CA_ERROR_NOT_PERMITTED);
    }
    size_t slot = cai_slot_bytes(live);
    void *grown = grow_in_place(&grant, address, live, layout, old == NULL);
    if (grown == NULL) {
        /* What ca_malloc_usable_size says may be used comes along, too, but where all that is added is to be zero, and
         * from behind the bounds of a capability. */
        size_t used = zeroed || old != NULL ? bytes : cai_min(cai_usable_bytes(live), layout.size);
        slot = 0;
        grown = copy(&grant, place, address, used, layout, &error);
        if (grown == NULL) {
            cai_claim_return(live);
            return cai_failure(error);
        }
        if (old != NULL)
            *old = live;
        else if ((error = cai_own_moved(place, address, live, grown, function)) != CA_OK)
            return cai_failure(error);
    }
    if (zeroed)
        zero_added(place, grown, bytes, layout.size, slot);
    return cai_success(grown, layout.size);
}
