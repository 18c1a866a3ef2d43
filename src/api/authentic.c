/* See own.h: which block stands at an address, and what to say when it is not the one that was meant. */
#include "api/own.h"

#include "core/violation.h"

struct cai_judged cai_judge(enum cai_place place, const void *address, size_t bytes, bool wiped)
{
    struct cai_judged judged = {.live = cai_find_live(place, address)};

    if (judged.live.state == NULL) {
        struct cai_lookup there = cai_find_any(address);
        bool is_gone = there.found == CAI_FOUND_FREED || there.found == CAI_FOUND_CLAIMED;
        judged.verdict = is_gone                                                 ? CAI_STALE
                         : there.found == CAI_FOUND_LIVE && there.place != place ? CAI_WRONG_TYPE
                                                                                 : CAI_NO_BLOCK;
    } else if (cai_state_is_wiped(judged.live.byte) != wiped) {
        judged.verdict = CAI_WRONG_TYPE;
    } else {
        judged.verdict = cai_exact_bytes(judged.live) == bytes ? CAI_AUTHENTIC : CAI_WRONG_SIZE;
    }
    return judged;
}

/* Its state byte does not tell its size: what was judged may have grown or shrunk before it was claimed. */
static struct cai_judged judge_and_claim(enum cai_place place, const void *address, size_t bytes, bool wiped)
{
    struct cai_judged judged = cai_judge(place, address, bytes, wiped);

    if (judged.verdict != CAI_AUTHENTIC)
        return judged;
    if (!cai_claim(judged.live)) {
        judged.verdict = CAI_STALE;
    } else if (cai_exact_bytes(judged.live) != bytes) {
        cai_claim_return(judged.live);
        judged.verdict = CAI_WRONG_SIZE;
    }
    return judged;
}

struct cai_judged cai_judge_and_claim(enum cai_place place, const void *address, size_t bytes)
{
    return judge_and_claim(place, address, bytes, false);
}

struct cai_judged cai_judge_and_claim_wiped(enum cai_place place, const void *address, size_t bytes)
{
    return judge_and_claim(place, address, bytes, true);
}

bool cai_own_is_over(const struct cai_grant *grant, enum cai_place place, const void *address)
{
    return cai_authority_heap(grant->node) == cai_authority_heap(cai_account_node(cai_find_owner(place, address)));
}

ca_error cai_judged_error(enum cai_verdict verdict)
{
    return verdict == CAI_AUTHENTIC ? CA_OK : verdict == CAI_STALE ? CA_ERROR_STALE : CA_ERROR_INVALID;
}

CAI_COLD ca_error cai_judged_report(enum cai_place place, const void *address, struct cai_judged judged,
                                    enum cai_purpose purpose, const char *function)
{
    if (judged.verdict == CAI_WRONG_SIZE || (judged.verdict == CAI_WRONG_TYPE && judged.live.state != NULL))
        cai_violation_report((ca_violation){
            .kind = judged.verdict == CAI_WRONG_SIZE ? CA_VIOLATION_SIZE_MISMATCH : CA_VIOLATION_WRONG_DEALLOCATOR,
            .function = function,
            .address = address,
            .size = cai_exact_bytes(judged.live),
            .place = cai_place_name(place),
            .stated = judged.verdict == CAI_WRONG_SIZE ? "a block of another size" : "a block of another type",
            .found = "a live block",
        });
    else if (judged.verdict == CAI_STALE && purpose == CAI_TO_USE)
        cai_violation_report((ca_violation){
            .kind = CA_VIOLATION_STALE,
            .function = function,
            .address = address,
            .size = cai_find_any(address).bytes,
            .place = cai_place_name(place),
            .stated = "a live block",
            .found = "a freed block",
        });
    else
        cai_find_report(place, address, function);
    return cai_judged_error(judged.verdict);
}
