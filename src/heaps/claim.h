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

/* False: it is not what it was found to be any more; nothing changed. Afterwards its state byte is CAI_STATE_CLAIMED,
 * which is what the functions that give blocks back want to hear of it (cai_live_claimed). */
bool cai_claim(struct cai_live live);

CAI_INLINE struct cai_live cai_live_claimed(struct cai_live live)
{
    live.byte = CAI_STATE_CLAIMED;
    return live;
}

/* The block is what it was; or is so long now; or wiped. `live` as it was found. */
void cai_claim_return(struct cai_live live);
void cai_claim_return_resized(struct cai_live live, size_t exact);
void cai_claim_return_wiped(struct cai_live live);

/* Its content is being taken to this address; NULL: not any more. */
void cai_claim_moves_to(void *to);

/* It went back. */
void cai_claim_end(void);

/* In the child of a fork: what a thread that is not there had claimed. Returns a block that is to be given back, and
 * its place, or NULL. */
void *cai_claim_repair(struct cai_thread *thread, enum cai_place *place);

#endif
