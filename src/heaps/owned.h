/* Everything a heap owns, found by its number in the tables of owners: for those who take accounts apart,
 * and for threads that end.
 *
 * `use` of the accounts is held, and no holder is inside; of a thread, it is ending.
 */
#ifndef CAI_HEAPS_OWNED_H
#define CAI_HEAPS_OWNED_H

#include "blocks/heap.h"

/* The bytes of its live blocks and cached slots, as they are charged. */
size_t cai_owned_bytes(struct cai_heap *heap);

/* Every block goes back; must-zero ones are cleared first. Where there is a quarantine they wait there as others do,
 * charged and in slabs that stay the heap's; its bins have been emptied. */
void cai_owned_discard(struct cai_heap *heap);

/* What was only claimed to be zero in its slabs (blocks/claimed.h) is looked at: it becomes somebody else's heap. */
void cai_owned_settle_claims(struct cai_heap *heap);

/* Every slab and large block becomes another heap's. */
void cai_owned_transfer(struct cai_heap *from, struct cai_heap *to);

#endif
