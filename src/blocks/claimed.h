/* Memory that is zero by somebody's word: what was given back as wiped, and may have been written to since, and what
 * was only said to be zero. Within the heap of whoever said so it counts as zero; a lie harms the liar. Before it can
 * be anybody else's, it is looked at, and made zero where it is not.
 *
 * The mark `claimed` of a run says that there is such memory in it. It is made by who gives such a block back, before
 * that can be seen to be free, and taken away where the run leaves the heap.
 */
#ifndef CAI_BLOCKS_CLAIMED_H
#define CAI_BLOCKS_CLAIMED_H

#include "blocks/heap.h"
#include "pages/unit.h"

CAI_INLINE void cai_claimed_mark(struct cai_unit *run)
{
    cai_store_relaxed(&run->claimed, 1);
}

CAI_INLINE bool cai_claimed_is_marked(const struct cai_unit *run)
{
    return cai_load_relaxed(&run->claimed) != 0;
}

bool cai_claimed_is_zero(void *address, size_t bytes);

/* Looks, and clears what is not zero, on behalf of the heap. */
void cai_claimed_make_zero(struct cai_heap *heap, void *address, size_t bytes);

/* Nothing in the slab is zero by anybody's word any more: in must-zero places it is zero, in others it is not known to
 * be. The heap's lock is held. */
void cai_claimed_settle(struct cai_heap *heap, struct cai_unit *slab);

#endif
