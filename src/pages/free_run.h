/* Free runs: linked by kind, length and age, found, and cut. Bookkeeping alone: no system call but the clock, nothing
 * outside the zone. The zone's lock is held in every function.
 *
 * Dirty runs are warm and taken first; fresh ones are mapped and known to be zero; bare ones are only addresses.
 * Neighbours of one kind are merged.
 */
#ifndef CAI_PAGES_FREE_RUN_H
#define CAI_PAGES_FREE_RUN_H

#include "pages/zone.h"

CAI_INLINE bool cai_unit_is_free(unsigned kind)
{
    return kind == CAI_UNIT_DIRTY || kind == CAI_UNIT_FRESH || kind == CAI_UNIT_BARE;
}

/* Writes the first and the last descriptor of a run of any kind. */
void cai_run_set(struct cai_zone *zone, uint32_t head, uint32_t units, enum cai_unit_kind kind);

/* A run that is in no list becomes a busy one of the calling thread. */
void cai_run_withdraw(struct cai_unit *run);

/* Makes a run shorter, the rest being a busy run of its own, or longer by the busy run behind it. */
void cai_run_shorten(struct cai_zone *zone, uint32_t head, uint32_t units);
void cai_run_lengthen(struct cai_zone *zone, uint32_t head, uint32_t units);

/* In the child of a fork: forgets all lists of the zone. */
void cai_free_run_forget(struct cai_zone *zone);

/* Makes a free run of these units, merged with neighbours of its kind. */
void cai_free_run_link(struct cai_zone *zone, uint32_t head, uint32_t units, enum cai_unit_kind kind);
void cai_free_run_unlink(struct cai_zone *zone, struct cai_unit *run);

/* The same as cai_free_run_link where no neighbour is of its kind. */
void cai_free_run_insert(struct cai_zone *zone, uint32_t head, uint32_t units, enum cai_unit_kind kind);

/* A free run of the kind that holds `count` units at a multiple of `align` units in memory, or NULL. */
struct cai_unit *cai_free_run_find(struct cai_zone *zone, enum cai_unit_kind kind, uint32_t count, uint32_t align);

/* How many units of the run must be skipped so that the rest begins at such a multiple. */
uint32_t cai_free_run_skip(const struct cai_zone *zone, uint32_t head, uint32_t align);

/* Takes [at, at + count) out of the free run, as a busy run, and links what is left at its ends. */
void cai_free_run_cut(struct cai_zone *zone, struct cai_unit *run, uint32_t at, uint32_t count);

#endif
