/* Large blocks: above 32 KiB, one run of units each, in the coarse zone of their place. They bear the number of the
 * heap that allocated them, grow and shrink in place where the neighbours allow, and are moved by moving their pages.
 */
#ifndef CAI_BLOCKS_LARGE_H
#define CAI_BLOCKS_LARGE_H

#include "blocks/exact.h"
#include "blocks/heap.h"

/* align: a power of two. NULL: no memory, or no block is so large. With `zeroed`, the whole block is zero. */
void *cai_large_take(struct cai_heap *heap, enum cai_place place, size_t bytes, size_t align, bool zeroed);

/* The same from those that the heap has kept, if one fits. */
void *cai_large_take_kept(struct cai_heap *heap, enum cai_place place, size_t bytes, size_t align, bool zeroed);

/* In the hardened library: one with `room` behind it, and a guard where the block ends; others have theirs lifted.
 */
void *cai_large_take_fenced(struct cai_heap *heap, enum cai_place place, size_t bytes, size_t room, bool zeroed);

/* The bytes of the run of a large block of so many; 0: no block is so long. */
size_t cai_large_run_bytes(size_t bytes);

/* The first half of giving a live block back, whose state byte was `live`: from here on it is freed, and the caller's.
 * Of two threads that free one at once, the second is told: false. In must-zero places the whole run is cleared, unless
 * it was wiped or is marked as claimed (claimed.h), and where all that is freed is zero; `heap` counts it. */
bool cai_large_claim(struct cai_heap *heap, struct cai_unit *run, uint8_t live);

/* Short enough to be kept. */
bool cai_large_may_keep(const struct cai_unit *run);

/* The second half: kept by the heap for its next blocks; or, false, a run was given to all, this one or one before. */
bool cai_large_keep(struct cai_heap *heap, struct cai_unit *run);
void cai_large_give(struct cai_heap *heap, struct cai_unit *run);

/* Both of one that has waited (heaps/quarantine.h): in the hardened library this heap keeps it, with its guard. NULL:
 * it is given to all. */
void cai_large_release(struct cai_heap *heap, struct cai_unit *run);

/* Making it `bytes` long changes nothing but that: its run stays what it is, and nothing has to be cleared. */
CAI_INLINE bool cai_large_stays(const struct cai_unit *run, size_t bytes)
{
    size_t length = (size_t)run->units << CAI_UNIT_SHIFT;
    bool must_clear =
        cai_place_zeroes((enum cai_place)(run->zone / CAI_GRAINS)) && bytes < cai_load_relaxed(&run->bytes);

    return bytes <= length && bytes > length - length / 4 && !must_clear;
}

/* Makes a live block `bytes` > 0 long, in place. Growing: false when the neighbour is not free; what is added may hold
 * anything. Shrinking: *less is how many bytes of its run went back. */
bool cai_large_grow(struct cai_live live, size_t bytes);
void cai_large_shrink(struct cai_heap *heap, struct cai_live live, size_t bytes, size_t *less);

/* Moves a claimed block's content to another of the heap, `bytes` long; keeps an alignment of CAI_UNIT_BYTES only.
 * *to_be is set to the other's address before it is a block, and to NULL before the old one can be anybody else's.
 * NULL: no memory, nothing changed. */
void *cai_large_move(struct cai_heap *heap, struct cai_live live, size_t bytes, void **to_be);

/* The same where there is no room for both, which takes a record of `to_be` for granted. Blocks of places that clear
 * their memory cannot. */
void *cai_large_slide(struct cai_heap *heap, struct cai_live live, size_t bytes, void **to_be);

/* In the child of a fork that stopped one of the two in between: whether the pages have been moved; then the block that
 * they were moved from has ended. Where they slid, *to is NULL afterwards. */
bool cai_large_has_moved(struct cai_live live, void **to);

/* The heap's kept blocks go back. */
void cai_large_flush(struct cai_heap *heap);

/* The same for a heap whose thread vanished in mid-operation. */
void cai_large_salvage(struct cai_heap *heap);

#endif
