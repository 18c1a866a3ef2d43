/* Claims: whoever is about to change or end a block wins it first, by one atomic transition of its state. Of two calls
 * that want one block at once, exactly one succeeds; the other finds no block that it could use, and reports that.
 *
 * What a thread has claimed stands in its record, so that in the child of a fork, where that thread is not, the block
 * is live again: at exactly one address, with the old or the new exact size. The owner's fast free is no claim
 * (free.h).
 */
#ifndef CAI_HEAPS_CLAIM_H
#define CAI_HEAPS_CLAIM_H

#include "heaps/registry.h"
#include "heaps/stray.h"
#include "os/process.h"

/* It is live again, or went back. */
CAI_INLINE void cai_claim_end(void)
{
    cai_fence_for_compiler();
    if (CAI_LIKELY(cai_thread_has_heap(cai_self)))
        cai_self->claim.state = NULL;
    else
        cai_stray_give();
}

/* False: it is not what it was found to be any more; nothing changed. Afterwards its state byte is CAI_STATE_CLAIMED,
 * which is what the functions that give blocks back want to hear of it (cai_live_claimed). */
CAI_INLINE bool cai_claim(struct cai_live live)
{
    uint8_t byte = live.byte;

    /* In the child of a fork another thread's record may say the same of this block: it must be looked at first. */
    cai_process_notice();
    struct cai_claim *record = CAI_LIKELY(cai_thread_has_heap(cai_self)) ? &cai_self->claim : cai_stray_take();

    if (record != NULL) {
        record->byte = byte;
        cai_fence_for_compiler();
        record->state = live.state;
        cai_fence_for_compiler();
    }
    if (CAI_LIKELY(cai_swap_strong_acq_rel(live.state, &byte, CAI_STATE_CLAIMED)))
        return true;
    cai_claim_end();
    return false;
}

CAI_INLINE struct cai_live cai_live_claimed(struct cai_live live)
{
    live.byte = CAI_STATE_CLAIMED;
    return live;
}

/* The block is what it was; `live` as it was found. */
CAI_INLINE void cai_claim_return(struct cai_live live)
{
    cai_store_release(live.state, live.byte);
    cai_claim_end();
}

/* The same, but it is so long now; or wiped; or wiped no more. */
void cai_claim_return_resized(struct cai_live live, size_t exact);
void cai_claim_return_wiped(struct cai_live live);
void cai_claim_return_unwiped(struct cai_live live);

/* Its content is being taken to this address; NULL: no more. */
void cai_claim_moves_to(void *to);

/* In the child of a fork: what a thread that is not there had claimed. Returns a block that is to be given back, and
 * its place, or NULL. */
void *cai_claim_repair(struct cai_claim *record, enum cai_place *place);

#endif
