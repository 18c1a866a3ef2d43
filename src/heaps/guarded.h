/* Guarded samples: one small block in thousands lies alone in a run, at one end of its pages, and what surrounds them
 * cannot be touched; nor can any of it when the block was given back, for a while. An access that goes past the block,
 * before it or to it when it is gone ends there and then, with the calls that took the block, gave it back and used it
 * (guarded_report.h). In half of the samples the end is against the guard, in half the beginning; what lies between the
 * block and the ends of its pages is looked at when it is given back.
 *
 * Such a block is one of its size class, in the zone of its class, owned by the heap that pays for it; its state is one
 * of its own, so that it leaves by the slow path. Every bin is a process of its own that hits each allocation alike
 * (sample.h). There is room for CAI_GUARDED_MAX: a new sample takes the place of the one that was given back first and
 * may be handed out again; while all are live none is taken.
 *
 * Nothing here takes a lock but the zone's, through runs.
 */
#ifndef CAI_HEAPS_GUARDED_H
#define CAI_HEAPS_GUARDED_H

#include "base/atomic.h"
#include "base/tools.h"
#include "blocks/find.h"

extern uint32_t cai_guarded_rate; /* atomic; one allocation in so many, 0: none */

CAI_INLINE bool cai_guarded_is_on(void)
{
    return !CAI_TOOLS && CAI_UNLIKELY(cai_load_relaxed(&cai_guarded_rate) != 0);
}

/* From now on, at the rate of the settings. */
void cai_guarded_start(void);

/* The bin's countdown ran out, `passed` allocations after the time before: whether the last of them is hit, and
 * may be taken where a pace is kept. */
bool cai_guarded_is_due(struct cai_heap *heap, enum cai_place place, unsigned size_class, uint64_t passed);

/* A live block of the heap, zero, aligned to 16; its exact size is `bytes`. NULL: there is no room. */
void *cai_guarded_take(struct cai_heap *heap, enum cai_place place, unsigned size_class, size_t bytes);

/* Giving a guarded block back, in two steps. The first claims it, unless it is claimed, and looks at what lies beside
 * it: no lock is held. False: another thread gave it back meanwhile, nothing changed. */
bool cai_guarded_claim(struct cai_live live);

/* Then its state is `freed`: in slab, and its place may be taken by another; or in quarantine until somebody makes it
 * that. In places that zero it is cleared first. */
void cai_guarded_give(struct cai_live live, uint8_t freed);

/* What is in quarantine leaves it. */
void cai_guarded_release(const struct cai_unit *run);

/* Both for the block of a run, if it is live, whose heap ends; nothing is looked at. */
void cai_guarded_end(struct cai_unit *run, uint8_t freed);

/* A new block of the hardened library, of this family of doors and 1, that is `bytes` long. */
void cai_guarded_set(struct cai_live live, size_t bytes, unsigned family);

/* In the child of a fork: what threads that are not there had in their hands, and what the kernel did not inherit. */
void cai_guarded_child(void);

#endif
