/* Blocks that are zero before they go back: wiped, or only said to be zero. A claim needs its right; of what is claimed
 * for secrets everything is looked at, of the rest only in debug builds. What was claimed falsely, or written to after
 * it was wiped, stays within its heap (blocks/claimed.h).
 */
#include "api/own.h"

#include "base/tools.h"
#include "core/violation.h"

#if defined(CAI_DEBUG) && CAI_DEBUG
enum { ALL_ARE_CHECKED = true };
#else
enum { ALL_ARE_CHECKED = false };
#endif

/* The block, which is claimed, is not what it is said to be: it is what it was. */
static CAI_COLD void refuse_dirty(enum cai_place place, const void *address, struct cai_live live, const char *stated,
                                  const char *function)
{
    cai_claim_return(live);
    cai_violation_report((ca_violation){.kind = CA_VIOLATION_NOT_WIPED,
                                        .function = function,
                                        .address = address,
                                        .size = cai_slot_bytes(live),
                                        .place = cai_place_name(place),
                                        .stated = stated,
                                        .found = "a dirty block"});
}

/* The first `bytes` bytes of the block are worth looking at, and not zero. */
static bool is_found_dirty(enum cai_place place, void *address, size_t bytes)
{
    return (ALL_ARE_CHECKED || place == CAI_PLACE_secret) && !cai_claimed_is_zero(address, bytes);
}

static enum cai_place place_of(ca_wiped block)
{
    return cai_place_of(block.ptr) == CAI_PLACE_secret ? CAI_PLACE_secret : CAI_PLACE_mustzero;
}

/* --- wiping, and saying that it is not necessary --- */

static ca_wiped hand_over(void **address, size_t *bytes)
{
    ca_wiped wiped = {.ptr = *address, .size = *bytes};

    *address = NULL;
    *bytes = 0;
    return wiped;
}

static ca_wiped wipe(enum cai_place place, void **address, size_t *bytes)
{
    if (*bytes != 0) {
        struct cai_judged judged = cai_judge_and_claim(place, *address, *bytes);
        if (judged.verdict != CAI_AUTHENTIC) {
            cai_judged_report(place, *address, judged, CAI_TO_USE, "ca_wipe");
            return (ca_wiped){.ptr = NULL, .size = 0};
        }
        cai_clear_touched(cai_self_heap(), *address, cai_slot_bytes(judged.live));
        cai_claim_return_wiped(judged.live);
    }
    return hand_over(address, bytes);
}

static CAI_COLD void report_denied(enum cai_place place, const void *address, size_t bytes, const char *function)
{
    cai_violation_report((ca_violation){.kind = CA_VIOLATION_DENIED,
                                        .function = function,
                                        .address = address,
                                        .size = bytes,
                                        .place = cai_place_name(place),
                                        .stated = "zero memory",
                                        .found = "no right to claim that"});
}

/* Claims a block for somebody who says that it is zero. False: it was reported, and nothing has changed. */
static bool claim_zero(ca_authority authority, enum cai_place place, void *address, size_t bytes,
                       enum cai_purpose purpose, struct cai_live *live, const char *function)
{
    struct cai_grant grant;

    if (!cai_life_start() || !cai_authority_find(authority, &grant) || (grant.rights & CA_RIGHT_CLAIM_ZERO) == 0) {
        report_denied(place, address, bytes, function);
        return false;
    }
    struct cai_judged judged = cai_judge_and_claim(place, address, bytes);
    if (judged.verdict != CAI_AUTHENTIC) {
        cai_judged_report(place, address, judged, purpose, function);
        return false;
    }
    *live = judged.live;
    if (!cai_own_is_over(&grant, place, address)) {
        cai_claim_return(*live);
        report_denied(place, address, bytes, function);
        return false;
    }
    if (is_found_dirty(place, address, bytes)) {
        refuse_dirty(place, address, *live, "zero memory", function);
        return false;
    }
    return true;
}

/* A claim speaks for the block. What lies behind it in its slot an overflow may have reached. */
static void clear_slack(void *address, size_t bytes, struct cai_live live)
{
    cai_clear_touched(cai_self_heap(), (char *)address + bytes, cai_slot_bytes(live) - bytes);
}

