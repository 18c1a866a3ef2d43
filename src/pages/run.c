/* See run.h. Each function but the last takes the zone's lock once, for looking and linking; memory is given back to
 * the system after it, by purge.c.
 */
#include "pages/run.h"

#include "base/check.h"
#include "pages/commit.h"
#include "pages/free_run.h"
#include "pages/mapping.h"
#include "pages/policy.h"
#include "pages/purge.h"

#include <string.h>

/* How much is mapped at once when a zone's frontier moves: at first as much as it has, later a fraction of that. */
enum {
    STEP_UNITS_FIRST = 1 << (18 - CAI_UNIT_SHIFT),
    STEP_UNITS_MIN = 1 << (20 - CAI_UNIT_SHIFT),
    STEP_UNITS_MAX = 1 << (26 - CAI_UNIT_SHIFT),
    STEP_FRACTION = 8,
};

/* The first stride over addresses that somebody else has mapped; each next one is 8 times as long. */
enum { SKIP_UNITS_MIN = 1 << (26 - CAI_UNIT_SHIFT) };

/* Less mapped and free memory than this in pieces is left as it is. */
enum { SCATTERED_UNITS_MIN = 1 << (26 - CAI_UNIT_SHIFT) };

/* How often a report tries for the lock before it does without. */
enum { FIND_TRIES = 1000 };

static struct cai_unit *units_of(const struct cai_zone *zone)
{
    return cai_view_of(zone->number)->units;
}

/* Cuts these units out of a free run. False: they are bare and cannot be mapped. */
static bool carve(struct cai_zone *zone, struct cai_unit *run, uint32_t at, uint32_t count)
{
    if (cai_load_relaxed(&run->kind) == CAI_UNIT_BARE) {
        if (cai_commit(zone, at, count) != CAI_MAP_DONE)
            return false;
        if (at != cai_unit_number(run))
            cai_mappings_set_apart(zone, at, count);
    }
    cai_free_run_cut(zone, run, at, count);
    cai_commit_settled(zone);
    return true;
}

/* Maps tables for these units, which are beyond the frontier, and memory for all but the first `bare`; or nothing. */
static enum cai_map append(struct cai_zone *zone, uint32_t head, uint32_t units, uint32_t bare)
{
    uint32_t mapped = cai_zone_map_tables(zone, head + units);

    if (mapped == 0)
        return CAI_MAP_SHORT;
    head += bare;
    units -= bare;
    enum cai_map result = cai_commit(zone, head, units);
    if (result == CAI_MAP_DONE && !cai_zone_show_tables(zone, mapped)) {
        cai_os_unmap(cai_view_of(zone->number)->origin + ((uintptr_t)head << CAI_UNIT_SHIFT),
                     (size_t)units << CAI_UNIT_SHIFT);
        cai_uncommit(zone, head, units);
        result = CAI_MAP_SHORT;
    }
    if (result != CAI_MAP_DONE)
        cai_zone_unmap_tables(zone, mapped);
    return result;
}

/* The frontier moves over addresses that somebody else has mapped. */
static void skip_taken(struct cai_zone *zone, uint32_t units)
{
    if (units == 0)
        return;
    cai_run_set(zone, zone->frontier, units, CAI_UNIT_NONE);
    cai_store_relaxed(&zone->skips, zone->skips + 1);
}

static uint32_t step_of(const struct cai_zone *zone)
{
    size_t least = cai_min(cai_max(zone->frontier, STEP_UNITS_FIRST), STEP_UNITS_MIN);

    return (uint32_t)cai_min(cai_max(least, zone->frontier / STEP_FRACTION), STEP_UNITS_MAX);
}

/* Appends at least `units` fresh units at the frontier: more while that is easy, exactly so many when it is not. Over
 * what somebody else has mapped it goes a little first, then in strides. False: nothing has changed. */
static bool extend(struct cai_zone *zone, uint32_t units)
{
    uint32_t want = (uint32_t)cai_max(step_of(zone), units);
    uint64_t head = zone->frontier;
    uint64_t stride = SKIP_UNITS_MIN;

    while (head + want <= zone->units_max) {
        enum cai_map result = append(zone, (uint32_t)head, want, 0);
        if (result == CAI_MAP_DONE) {
            bool hidden = cai_policy_is_hidden(zone, (uint32_t)head);
            skip_taken(zone, (uint32_t)head - zone->frontier);
            cai_free_run_link(zone, (uint32_t)head, want, hidden ? CAI_UNIT_DIRTY : CAI_UNIT_FRESH);
            cai_store_release(&zone->frontier, (uint32_t)head + want); /* last: what is below it is runs */
            cai_commit_settled(zone);
            return true;
        }
        if (want > units) {
            want = units;
        } else if (result == CAI_MAP_TAKEN) {
            head += stride;
            stride *= 8;
        } else {
            return false;
        }
    }
    return false;
}

