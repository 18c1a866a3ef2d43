/* Committed units: those that are mapped, of all zones together, within the limit of the process. The zone's lock is
 * held in the two that change something.
 */
#ifndef CAI_PAGES_COMMIT_H
#define CAI_PAGES_COMMIT_H

#include "os/os.h"
#include "pages/zone.h"

/* Maps these units, with the protection that their place wants. */
enum cai_map cai_commit(struct cai_zone *zone, uint32_t head, uint32_t units);

/* What was mapped last is part of a run, which says so. Until then, in the child of a fork, it is what has to be
 * unmapped; and after it, at those addresses, may be what somebody else has mapped. */
CAI_INLINE void cai_commit_settled(struct cai_zone *zone)
{
    cai_fence_for_compiler();
    zone->mapped_last_units = 0;
}

/* They have been unmapped. */
void cai_uncommit(struct cai_zone *zone, uint32_t head, uint32_t units);

/* In the child of a fork, when the zones are in order. */
void cai_commit_repair(void);

/* Bytes mapped in all zones, and the most that ever was. */
size_t cai_committed_bytes(void);
size_t cai_committed_bytes_peak(void);

#endif
