/* Claims: whoever is about to change or end a block wins it first, by one atomic transition of its state. Of two calls
 * that want one block at once, exactly one succeeds; the other finds no block that it could use, and reports that.
 *
 * What a thread has claimed stands in a record, so that in the child of a fork, where that thread is not, the block is
 * live again: at exactly one address, with the old or the new exact size. The owner's fast free is no claim (free.h),
 * and neither is the way of its small block to a slot that lies ready (resize.h).
 *
 * A signal handler may claim in the middle of another claim, before or after any instruction of it. So a thread's
 * claims are a stack: the outermost stands in its heap, the others in stray records (stray.h), as all claims of threads
 * without a heap; and whatever a handler did has ended when it returns.
 */
#ifndef CAI_HEAPS_CLAIM_H
#define CAI_HEAPS_CLAIM_H

#include "base/check.h"
#include "heaps/registry.h"
#include "heaps/stray.h"
#include "os/process.h"

/* Where a claim that is about to begin will stand; NULL: nowhere. */
CAI_INLINE struct cai_claim *cai_claim_begin(void)
{
    struct cai_thread *thread = cai_self;
    bool is_outermost = cai_thread_has_heap(thread) && cai_stray == NULL && thread->claim.block == 0;

    return CAI_LIKELY(is_outermost) ? &thread->claim : cai_stray_take();
}

/* It is live again, or went back. */
CAI_INLINE void cai_claim_end(void)
{
    cai_fence_for_compiler();
    if (CAI_UNLIKELY(cai_stray != NULL)) {
        cai_stray_give();
        return;
    }
    struct cai_claim *claim = &cai_self->claim;
    CAI_CHECK(claim->block != 0);
    claim->exact = 0;
    claim->to = NULL;
    cai_fence_for_compiler(); /* last: a handler finds all of it in use, or none */
    claim->block = 0;
}

/* False: it is not what it was found to be any more; nothing changed. Afterwards its state byte is CAI_STATE_CLAIMED,
 * which is what the functions that give blocks back want to hear of it (cai_live_claimed). */
CAI_INLINE bool cai_claim(struct cai_live live)
{
    uint8_t byte = live.byte;

    /* In the child of a fork another thread's record may say the same of this block: it must be looked at first. */
    cai_process_notice();
    struct cai_claim *record = cai_claim_begin();

    cai_fence_for_compiler();
    if (record != NULL)
        record->block = cai_claim_of(live.state, byte);
    cai_fence_for_compiler();
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

/* Its content is being taken to this address, until its claim ends. */
void cai_claim_moves_to(void *to);

/* In the child of a fork: what a thread that is not there had claimed. Returns a block that is to be given back, and
 * its place, or NULL. Of two records that speak of one block, because one of the threads was about to claim it, or had
 * just given it back, that which says how far its thread has come has to be the first. */
CAI_INLINE bool cai_claim_is_under_way(const struct cai_claim *record)
{
    return record->to != NULL || record->exact != 0;
}
void *cai_claim_repair(struct cai_claim *record, enum cai_place *place);

#endif
