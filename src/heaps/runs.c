/* See runs.h. */
#include "heaps/runs.h"

/* The nearest unit from this one downwards that has an owner leads to the head of its run; from there on run follows
 * run. Units that have none are free, or of large blocks: only so many are looked at. */
CAI_NO_TSAN const struct cai_unit *cai_runs_at(unsigned zone, uint32_t number)
{
    const struct cai_view *view = cai_view_of(zone);
    const struct cai_unit *run;
    uint32_t owned = number;

    if (number == 0 || number >= cai_zones[zone].frontier)
        return NULL;
    while (owned > 1 && cai_load_acquire(&view->owner[owned].id) == 0)
        owned--;
    run =
        view->units + (cai_load_acquire(&view->owner[owned].id) != 0 ? cai_load_relaxed(&view->units[owned].head) : 1);
    while (run != NULL && number >= cai_unit_number(run) + run->units)
        run = cai_runs_next(run);
    return run;
}

CAI_NO_TSAN const struct cai_unit *cai_runs_next(const struct cai_unit *run)
{
    uint32_t next = cai_unit_number(run) + run->units;

    return next < cai_zones[run->zone].frontier ? cai_view_of(run->zone)->units + next : NULL;
}
