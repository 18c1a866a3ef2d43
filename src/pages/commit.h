/* Committed units: those that are mapped, of all zones together, within the limit of the process. The zone's lock is
 * held in the two that change something.
 */
#ifndef CAI_PAGES_COMMIT_H
#define CAI_PAGES_COMMIT_H

#include "os/os.h"
#include "pages/zone.h"

/* Maps these units, with the protection that their place wants. */
enum cai_map cai_commit(struct cai_zone *zone, uint32_t head, uint32_t units);

/* They have been unmapped. */
void cai_uncommit(struct cai_zone *zone, uint32_t head, uint32_t units);

/* In the child of a fork, when the zones are in order. */
void cai_commit_repair(void);

/* Bytes mapped in all zones, and the most that ever was. */
size_t cai_committed_bytes(void);
size_t cai_committed_bytes_peak(void);

#endif
