/* Units of the heap that need not be read again: they were read in an earlier sweep, nobody has written to them since,
 * and none of their words points to where something waits.
 *
 * A page that is watched by this watcher and protected holds what it held when it was protected, and what its words
 * point to is known by regions (region.h), for its unit. It is protected while the world stands still, right
 * after it was read; the first write takes the protection away. So a page that is protected still, and whose unit
 * points to no region in which a candidate lies, marks none.
 *
 * Only in programs of one thread, which wait for all that a sweep reads; others are read ahead (revoke/dirty.h). The
 * watcher stays from one sweep to the next, and is dropped when the program makes a thread.
 */
#ifndef CAI_REVOKE_QUIET_H
#define CAI_REVOKE_QUIET_H

#include "pages/zone.h"

/* Before candidates are gathered, and for each run in which something waits: words that lead there, or right behind it,
 * may not be passed over. */
void cai_quiet_forget_candidates(void);
void cai_quiet_note_candidates(const struct cai_unit *run);

/* Around a sweep. False: nothing is known in this one, everything has to be read. */
bool cai_quiet_begin(void);
void cai_quiet_end(void);

/* No page is protected any more. */
void cai_quiet_drop(void);

/* While the world is stopped, the zone's lock is held. False: nothing is known in this zone. */
bool cai_quiet_watch(struct cai_zone *zone);

/* Then marks what words in these runs of it point to, or know not to need it. False: nobody can tell what was written
 * there, and it was perhaps read in part. */
bool cai_quiet_scan(unsigned zone, uintptr_t begin, uintptr_t end, uint64_t *read, uint64_t *passed);

/* Lies in what is kept for this. */
bool cai_quiet_owns(uintptr_t begin);

/* In the child of a fork, which has neither the protection nor a use for the parent's watcher. */
void cai_quiet_repair(void);

#endif
