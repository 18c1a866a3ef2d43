/* Runs of units: taking them from a zone, giving them back, growing one in place.
 * What is given back becomes a free run (free_run.h) and returns to the system by age and by amount (purge.h).
 */
#ifndef CAI_PAGES_RUN_H
#define CAI_PAGES_RUN_H

#include "pages/zone.h"

/* Takes `units` units whose first address is a multiple of `align` units (a power of two), for a run of this kind
 * (SLAB, LARGE or GUARDED). It is busy until it is published; `zeroed` is set, and state bytes are all 0 but for LARGE.
 * NULL: out of memory. */
struct cai_unit *cai_run_take(struct cai_zone *zone, uint32_t units, uint32_t align, enum cai_unit_kind kind);

/* The same for LARGE, whose first `bare` units, fewer than all, have no memory: for sliding (move.h). */
struct cai_unit *cai_run_take_bare(struct cai_zone *zone, uint32_t units, uint32_t bare);

/* Before such a run becomes busy: a child that finds it so knows what of it to unmap. */
void cai_run_is_bare(struct cai_unit *run, uint32_t bare);

/* The run is whole: inner units lead to its head, but for LARGE, it bears its owner's number, and now it has its
 * kind. */
void cai_run_publish(struct cai_unit *run, enum cai_unit_kind kind, uint32_t owner);

/* The opposite, and the first step of its end: from here on it is nobody's but the calling thread's. */
void cai_run_withdraw_owned(struct cai_unit *run);

/* It bears nobody's number any more, and is what it was otherwise. */
void cai_run_disown(const struct cai_unit *run);

/* The same as cai_run_give for a run whose pages are gone. */
void cai_run_give_addresses(struct cai_unit *run);

/* Gives a whole run back as dirty memory, owned by nobody; under must-zero places its bytes must be zero already. */
void cai_run_give(struct cai_unit *run);

/* Makes a large run `units` long in place. Added units may hold anything. False: the neighbour is not free. */
bool cai_run_grow(struct cai_unit *run, uint32_t units);

/* Cuts a large run down to `units`; the rest is given back. */
void cai_run_shrink(struct cai_unit *run, uint32_t units);

/* The head of the run that contains the address, or NULL; walks the zone, for reports only. */
struct cai_unit *cai_run_find(unsigned zone, const void *address);

#endif
