/* See repair.h. */
#include "pages/repair.h"

#include "os/os.h"
#include "pages/commit.h"
#include "pages/free_run.h"
#include "pages/policy.h"
#include "pages/purge.h"

static bool is_used(unsigned kind)
{
    return kind == CAI_UNIT_SLAB || kind == CAI_UNIT_LARGE || kind == CAI_UNIT_GUARDED;
}

/* It was being made, ended or given back by a thread that is not there: what of it is mapped is unknown. */
static bool is_abandoned(const struct cai_unit *run)
{
    return cai_load_relaxed(&run->kind) == CAI_UNIT_INNER ||
           (cai_load_relaxed(&run->kind) == CAI_UNIT_BUSY && run->next != cai_lock_self());
}

/* The number of no thread, in a busy run that is owed to its zone. */
enum { NOBODY = 0 };

/* Zones whose lock the thread that forked holds: the runs of others there are owed. */
static bool owed[CAI_ZONES];

static uintptr_t address_of(const struct cai_zone *zone, uint32_t head)
{
    return cai_view_of(zone->number)->origin + ((uintptr_t)head << CAI_UNIT_SHIFT);
}

static void give_abandoned_back(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    const struct cai_view *view = cai_view_of(zone->number);

    struct cai_unit *run = &view->units[head];
    uint32_t bare = run->partly ? (uint32_t)cai_min(run->bare, units) : 0;

    cai_os_unmap(address_of(zone, head + bare), (size_t)(units - bare) << CAI_UNIT_SHIFT);
    run->partly = false;
    cai_purge_state(zone->number, head, units);
    for (uint32_t i = 0; i < units; i++)
        cai_store_relaxed(&view->owner[head + i].id, 0);
    cai_policy_forget(zone, head, units);
    cai_run_set(zone, head, units, CAI_UNIT_BARE);
}

/* What of the memory that was mapped last lies in [from, to), where nothing is to be mapped. It is ours if it is there
 * as a whole: else it was about to be mapped, or somebody else's memory was in the way. */
static void unmap_last(const struct cai_zone *zone, uint32_t from, uint32_t to)
{
    size_t bytes = (size_t)zone->mapped_last_units << CAI_UNIT_SHIFT;

    if (bytes == 0 || !cai_os_is_mapped(address_of(zone, zone->mapped_last), bytes))
        return;
    from = (uint32_t)cai_max(from, zone->mapped_last);
    to = (uint32_t)cai_min(to, (size_t)zone->mapped_last + zone->mapped_last_units);
    if (from < to)
        cai_os_unmap(address_of(zone, from), (size_t)(to - from) << CAI_UNIT_SHIFT);
}

/* Walks all runs; returns whether one was abandoned. Where the walk ends is where the zone ends: the frontier is moved
 * last. */
static bool end_abandoned(struct cai_zone *zone)
{
    struct cai_unit *units = cai_view_of(zone->number)->units;
    bool any = false;
    uint32_t head = 1;

    for (; head < zone->frontier && units[head].units != 0; head += units[head].units)
        if (is_abandoned(&units[head])) {
            give_abandoned_back(zone, head, units[head].units);
            any = true;
        }
    zone->frontier = head;
    return any;
}

/* Free neighbours of one kind from `head` on become one run; returns where it ends. */
static uint32_t merge(struct cai_zone *zone, uint32_t head)
{
    struct cai_unit *units = cai_view_of(zone->number)->units;
    enum cai_unit_kind kind = (enum cai_unit_kind)units[head].kind;
    uint32_t end = head + units[head].units;

    while (end < zone->frontier && cai_load_relaxed(&units[end].kind) == kind)
        end += units[end].units;
    cai_run_set(zone, head, end - head, kind);
    return end;
}

