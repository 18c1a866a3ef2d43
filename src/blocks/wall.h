/* Slabs that end in a page that cannot be touched, in the hardened library: one in eight, by chance, so that a loop
 * that runs out of its block and out of its slab ends after a few slabs. Such a slab has a few slots less, and is as
 * long as others: its length, its states and what is counted of it are as of any.
 */
#ifndef CAI_BLOCKS_WALL_H
#define CAI_BLOCKS_WALL_H

#include "blocks/heap.h"
#include "pages/zone.h"

/* Of a run that is about to become a slab of this class: it may get a wall, and has as many slots from here on as fit
 * before that. */
void cai_wall_plan(struct cai_unit *slab);

/* The wall that was planned, now that it is a slab. */
void cai_wall_build(struct cai_unit *slab);

/* It can be touched again, all of it, and is zero: before a slab ends. */
void cai_wall_lift(struct cai_unit *slab);

/* Where it begins; 0: there is none. */
uintptr_t cai_wall_of(const struct cai_unit *slab);

/* So many slots fit before it. */
uint32_t cai_wall_slots(const struct cai_unit *slab);

/* One was built in this process, sometime. */
bool cai_wall_is_any(void);

#endif
