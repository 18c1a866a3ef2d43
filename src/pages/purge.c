/* See purge.h. One loop, three reasons to go on: age, amount, everything. */
#include "pages/purge.h"

#include "base/probe.h"
#include "core/settings.h"
#include "os/os.h"
#include "pages/commit.h"
#include "pages/free_run.h"
#include "pages/mapping.h"
#include "pages/policy.h"

/* Dirty memory a zone may keep however young it is: as much as this, or as is in use, or what makes it as
 * much as was in use not long ago. Too little is a cliff: a program that frees and takes 32 MiB or 300 again and
 * again must not fault it in each time. Of the last there is a limit, as who falls idle keeps it. */
enum { KEEP_UNITS_MIN = 1 << (26 - CAI_UNIT_SHIFT), KEEP_LESS_MAX = 1 << (28 - CAI_UNIT_SHIFT) };

/* Less dirty memory than this, or than this part of what is in use, and what was missed, stays when clean memory is
 * taken beside it: large blocks of changing sizes would fault their pages in again and again. */
enum { INSTEAD_UNITS_MIN = 1 << (20 - CAI_UNIT_SHIFT), INSTEAD_FRACTION = 2 };

/* From here on a run is unmapped rather than discarded. */
enum { UNMAP_UNITS_MIN = 1 << (21 - CAI_UNIT_SHIFT) };

static uint64_t purged; /* atomic, bytes */

uint64_t cai_purged_bytes(void)
{
    return cai_load_relaxed(&purged);
}

/* The state bytes of memory that goes back: whole pages of them are given back too. Pages that were never touched must
 * not become resident by clearing them, so what is not a whole page is cleared only for the short runs slabs are made
 * of. */
void cai_purge_state(unsigned number, uint32_t head, uint32_t units)
{
    const struct cai_view *view = cai_view_of(number);
    unsigned shift = CAI_UNIT_SHIFT - cai_grain_shift(cai_zone_grain(number));
    uintptr_t from = (uintptr_t)view->state + ((size_t)head << shift);
    uintptr_t to = from + ((size_t)units << shift);
    uintptr_t inner_from = cai_round_up(from, cai_settings->page_bytes);
    uintptr_t inner_to = cai_round_down(to, cai_settings->page_bytes);

    if (inner_from >= inner_to) {
        cai_zero_relaxed((uint8_t *)from, to - from);
        return;
    }
    cai_zero_relaxed((uint8_t *)from, inner_from - from);
    cai_zero_relaxed((uint8_t *)inner_to, to - inner_to);
    if (!cai_os_discard(inner_from, inner_to - inner_from))
        cai_zero_relaxed((uint8_t *)inner_from, inner_to - inner_from);
}

/* Gives one run back; it is unlinked and marked busy, the lock is not held. Returns what it became; `before` when it
 * stays. */
static enum cai_unit_kind give_back(unsigned number, uint32_t head, uint32_t units, enum cai_way way,
                                    enum cai_unit_kind before)
{
    uintptr_t address = cai_view_of(number)->origin + ((uintptr_t)head << CAI_UNIT_SHIFT);
    size_t length = (size_t)units << CAI_UNIT_SHIFT;

    if (way == CAI_WAY_KEEP)
        return before;
    cai_purge_state(number, head, units);
    /* The kernel may refuse to make one more mapping of one. */
    if (way != CAI_WAY_DISCARD && cai_os_unmap(address, length))
        return CAI_UNIT_BARE;
    if (way == CAI_WAY_UNMAP_ONLY)
        return before;
    if (cai_os_discard(address, length))
        return CAI_UNIT_FRESH;
    return CAI_UNIT_DIRTY;
}

/* Takes the run out, gives it back, links what it became. The zone's lock is held before and after. */
static size_t purge_run(struct cai_zone *zone, struct cai_unit *run, bool unmap)
{
    uint32_t head = cai_unit_number(run);
    uint32_t units = run->units;
    enum cai_unit_kind before = (enum cai_unit_kind)run->kind;
    bool may_unmap = (unmap || units >= UNMAP_UNITS_MIN) && cai_mappings_allow_hole(zone, head, units);
    enum cai_way way = cai_policy_way(zone, head, units, may_unmap);

    if (way == CAI_WAY_DISCARD && before == CAI_UNIT_FRESH)
        return 0; /* it is discarded */

    cai_free_run_unlink(zone, run);
    cai_run_withdraw(run);
    cai_store_relaxed(&zone->used_units, zone->used_units + units); /* as every busy run: for the child of a fork */
    cai_lock_give(&zone->lock);
    enum cai_unit_kind kind = give_back(zone->number, head, units, way, before);
    cai_lock_take(&zone->lock);
    cai_store_relaxed(&zone->used_units, zone->used_units - units);
    if (kind == CAI_UNIT_BARE)
        cai_uncommit(zone, head, units);
    cai_free_run_link(zone, head, units, kind);
    CAI_PROBE(purge, zone->number, (uint64_t)units << CAI_UNIT_SHIFT, kind == CAI_UNIT_BARE);
    if (kind == CAI_UNIT_DIRTY || before != CAI_UNIT_DIRTY)
        return 0;
    cai_add_relaxed(&purged, (uint64_t)units << CAI_UNIT_SHIFT);
    return (size_t)units << CAI_UNIT_SHIFT;
}

static struct cai_unit *oldest(struct cai_zone *zone)
{
    return zone->oldest == 0 ? NULL : cai_view_of(zone->number)->units + zone->oldest;
}

