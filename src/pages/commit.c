/* See commit.h. */
#include "pages/commit.h"

#include "core/settings.h"
#include "pages/mapping.h"
#include "pages/policy.h"

static size_t committed_units; /* atomic: of all zones */
static size_t committed_units_peak;

size_t cai_committed_bytes(void)
{
    return cai_load_relaxed(&committed_units) << CAI_UNIT_SHIFT;
}

size_t cai_committed_bytes_peak(void)
{
    return cai_load_relaxed(&committed_units_peak) << CAI_UNIT_SHIFT;
}

void cai_uncommit(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    cai_policy_forget(zone, head, units);
    cai_mappings_end(zone, head, units);
    zone->committed_units -= units;
    cai_sub_relaxed(&committed_units, (size_t)units);
}

enum cai_map cai_commit(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    size_t limit = cai_settings->limit_bytes >> CAI_UNIT_SHIFT;
    size_t now = cai_add_relaxed(&committed_units, units) + units;
    uintptr_t address = cai_view_of(zone->number)->origin + ((uintptr_t)head << CAI_UNIT_SHIFT);
    enum cai_place place = (enum cai_place)(zone->number / CAI_GRAINS);

    zone->mapped_last = head;
    zone->mapped_last_units = units;
    cai_fence_for_compiler();
    enum cai_map result = now > limit               ? CAI_MAP_SHORT
                          : cai_place_zeroes(place) ? cai_policy_map(zone, head, units)
                                                    : cai_os_map(address, (size_t)units << CAI_UNIT_SHIFT, true);
    if (result != CAI_MAP_DONE) {
        cai_sub_relaxed(&committed_units, units);
        return result;
    }
    cai_os_name(address, (size_t)units << CAI_UNIT_SHIFT, cai_place_name(place));
    cai_mappings_begin(zone, head, units);
    zone->committed_units += units;
    for (size_t peak = cai_load_relaxed(&committed_units_peak); now > peak;)
        if (cai_swap_weak_acquire(&committed_units_peak, &peak, now))
            break;
    return CAI_MAP_DONE;
}

void cai_commit_recount(void)
{
    size_t units = 0;

    for (unsigned number = 0; number < CAI_ZONES; number++)
        units += cai_zones[number].committed_units;
    cai_store_relaxed(&committed_units, units);
    if (units > committed_units_peak)
        cai_store_relaxed(&committed_units_peak, units);
}
