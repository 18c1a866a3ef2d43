/* See claim.h. */
#include "heaps/claim.h"

#include "blocks/exact.h"
#include "blocks/large.h"

/* NULL: a thread without a heap has no record; in the child of a fork what it had claimed stays claimed. */
static struct cai_claim *record(void)
{
    return cai_thread_has_heap(cai_self) ? &cai_self->claim : NULL;
}

bool cai_claim(struct cai_live live)
{
    struct cai_claim *claim = record();
    uint8_t byte = live.byte;

    if (claim != NULL) {
        claim->live = live;
        claim->exact = cai_exact_bytes(live);
        claim->to = NULL;
        cai_fence_for_compiler();
        claim->is_made = true;
        cai_fence_for_compiler();
    }
    bool claimed = cai_swap_strong_acq_rel(live.state, &byte, CAI_STATE_CLAIMED);
    if (!claimed)
        cai_claim_end();
    return claimed;
}

void cai_claim_end(void)
{
    cai_fence_for_compiler();
    if (record() != NULL)
        record()->is_made = false;
}

void cai_claim_moves_to(void *to)
{
    if (record() != NULL)
        record()->to = to;
    cai_fence_for_compiler();
}

void cai_claim_return(struct cai_live live)
{
    cai_store_release(live.state, live.byte);
    cai_claim_end();
}

void cai_claim_return_resized(struct cai_live live, size_t exact)
{
    cai_exact_set(live, exact); /* whose state is its exact size is live by this */
    if (live.size_class != 1)
        cai_store_release(live.state, live.byte);
    cai_claim_end();
}

void cai_claim_return_wiped(struct cai_live live)
{
    cai_store_release(live.state, cai_state_wiped(live.byte));
    cai_claim_end();
}

void *cai_claim_repair(struct cai_thread *thread, enum cai_place *place)
{
    struct cai_claim claim = thread->claim;

    thread->claim.is_made = false;
    if (!claim.is_made || cai_load_relaxed(claim.live.state) != CAI_STATE_CLAIMED ||
        cai_live_run(claim.live)->kind == CAI_UNIT_BARE)
        return NULL;
    *place = (enum cai_place)(claim.live.zone / CAI_GRAINS);
    if (claim.live.size_class == 0 && claim.to != NULL && cai_large_was_moved(claim.live)) {
        cai_large_end_moved(claim.live);
        return NULL;
    }
    /* With the exact size it had, unless its run has been cut already. */
    if (claim.exact <= cai_slot_bytes(claim.live))
        cai_exact_set(claim.live, claim.exact);
    cai_store_relaxed(claim.live.state, claim.live.byte);
    return claim.to;
}