/* Puts every free run into its list, and counts everything. All dirty runs are as old as this. */
static void rebuild(struct cai_zone *zone)
{
    struct cai_unit *units = cai_view_of(zone->number)->units;
    size_t used = 0;
    size_t mapped = 0;

    cai_free_run_forget(zone);
    for (uint32_t head = 1, next; head < zone->frontier; head = next) {
        enum cai_unit_kind kind = (enum cai_unit_kind)units[head].kind;
        bool is_free = cai_unit_is_free(kind);
        next = is_free ? merge(zone, head) : head + units[head].units;
        if (is_free)
            cai_free_run_insert(zone, head, next - head, kind);
        else
            units[next - 1].head = head; /* it may have been about to be cut */
        if (kind == CAI_UNIT_BARE)
            unmap_last(zone, head, next);
        if (kind != CAI_UNIT_BARE && kind != CAI_UNIT_NONE)
            mapped += next - head;
        if (is_used(kind) || kind == CAI_UNIT_BUSY)
            used += next - head;
    }
    zone->used_units = used;
    zone->used_units_peak = cai_max(zone->used_units_peak, used);
    zone->committed_units = mapped;
    unmap_last(zone, zone->frontier, UINT32_MAX);
}

/* In a zone that is the calling thread's own: it goes on with what it was doing, so lists and counters are left to it.
 * Runs of others are named nobody's: later there may be new threads that have some, too. */
static void name_abandoned(const struct cai_zone *zone)
{
    struct cai_unit *units = cai_view_of(zone->number)->units;

    for (uint32_t head = 1; head < zone->frontier && units[head].units != 0; head += units[head].units)
        if (cai_load_relaxed(&units[head].kind) == CAI_UNIT_BUSY && is_abandoned(&units[head])) {
            units[head].next = NOBODY;
            owed[zone->number] = true;
        }
}

void cai_zones_repair(bool all)
{
    for (unsigned number = 0; number < CAI_ZONES; number++) {
        struct cai_zone *zone = &cai_zones[number];
        enum cai_lock_inherited lock = cai_lock_inherit(&zone->lock);

        if (lock == CAI_LOCK_MINE && all)
            name_abandoned(zone);
        if (lock == CAI_LOCK_MINE || (lock == CAI_LOCK_WAS_FREE && !all))
            continue;
        if (lock == CAI_LOCK_LOST)
            cai_zone_repair_tables(zone);
        bool any = end_abandoned(zone);
        if (any || lock == CAI_LOCK_LOST)
            rebuild(zone);
        if (lock == CAI_LOCK_LOST)
            cai_lock_repaired(&zone->lock);
    }
    cai_commit_repair();
    cai_zone_repair_seal();
}

/* The head of a run that is owed; 0: there is none. */
static uint32_t find_owed(const struct cai_zone *zone)
{
    const struct cai_unit *units = cai_view_of(zone->number)->units;

    for (uint32_t head = 1; head < zone->frontier; head += units[head].units)
        if (cai_load_relaxed(&units[head].kind) == CAI_UNIT_BUSY && units[head].next == NOBODY)
            return head;
    return 0;
}

/* Whatever a thread was doing to it, outside of the lock it counts as used and as committed. */
static void give_owed_back(struct cai_zone *zone, uint32_t head)
{
    uint32_t units = cai_view_of(zone->number)->units[head].units;

    give_abandoned_back(zone, head, units);
    cai_store_relaxed(&zone->used_units, zone->used_units - units);
    cai_uncommit(zone, head, units);
    cai_free_run_link(zone, head, units, CAI_UNIT_BARE);
}

void cai_zones_repair_rest(void)
{
    for (unsigned number = 0; number < CAI_ZONES; number++) {
        struct cai_zone *zone = &cai_zones[number];

        if (CAI_LIKELY(!owed[number]))
            continue;
        cai_lock_take(&zone->lock);
        for (uint32_t head; (head = find_owed(zone)) != 0;)
            give_owed_back(zone, head);
        owed[number] = false;
        cai_lock_give(&zone->lock);
    }
}
