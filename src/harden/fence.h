/* Large blocks between guards: what lies behind the last page of a live one cannot be touched, nor anything of one that
 * was freed, until its memory is used again. The second state byte of its run says what is guarded: a granule of 64
 * bytes of a large block has one, and no other use for it.
 */
#ifndef CAI_HARDEN_FENCE_H
#define CAI_HARDEN_FENCE_H

#include "blocks/exact.h"
#include "core/checks.h"

/* What they are made of in this process. */
enum cai_guards cai_fence_guards(void);

/* How much longer than the block its run has to be, for a guard to be there. */
size_t cai_fence_room(void);

/* Of a large block, live or claimed, whose size is on record: from its last page on. Does nothing where that cannot be
 * done, or is done. */
void cai_fence_tail(struct cai_live live);

/* All of it. False: it cannot be done, and nothing is guarded. */
bool cai_fence_all(struct cai_live live);

/* Nothing is guarded any more. True: all was, and is zero. */
bool cai_fence_lift(struct cai_live live);

#endif
