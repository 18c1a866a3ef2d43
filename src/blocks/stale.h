/* Stale writes: what somebody wrote by an old pointer while a block waited.
 *
 * A block is cleared when it is given back, and is said to be zero from then on. In the library that delays that is
 * made sure of when its slot is on its way out of the slab, not when its time is over: the look brings into the
 * processor's cache what the program is about to use, and for what nobody asks again there is none.
 */
#ifndef CAI_BLOCKS_STALE_H
#define CAI_BLOCKS_STALE_H

#include "base/zero.h"
#include "core/mode.h"

/* Not in the hardened one, which tells of such a write as soon as it can. */
enum { CAI_DELAYS = CAI_QUARANTINES && !CAI_HARDENS };

/* Of blocks that were not zero. */
uint64_t cai_stale_bytes(void);

/* It is not zero: it is, and is counted. */
void cai_stale_clear(char *address, size_t bytes);

CAI_INLINE void cai_stale_look(char *address, size_t bytes)
{
    if (CAI_UNLIKELY(!cai_is_zero(address, bytes)))
        cai_stale_clear(address, bytes);
}

#endif
