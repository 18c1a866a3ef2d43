/* See claim.h. */
#include "heaps/claim.h"

#include "blocks/exact.h"
#include "blocks/fence.h"
#include "blocks/large.h"
#include "core/tagging.h"
#include "harden/canary.h"
#include "harden/tag.h"
#include "heaps/sample.h"

void cai_claim_moves_to(void *to)
{
    struct cai_claim *record = cai_claim_record();

    cai_fence_for_compiler();
    if (record != NULL)
        record->to = to;
    cai_fence_for_compiler();
}

void cai_claim_return_resized(struct cai_live live, size_t exact)
{
    struct cai_claim *record = cai_claim_record();

    if (record != NULL)
        record->exact = cai_exact_bytes(live); /* a record of several bytes may be left half written */
    cai_fence_for_compiler();
    cai_sample_set_exact(&live, exact); /* whose state is its exact size is live by this */
    if (live.size_class == 0) {
        cai_sample_drop(&live);
        cai_sample_redraw(&live);
    }
    if (live.size_class != 1 || live.byte == CAI_STATE_SAMPLED || live.byte == CAI_STATE_GUARDED)
        cai_store_release(live.state, live.byte);
    if (record != NULL) {
        cai_fence_for_compiler();
        record->exact = 0; /* which nobody reads any more: it is live */
    }
    cai_claim_end();
}

void cai_claim_return_wiped(struct cai_live live)
{
    cai_sample_drop(&live); /* it is on its way back */
    cai_store_release(live.state, cai_state_wiped(live.byte));
    cai_claim_end();
}

void cai_claim_return_unwiped(struct cai_live live)
{
    cai_store_release(live.state,
                      cai_live_is_guarded(live) ? CAI_STATE_GUARDED : cai_state_unwiped(live.byte, live.size_class));
    cai_claim_end();
}

/* A thread that is not there may have been about to give the block back: it may be cleared by then, and guarded. */
static void make_whole(struct cai_live live)
{
    if (!CAI_HARDENS)
        return;
    if (live.size_class == 0)
        cai_fence_lift(live);
    size_t bytes = cai_exact_bytes(live);
    if (!cai_state_is_hardened(live.byte) || bytes > cai_slot_bytes(live))
        return;
    if ((cai_settings->checks & CAI_CHECK_canary) != 0)
        cai_canary_write((char *)cai_live_address(live), bytes, cai_canary_slack(live, bytes));
    if (live.size_class == 0)
        cai_fence_tail(live);
    else if (cai_tags_are_on())
        cai_tag_fit((void *)cai_live_address(live), bytes, cai_class_sizes[live.size_class]);
}

static void *make_live(struct cai_claim *record, enum cai_place *place)
{
    struct cai_live live = cai_find_of_state(cai_claim_state(record), cai_claim_byte(record));

    *place = (enum cai_place)(live.zone / CAI_GRAINS);
    if (live.size_class == 0 && record->to != NULL && cai_large_has_moved(live, &record->to))
        return NULL;
    if (record->exact != 0 && live.size_class != 0)
        cai_exact_set(live, record->exact);
    make_whole(live);
    cai_store_relaxed(live.state, cai_claim_byte(record));
    return record->to;
}

/* The record goes last, for a child that is forked meanwhile. */
void *cai_claim_repair(struct cai_claim *record, enum cai_place *place)
{
    void *to = NULL;

    if (record->block != 0 && cai_load_relaxed(cai_claim_state(record)) == CAI_STATE_CLAIMED)
        to = make_live(record, place);
    cai_fence_for_compiler();
    *record = (struct cai_claim){.block = 0};
    return to;
}
