/* Zones in the child of a fork: what threads that are not there were doing to them.
 *
 * Runs can be walked from head to head after any store (free_run.c). A run that somebody had withdrawn and not yet
 * published or linked is nobody's now. Lists and counters are made anew where their lock was held.
 */
#ifndef CAI_PAGES_REPAIR_H
#define CAI_PAGES_REPAIR_H

#include "pages/zone.h"

/* By the only thread of the process. Zones whose lock it holds itself are left to it, as they are. `all`: there were
 * other threads; else only what is locked is looked at. */
void cai_zones_repair(bool all);

/* The second half, with no lock held: runs that threads which are not there had in hand in zones that were left. Mostly
 * they waited for the lock of the zone. */
void cai_zones_repair_rest(void);

#endif