static struct cai_unit *take_once(struct cai_zone *zone, uint32_t count, uint32_t align, bool *zeroed, bool *dirty)
{
    static const enum cai_unit_kind order[] = {CAI_UNIT_DIRTY, CAI_UNIT_FRESH, CAI_UNIT_BARE};

    for (unsigned i = 0; i < sizeof order / sizeof *order; i++) {
        struct cai_unit *run = cai_free_run_find(zone, order[i], count, align);
        if (run == NULL)
            continue;
        uint32_t at = cai_unit_number(run) + cai_free_run_skip(zone, cai_unit_number(run), align);
        if (!carve(zone, run, at, count))
            return NULL;
        *dirty = order[i] == CAI_UNIT_DIRTY;
        *zeroed = !*dirty || cai_place_zeroes((enum cai_place)(zone->number / CAI_GRAINS));
        return units_of(zone) + at;
    }
    return NULL;
}

/* What an earlier slab left in the state table would look like free slots of the new one. */
static void clear_state(const struct cai_unit *slab)
{
    unsigned shift = CAI_UNIT_SHIFT - cai_grain_shift(cai_zone_grain(slab->zone));

    cai_zero_relaxed(cai_view_of(slab->zone)->state + ((size_t)cai_unit_number(slab) << shift),
                     (size_t)slab->units << shift);
}

static void use(struct cai_zone *zone, size_t units)
{
    cai_store_relaxed(&zone->used_units, zone->used_units + units);
    if (zone->used_units > zone->used_units_high)
        cai_store_relaxed(&zone->used_units_high, zone->used_units);
    if (zone->used_units > zone->used_units_peak)
        zone->used_units_peak = zone->used_units;
}

static void note_taken(struct cai_zone *zone, struct cai_unit *run, bool zeroed)
{
    run->zeroed = zeroed;
    cai_store_relaxed(&run->inferred, 0);
    cai_store_relaxed(&run->claimed, 0);
    use(zone, run->units);
}

struct cai_unit *cai_run_take(struct cai_zone *zone, uint32_t count, uint32_t align, enum cai_unit_kind kind)
{
    bool zeroed = false;
    bool dirty = false;
    uint64_t whole = (uint64_t)count + align - 1;

    cai_lock_take(&zone->lock);
    struct cai_unit *run = take_once(zone, count, align, &zeroed, &dirty);
    /* Free pieces of different kinds do not merge. When there is much that is mapped and free and still nothing fits,
     * it is in pieces: unmapped, they merge with their bare neighbours. */
    if (run == NULL && zone->committed_units - zone->used_units - zone->dirty_units >
                           cai_max(zone->used_units / 4, SCATTERED_UNITS_MIN)) {
        cai_purge_fresh(zone);
        run = take_once(zone, count, align, &zeroed, &dirty);
    }
    if (run == NULL && whole < UINT32_MAX && extend(zone, (uint32_t)whole))
        run = take_once(zone, count, align, &zeroed, &dirty);
    if (run != NULL)
        note_taken(zone, run, zeroed);
    cai_lock_give(&zone->lock);
    if (run == NULL)
        return NULL;
    if (!dirty)
        cai_purge_instead(zone, count);
    else if (kind != CAI_UNIT_LARGE)
        clear_state(run);
    return run;
}

void cai_run_is_bare(struct cai_unit *run, uint32_t bare)
{
    run->bare = bare;
    cai_fence_for_compiler();
    run->partly = true;
    cai_fence_for_compiler();
}

/* The free run is cut, or the frontier moves, as far as it has to. */
static struct cai_unit *take_bare(struct cai_zone *zone, uint32_t units, uint32_t bare)
{
    struct cai_unit *run = cai_free_run_find(zone, CAI_UNIT_BARE, units, 1);
    uint32_t head = run != NULL ? cai_unit_number(run) : zone->frontier;

    if (run != NULL) {
        if (cai_commit(zone, head + bare, units - bare) != CAI_MAP_DONE)
            return NULL;
        cai_run_is_bare(run, bare);
        cai_free_run_cut(zone, run, head, units);
        return run;
    }
    if ((uint64_t)head + units <= zone->units_max && append(zone, head, units, bare) == CAI_MAP_DONE) {
        run = units_of(zone) + head;
        cai_run_is_bare(run, bare);
        cai_run_set(zone, head, units, CAI_UNIT_BUSY);
        cai_store_release(&zone->frontier, head + units);
    }
    return run;
}

struct cai_unit *cai_run_take_bare(struct cai_zone *zone, uint32_t units, uint32_t bare)
{
    cai_lock_take(&zone->lock);
    struct cai_unit *run = take_bare(zone, units, bare);
    if (run != NULL) {
        cai_commit_settled(zone);
        cai_add_seq_cst(&zone->committed_units, (size_t)bare);
        note_taken(zone, run, false);
    }
    cai_lock_give(&zone->lock);
    return run;
}

static void set_owner(const struct cai_unit *run, uint32_t units, uint32_t owner)
{
    struct cai_owned *first = &cai_view_of(run->zone)->owner[cai_unit_number(run)];

    while (units > 0)
        cai_store_release(&first[--units].id, owner);
}

