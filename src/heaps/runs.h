/* Runs in order of address, for those who walk a zone. Its lock is held: a run in use stays mapped and stays what it is
 * meanwhile, though blocks in it come and go.
 */
#ifndef CAI_HEAPS_RUNS_H
#define CAI_HEAPS_RUNS_H

#include "pages/zone.h"

/* The run that contains a unit; NULL: it is the first, or not below the frontier. Units of a slab lead to its head; of
 * others those before it are looked at. */
const struct cai_unit *cai_runs_at(unsigned zone, uint32_t number);

/* The one behind; NULL: there is none. */
const struct cai_unit *cai_runs_next(const struct cai_unit *run);

/* Its first byte, and the one behind its last, from the zone's origin. */
CAI_INLINE size_t cai_run_begin(const struct cai_unit *run)
{
    return (size_t)cai_unit_number(run) << CAI_UNIT_SHIFT;
}

CAI_INLINE size_t cai_run_end(const struct cai_unit *run)
{
    return cai_run_begin(run) + ((size_t)run->units << CAI_UNIT_SHIFT);
}

#endif
