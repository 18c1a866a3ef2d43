/* Large blocks between guards, in the hardened library (core/mode.h): what lies behind the last page of a live one
 * cannot be touched, nor anything of a long one that was freed, until its memory is used again. The second state byte
 * of its run says what is guarded: a granule of 64 bytes of a large block has one, and no other use for it.
 *
 * A guard stays while the run is kept for the next block (large.h), which has it where it is if it is as long.
 */
#ifndef CAI_BLOCKS_FENCE_H
#define CAI_BLOCKS_FENCE_H

#include "blocks/exact.h"
#include "core/checks.h"

/* What they are made of in this process. */
enum cai_guards cai_fence_guards(void);

/* One more is made by mappings, if that is not more than a quarter of what the process may have; and one is gone. */
bool cai_fence_may_map(void);
void cai_fence_unmap(void);

/* How much longer than the block its run has to be, for a guard to be there. */
size_t cai_fence_room(void);

/* Of a run that was not kept: nothing is guarded, whatever stands there. */
void cai_fence_none(struct cai_live live);

/* Of a large block, live or claimed, whose size is on record: from its last page on, and nothing before. Where that
 * cannot be done nothing is. */
void cai_fence_tail(struct cai_live live);

/* Of one that was freed, all of it. Its pages go, or, if it `is_clear`, stay. False: that cannot be done, or costs more
 * than to clear what can be touched, and what was guarded is. */
bool cai_fence_all(struct cai_live live, bool is_clear);

/* One that is freed should be cleared first: it has been written to in so many of its pages that to clear them, to
 * forbid them and to allow them again costs less than new ones do. */
bool cai_fence_keeps_pages(struct cai_live live);

/* All of it is guarded, and zero. */
bool cai_fence_is_shut(struct cai_live live);

/* So many bytes of it can be touched, from its start on. */
size_t cai_fence_open_bytes(struct cai_live live);

/* Nothing is guarded any more. */
void cai_fence_lift(struct cai_live live);

#endif
