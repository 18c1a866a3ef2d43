/* Housekeeping: what must happen once in a while although nobody asks for it.
 *
 * Allocations count down; at zero the thread looks at the clock, and the next period is chosen so that it looks rarely
 * when it is busy and soon when it is not. A look may flush idle bins and give old free memory back to the system.
 */
#ifndef CAI_HEAP_TICK_H
#define CAI_HEAP_TICK_H

#include "heap/thread.h"

/* The countdown of `bin` ran out. */
void cai_tick(struct cai_thread *thread, struct cai_bin *bin);

/* Shortens all countdowns: memory became free and will want to be given back soon. */
void cai_tick_arm(struct cai_thread *thread);

/* For slow paths without a countdown. */
void cai_tick_slow(struct cai_thread *thread);

/* Memory is short: gives back all this thread holds without need, what other threads have freed, and every free run. */
void cai_tick_give_back(struct cai_thread *thread);

/* Gives everything free back to the system at once; returns the bytes. Contract: D6. */
size_t cai_tick_trim(void);

/* Starts the background helper, if the settings ask for it. */
void cai_tick_start_helper(void);

#endif
