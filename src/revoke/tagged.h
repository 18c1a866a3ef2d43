/* Memory with tags: what a capability points to is told by its base, not by words, and one to a block that waits is
 * stale. Contract: R4.
 */
#ifndef CAI_REVOKE_TAGGED_H
#define CAI_REVOKE_TAGGED_H

#include <stddef.h>
#include <stdint.h>

/* As cai_scan, for memory of the places: stale capabilities become null, and mark nothing. The zones' locks are
 * held, and nobody else runs. */
void cai_scan_tagged(uintptr_t begin, size_t bytes);

#endif
