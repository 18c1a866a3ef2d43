/* Moving the pages of a large run to another run of its zone, so that nothing is copied and nothing stays behind.
 *
 * The kernel moves pages onto addresses that are ours, or onto whatever somebody else has mapped there meanwhile: so
 * the target is mapped first, always, and both count for as long as that takes. Where there is no room for both, the
 * pages slide: piece by piece, the target of each mapped just before it, as long as there is room for.
 */
#ifndef CAI_PAGES_MOVE_H
#define CAI_PAGES_MOVE_H

#include "pages/zone.h"

/* Moves the pages to a longer run, whose content is lost. The first has none any more, and is to be given back
 * (cai_run_give_addresses). False: not possible, or not without losing protection (policy.h); nothing changed. */
bool cai_run_move(struct cai_unit *from, struct cai_unit *to);

/* The kernel and the zone allow it. */
bool cai_run_may_slide(const struct cai_unit *from);

/* The pages slide to a longer run, which has memory of its own only where it is longer (cai_run_take_bare) and whose
 * `slides` is 0. False: not possible; all are where they were. Either way the other run has no memory any more, and is
 * to be given back (cai_run_give_addresses). To be called with `again` in the child of a fork that stopped it.
 * Meanwhile nobody may use either. */
bool cai_run_slide(struct cai_unit *from, struct cai_unit *to, bool again);

#endif
