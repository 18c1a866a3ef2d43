/* Canaries: what stands between the end of a block and the end of its slot, or of its last page. Bytes that only this
 * process can know, of the block's address and a secret; none is below 0x80, as most of what is written by mistake is.
 * Of long slack only the first and the last part are written and looked at.
 */
#ifndef CAI_HARDEN_CANARY_H
#define CAI_HARDEN_CANARY_H

#include "blocks/exact.h"

/* The bytes between block and canary's end; a large block's in its last page. */
size_t cai_canary_slack(struct cai_live live, size_t bytes);

/* block: of so many bytes, with so much slack behind it. */
void cai_canary_write(char *block, size_t bytes, size_t slack);

/* How far behind the block something was written; 0: nothing was. */
size_t cai_canary_overflow(const char *block, size_t bytes, size_t slack);

#endif
