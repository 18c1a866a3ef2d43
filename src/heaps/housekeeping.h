/* Housekeeping: what must happen once in a while although nobody asks for it, and at once when memory is short.
 *
 * Allocations count down; at zero the thread looks at the clock, and the next period is chosen so that it looks rarely
 * when it is busy and soon when it is not. A look may flush idle bins and give old free memory back to the system.
 */
#ifndef CAI_HEAPS_HOUSEKEEPING_H
#define CAI_HEAPS_HOUSEKEEPING_H

#include "heaps/registry.h"

/* The countdown of `bin` ran out. */
void cai_housekeeping_due(struct cai_owner *owner, struct cai_bin *bin);

/* Shortens all countdowns: memory became free and will want to be given back soon. */
void cai_housekeeping_arm(struct cai_heap *heap);

/* For slow paths without a countdown. */
void cai_housekeeping_look(struct cai_owner *owner);

/* Old runs of all threads, and the empty slabs of those that do not look themselves; by one thread at a time. What the
 * helper does. */
void cai_housekeeping_purge(uint64_t now_ms);

/* Memory is short: gives back all that this heap, the calling thread's and the shared one hold without need, what other
 * threads have freed, and every free run. */
void cai_housekeeping_reclaim(struct cai_owner *owner);

/* The same after what waits in quarantine, where there is one, has been released. Contract: R3. */
void cai_housekeeping_shortage(struct cai_owner *owner);

/* Gives everything free back to the system at once; returns the bytes. Contract: D6. */
size_t cai_housekeeping_trim(void);

/* Starts the background helper, if the settings ask for it. */
void cai_housekeeping_start_helper(void);

#endif
