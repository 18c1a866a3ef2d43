/* A look over all runs for blocks that wait (heaps/quarantine.h): what came since the last look is a candidate from
 * here on, what has waited for its round is free. One thread at a time looks, under the quarantine's lock.
 */
#ifndef CAI_HEAPS_LOOK_H
#define CAI_HEAPS_LOOK_H

#include "core/checks.h"
#include "core/mode.h"
#include "core/settings.h"
#include "pages/zone.h"

/* By age alone both at once; by marks the first, then a sweep, then the second. */
enum cai_look { CAI_LOOK_GATHER = 1, CAI_LOOK_RELEASE = 2, CAI_LOOK_BY_AGE = 3 };

/* Bytes. What is alive is counted in slabs while candidates are gathered. */
struct cai_looked {
    size_t live, kept, gone;
};
struct cai_looked cai_look(enum cai_look what);

/* Longer large blocks give their pages back while they wait; shorter ones are cleared and keep them. */
#define CAI_CLEARED_BYTES_MAX (256 * CAI_KIB)

/* What is freed is zero, and looked at. */
CAI_INLINE bool cai_look_clears(void)
{
    return !CAI_HARDENS || (cai_settings->checks & CAI_CHECK_zero) != 0;
}

/* The state bytes of a run. */
CAI_INLINE unsigned cai_look_shift(const struct cai_unit *run)
{
    return cai_grain_shift(cai_zone_grain(run->zone));
}

CAI_INLINE uint8_t *cai_look_states(const struct cai_unit *run)
{
    return cai_view_of(run->zone)->state + ((size_t)cai_unit_number(run) << (CAI_UNIT_SHIFT - cai_look_shift(run)));
}

CAI_INLINE size_t cai_look_granules(const struct cai_unit *run)
{
    return (size_t)run->units << (CAI_UNIT_SHIFT - cai_look_shift(run));
}

/* In the child of a fork whose parent was at it; and later the slab in which slots were being released. */
void cai_look_repair(void);
void cai_look_repair_rest(void);

#endif