static ca_wiped assume_zero(ca_authority authority, enum cai_place place, void **address, size_t *bytes)
{
    struct cai_live live;

    if (*bytes != 0) {
        if (!claim_zero(authority, place, *address, *bytes, CAI_TO_USE, &live, "ca_assume_zero"))
            return (ca_wiped){.ptr = NULL, .size = 0};
        clear_slack(*address, *bytes, live);
        if (cai_self_heap()->id != 0)
            cai_self_heap()->bytes_clear_skipped += *bytes;
        cai_claim_return_wiped(live);
    }
    return hand_over(address, bytes);
}

/* --- the way back --- */

static bool reuse(enum cai_place place, ca_wiped *wiped, const char *function)
{
    if (wiped->size != 0) {
        struct cai_judged judged = cai_judge_and_claim_wiped(place, wiped->ptr, wiped->size);
        if (judged.verdict != CAI_AUTHENTIC) {
            cai_judged_report(place, wiped->ptr, judged, CAI_TO_USE, function);
            return false;
        }
        cai_claim_return_unwiped(judged.live);
    }
    return true;
}

#define FOR_TYPE(type, place)                                                                                          \
    CAI_EXPORT ca_wiped type##_wipe(type *block)                                                                       \
    {                                                                                                                  \
        return wipe(CAI_PLACE_##place, &block->ptr, &block->size);                                                     \
    }                                                                                                                  \
    CAI_EXPORT ca_wiped type##_assume_zero(ca_authority authority, type *block)                                        \
    {                                                                                                                  \
        return assume_zero(authority, CAI_PLACE_##place, &block->ptr, &block->size);                                   \
    }                                                                                                                  \
    CAI_EXPORT type type##_reuse(ca_wiped *wiped)                                                                      \
    {                                                                                                                  \
        type block = {.ptr = NULL, .size = 0};                                                                         \
        if (reuse(CAI_PLACE_##place, wiped, #type "_reuse")) {                                                         \
            block = (type){.ptr = wiped->ptr, .size = wiped->size};                                                    \
            *wiped = (ca_wiped){.ptr = NULL, .size = 0};                                                               \
        }                                                                                                              \
        return block;                                                                                                  \
    }
FOR_TYPE(ca_mustzero, mustzero)
FOR_TYPE(ca_secret, secret)

/* --- giving back --- */

CAI_EXPORT ca_error ca_wiped_check(ca_wiped block)
{
    return block.size == 0 ? CA_OK : cai_judged_error(cai_judge(place_of(block), block.ptr, block.size, true).verdict);
}

CAI_EXPORT void ca_wiped_deallocate(ca_wiped block)
{
    enum cai_place place = place_of(block);

    if (block.size == 0)
        return;
    struct cai_judged judged = cai_judge_and_claim_wiped(place, block.ptr, block.size);
    size_t bytes = judged.verdict != CAI_AUTHENTIC || CAI_TOOLS ? block.size : cai_slot_bytes(judged.live);
    if (judged.verdict != CAI_AUTHENTIC)
        cai_judged_report(place, block.ptr, judged, CAI_TO_GIVE_BACK, "ca_deallocate");
    else if (is_found_dirty(place, block.ptr, bytes))
        refuse_dirty(place, block.ptr, judged.live, "a wiped block", "ca_deallocate");
    else
        cai_free_claimed_zero(place, block.ptr, cai_live_claimed(judged.live));
}

CAI_EXPORT void ca_deallocate_known_zero(ca_authority authority, ca_block block)
{
    enum cai_place place = CAI_PLACE_ordinary;
    struct cai_live live;

    if (block.size == 0 ||
        !claim_zero(authority, place, block.ptr, block.size, CAI_TO_GIVE_BACK, &live, "ca_deallocate_known_zero"))
        return;
    if (live.size_class == 0 && !cai_large_may_keep(cai_live_run(live))) { /* it leaves the heap at once */
        cai_free_live(place, block.ptr, cai_live_claimed(live));
        return;
    }
    clear_slack(block.ptr, block.size, live);
    cai_free_claimed_zero(place, block.ptr, cai_live_claimed(live));
}