/* How many of its units bear its owner's number. */
static uint32_t owned_units(const struct cai_unit *run, enum cai_unit_kind kind)
{
    return kind == CAI_UNIT_LARGE ? 1 : run->units;
}

void cai_run_publish(struct cai_unit *run, enum cai_unit_kind kind, uint32_t owner)
{
    if (kind != CAI_UNIT_LARGE)
        for (uint32_t i = 1; i < run->units; i++) {
            cai_store_relaxed(&run[i].kind, CAI_UNIT_INNER);
            cai_store_relaxed(&run[i].head, run->head);
        }
    set_owner(run, owned_units(run, kind), owner);
    cai_store_release(&run->kind, (uint8_t)kind); /* last: who finds it finds it whole */
    cai_fence_for_compiler();
    run->partly = false;
}

void cai_run_withdraw_owned(struct cai_unit *run)
{
    enum cai_unit_kind kind = (enum cai_unit_kind)run->kind;

    cai_run_withdraw(run);
    set_owner(run, owned_units(run, kind), 0);
}

void cai_run_disown(const struct cai_unit *run)
{
    set_owner(run, owned_units(run, (enum cai_unit_kind)run->kind), 0);
}

void cai_run_give_addresses(struct cai_unit *run)
{
    struct cai_zone *zone = &cai_zones[run->zone];

    if (cai_load_relaxed(&run->kind) != CAI_UNIT_BUSY)
        cai_run_withdraw_owned(run);
    cai_lock_take(&zone->lock);
    cai_purge_state(zone->number, cai_unit_number(run), run->units);
    cai_store_relaxed(&zone->used_units, zone->used_units - run->units);
    cai_uncommit(zone, cai_unit_number(run), run->units);
    cai_free_run_link(zone, cai_unit_number(run), run->units, CAI_UNIT_BARE);
    run->partly = false;
    cai_lock_give(&zone->lock);
}

void cai_run_give(struct cai_unit *run)
{
    struct cai_zone *zone = &cai_zones[run->zone];

    if (cai_load_relaxed(&run->kind) != CAI_UNIT_BUSY)
        cai_run_withdraw_owned(run);
    cai_lock_take(&zone->lock);
    cai_store_relaxed(&zone->used_units, zone->used_units - run->units);
    cai_free_run_link(zone, cai_unit_number(run), run->units, CAI_UNIT_DIRTY);
    cai_lock_give(&zone->lock);
    cai_purge_excess(zone);
}

bool cai_run_grow(struct cai_unit *run, uint32_t units)
{
    struct cai_zone *zone = &cai_zones[run->zone];
    uint32_t head = cai_unit_number(run);
    uint32_t end = head + run->units;
    uint32_t more = units - run->units;
    bool grown = false;

    cai_lock_take(&zone->lock);
    struct cai_unit *after = units_of(zone) + end;
    if (end == zone->frontier)
        extend(zone, more);
    else if (cai_load_relaxed(&after->kind) == CAI_UNIT_FRESH && after->units < more &&
             end + after->units == zone->frontier)
        extend(zone, more - after->units);
    bool room = end < zone->frontier && cai_unit_is_free(cai_load_relaxed(&after->kind)) && after->units >= more;
    if (room && carve(zone, after, end, more)) {
        cai_run_lengthen(zone, head, units);
        run->zeroed = false;
        use(zone, more);
        grown = true;
    }
    cai_lock_give(&zone->lock);
    return grown;
}

void cai_run_shrink(struct cai_unit *run, uint32_t units)
{
    struct cai_zone *zone = &cai_zones[run->zone];
    uint32_t head = cai_unit_number(run);
    uint32_t less = run->units - units;

    cai_lock_take(&zone->lock);
    cai_run_shorten(zone, head, units);
    cai_store_relaxed(&zone->used_units, zone->used_units - less);
    cai_free_run_link(zone, head + units, less, CAI_UNIT_DIRTY);
    cai_lock_give(&zone->lock);
    cai_purge_excess(zone);
}

struct cai_unit *cai_run_find(unsigned number, const void *address)
{
    struct cai_zone *zone = &cai_zones[number];
    uintptr_t unit = ((uintptr_t)address - cai_view_of(number)->origin) >> CAI_UNIT_SHIFT;
    struct cai_unit *found = NULL;
    bool locked = false;

    /* A report from a signal handler may have interrupted the holder: then a torn picture is better than no report. */
    for (unsigned tries = 0; !locked && tries < FIND_TRIES; tries++)
        if (!(locked = cai_lock_try(&zone->lock)))
            cai_os_yield();
    for (uint32_t head = 1, units; found == NULL && head < cai_load_relaxed(&zone->frontier); head += units) {
        units = cai_load_relaxed(&units_of(zone)[head].units);
        if (units == 0)
            break;
        if (unit >= head && unit < head + units)
            found = units_of(zone) + head;
    }
    if (locked)
        cai_lock_give(&zone->lock);
    return found;
}
