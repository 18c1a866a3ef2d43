/* See commit.h. */
#include "pages/commit.h"

#include "core/tagging.h"
#include "os/mte.h"
#include "pages/mapping.h"
#include "pages/policy.h"

static size_t committed_units_peak; /* atomic */

/* Not counted a second time: what a thread was about to add, interrupted by a handler that forks, it still adds once in
 * the child. */
static size_t committed_units(void)
{
    size_t units = 0;

    for (unsigned number = 0; number < CAI_ZONES; number++)
        units += cai_load_seq_cst(&cai_zones[number].committed_units);
    return units;
}

static void note_peak(size_t now)
{
    for (size_t peak = cai_load_relaxed(&committed_units_peak); now > peak;)
        if (cai_swap_weak_acquire(&committed_units_peak, &peak, now))
            break;
}

size_t cai_committed_bytes(void)
{
    return committed_units() << CAI_UNIT_SHIFT;
}

size_t cai_committed_bytes_peak(void)
{
    return cai_load_relaxed(&committed_units_peak) << CAI_UNIT_SHIFT;
}

void cai_uncommit(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    cai_policy_forget(zone, head, units);
    cai_mappings_end(zone, head, units);
    cai_sub_relaxed(&zone->committed_units, (size_t)units);
}

static enum cai_map map(struct cai_zone *zone, uint32_t head, uint32_t units, uintptr_t address)
{
    enum cai_place place = (enum cai_place)(zone->number / CAI_GRAINS);
    size_t bytes = (size_t)units << CAI_UNIT_SHIFT;

    if (cai_place_zeroes(place))
        return cai_policy_map(zone, head, units);
    enum cai_map result = cai_os_map(address, bytes, true);
    if (result == CAI_MAP_DONE && cai_tags_are_on() && place == CAI_PLACE_ordinary &&
        !cai_os_mte_pages(address, bytes)) {
        cai_os_unmap(address, bytes);
        return CAI_MAP_SHORT;
    }
    return result;
}

enum cai_map cai_commit(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    size_t limit = cai_settings->limit_bytes >> CAI_UNIT_SHIFT;
    uintptr_t address = cai_view_of(zone->number)->origin + ((uintptr_t)head << CAI_UNIT_SHIFT);
    enum cai_place place = (enum cai_place)(zone->number / CAI_GRAINS);

    /* Before it is there: of two that map at once in two zones, one at least sees the other. */
    cai_add_seq_cst(&zone->committed_units, (size_t)units);
    size_t now = committed_units();
    zone->mapped_last = head;
    zone->mapped_last_units = units;
    cai_fence_for_compiler();
    enum cai_map result = now > limit ? CAI_MAP_SHORT : map(zone, head, units, address);
    if (result != CAI_MAP_DONE) {
        cai_commit_settled(zone);
        cai_sub_relaxed(&zone->committed_units, (size_t)units);
        return result;
    }
    cai_os_name(address, (size_t)units << CAI_UNIT_SHIFT, cai_place_name(place));
    cai_mappings_begin(zone, head, units);
    note_peak(now);
    return CAI_MAP_DONE;
}

void cai_commit_repair(void)
{
    note_peak(committed_units());
}
