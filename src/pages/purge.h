/* Giving free memory back to the operating system: what is old, what is too much, or everything.
 *
 * Short runs are discarded and stay mapped (no hole in the mappings, cheap to use again); long ones are unmapped, which
 * returns the commit charge too, as long as there are not too many mappings (mapping.h). The system calls are made
 * without the zone's lock, on runs marked busy: functions that hold it let go meanwhile.
 */
#ifndef CAI_PAGES_PURGE_H
#define CAI_PAGES_PURGE_H

#include "pages/zone.h"

/* Dirty runs that became free before `now_ms - decay_ms`, in all zones. */
void cai_purge_old(uint64_t now_ms);

/* The oldest dirty runs while there are more of them than the zone's use justifies. Called after each return. */
void cai_purge_excess(struct cai_zone *zone);

/* `units` units of clean memory were just taken from the zone: as much dirty memory, the oldest, need not stay. */
void cai_purge_instead(struct cai_zone *zone, uint32_t units);

/* Zeroes the state bytes of a run whose memory goes back; whole pages of them go back too. */
void cai_purge_state(unsigned zone, uint32_t head, uint32_t units);

/* Unmaps what is mapped, free and fresh, so that it merges with its bare neighbours; the zone's lock is held. */
void cai_purge_fresh(struct cai_zone *zone);

/* Everything that is free, in all zones; fresh memory is unmapped too, within the same number. Returns the bytes given
 * back. */
size_t cai_purge_all(void);

/* Bytes given back since the start. */
uint64_t cai_purged_bytes(void);

#endif