/* More than that is kept where it turned out to be missed: a program that frees and takes 300 MiB again and again. */
static size_t keep_units(const struct cai_zone *zone)
{
    size_t used = cai_load_relaxed(&zone->used_units);
    size_t high = cai_load_relaxed(&zone->used_units_high);
    size_t less = cai_min(high - cai_min(high, used), KEEP_LESS_MAX); /* than not long ago */

    return cai_max(cai_max(KEEP_UNITS_MIN, used), less) + cai_load_relaxed(&zone->missed_units);
}

/* Clean memory is taken after dirty memory went back because it was too much: that much of it was missed. */
static void miss(struct cai_zone *zone, size_t units)
{
    if (CAI_LIKELY(cai_load_relaxed(&zone->excess_units) == 0))
        return;
    cai_lock_take(&zone->lock);
    units = cai_min(units, zone->excess_units);
    cai_store_relaxed(&zone->excess_units, zone->excess_units - units);
    cai_store_relaxed(&zone->missed_units, zone->missed_units + units);
    cai_lock_give(&zone->lock);
}

/* As long as memory stays, so that a swing as long as that is seen whole. */
static bool is_forgetful(const struct cai_zone *zone, uint64_t now_ms)
{
    return now_ms - cai_load_relaxed(&zone->forgot_ms) >= cai_settings->decay_ms;
}

/* What was in use is forgotten; and what was missed, when there was less dirty memory than it allows for. The zone's
 * lock is held. */
static void forget(struct cai_zone *zone, uint64_t now_ms)
{
    if (!is_forgetful(zone, now_ms))
        return;
    cai_store_relaxed(&zone->forgot_ms, now_ms);
    size_t spare = keep_units(zone) - cai_min(keep_units(zone), zone->dirty_units_high);

    cai_store_relaxed(&zone->excess_units, zone->excess_units / 2);
    cai_store_relaxed(&zone->missed_units, zone->missed_units - cai_min(spare, zone->missed_units) / 2);
    zone->dirty_units_high = zone->dirty_units;
    cai_store_relaxed(&zone->used_units_high, zone->used_units);
}

void cai_purge_old(uint64_t now_ms)
{
    for (unsigned number = 0; number < CAI_ZONES; number++) {
        struct cai_zone *zone = &cai_zones[number];

        if (cai_load_relaxed(&zone->oldest) == 0 &&
            (cai_load_relaxed(&zone->used_units_high) == 0 || !is_forgetful(zone, now_ms)))
            continue;
        cai_lock_take(&zone->lock);
        for (uint32_t last = zone->newest; oldest(zone) != NULL;) {
            struct cai_unit *run = oldest(zone);
            /* Signed: a run may have become free since the clock was read. */
            if ((int32_t)((uint32_t)now_ms - run->stamp_ms) < (int32_t)cai_settings->decay_ms)
                break;
            bool at_end = zone->oldest == last; /* what could not be given back comes again as the newest */
            purge_run(zone, run, false);
            if (at_end)
                break;
        }
        forget(zone, now_ms);
        cai_lock_give(&zone->lock);
    }
}

void cai_purge_excess(struct cai_zone *zone)
{
    if (cai_load_relaxed(&zone->dirty_units) <= keep_units(zone))
        return;
    cai_lock_take(&zone->lock);
    /* A little further than necessary, so that the next return does not purge again. */
    while (oldest(zone) != NULL && zone->dirty_units > keep_units(zone) / 8 * 7) {
        size_t bytes = purge_run(zone, oldest(zone), false);
        if (bytes == 0)
            break;
        cai_store_relaxed(&zone->excess_units, zone->excess_units + (bytes >> CAI_UNIT_SHIFT));
    }
    cai_lock_give(&zone->lock);
}

void cai_purge_instead(struct cai_zone *zone, uint32_t units)
{
    size_t enough = cai_max(INSTEAD_UNITS_MIN, cai_load_relaxed(&zone->used_units) / INSTEAD_FRACTION);

    miss(zone, units);
    if (cai_load_relaxed(&zone->dirty_units) < enough + cai_load_relaxed(&zone->missed_units))
        return;
    cai_lock_take(&zone->lock);
    for (size_t purged_units = 0; oldest(zone) != NULL && purged_units < units;) {
        purged_units += oldest(zone)->units;
        size_t bytes = purge_run(zone, oldest(zone), false);
        if (bytes == 0)
            break;
        cai_store_relaxed(&zone->excess_units, zone->excess_units + (bytes >> CAI_UNIT_SHIFT));
    }
    cai_lock_give(&zone->lock);
}

/* Longest first: each hole costs a mapping, of which there are few (mapping.h), and memory that is discarded in place
 * stays charged where the kernel does not overcommit, since a charge belongs to a mapping and not to its pages. */
static size_t purge_bins(struct cai_zone *zone, struct cai_bins *bins)
{
    size_t bytes = 0;

    for (unsigned bin = CAI_BINS; bin-- > 0;)
        while (bins->first[bin] != 0) {
            struct cai_unit *run = cai_view_of(zone->number)->units + bins->first[bin];
            enum cai_unit_kind kind = (enum cai_unit_kind)run->kind;
            bytes += purge_run(zone, run, true);
            if (cai_load_relaxed(&run->kind) == kind)
                break; /* it could not be given back, and will not the next time */
        }
    return bytes;
}

void cai_purge_fresh(struct cai_zone *zone)
{
    purge_bins(zone, &zone->fresh);
}

size_t cai_purge_all(void)
{
    size_t bytes = 0;

    for (unsigned number = 0; number < CAI_ZONES; number++) {
        struct cai_zone *zone = &cai_zones[number];

        if (cai_load_relaxed(&zone->frontier) <= 1)
            continue;
        cai_lock_take(&zone->lock);
        bytes += purge_bins(zone, &zone->dirty);
        bytes += purge_bins(zone, &zone->fresh);
        cai_lock_give(&zone->lock);
    }
    return bytes;
}
