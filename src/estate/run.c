/* Free runs in bins by length, boundaries out of line.
 *
 * Every function here holds the zone's lock for its whole length; the only system calls under it are the mapping of new
 * memory and of tables.
 */
#include "estate/run.h"

#include "base/check.h"
#include "core/settings.h"
#include "estate/policy.h"
#include "estate/purge.h"
#include "os/os.h"

#include <string.h>

/* How much is mapped at once when a zone's frontier moves: a fraction of what it has, within these. */
enum {
    COMMIT_UNITS_MIN = 1 << (20 - CAI_UNIT_SHIFT),
    COMMIT_UNITS_MAX = 1 << (26 - CAI_UNIT_SHIFT),
    COMMIT_FRACTION = 8,
};

/* The first stride over addresses that somebody else has mapped; each next one is 8 times as long. */
enum { SKIP_UNITS_MIN = 1 << (26 - CAI_UNIT_SHIFT) };

/* Less mapped and free memory than this in pieces is left as it is. */
enum { SCATTERED_UNITS_MIN = 1 << (26 - CAI_UNIT_SHIFT) };

/* How many runs of a bin are looked at for one that is long enough. */
enum { BIN_TRIES = 8 };

/* How often a report tries for the lock before it does without. */
enum { FIND_TRIES = 1000 };

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

static struct cai_unit *units_of(const struct cai_zone *zone)
{
    return cai_view_of(zone->number)->units;
}

/* Lengths 1 to 16 have a bin each, then two bins per doubling. */
static unsigned bin_of(uint32_t units)
{
    if (units <= 16)
        return units - 1;
    unsigned log = cai_log2(units);
    return (unsigned)cai_min(16 + 2 * (log - 4) + (units >> (log - 1) & 1), CAI_BINS - 1);
}

static struct cai_bins *bins_of(struct cai_zone *zone, enum cai_unit_kind kind)
{
    return kind == CAI_UNIT_DIRTY ? &zone->dirty : kind == CAI_UNIT_FRESH ? &zone->fresh : &zone->bare;
}

static bool is_free(unsigned kind)
{
    return kind == CAI_UNIT_DIRTY || kind == CAI_UNIT_FRESH || kind == CAI_UNIT_BARE;
}

static void set_run(struct cai_zone *zone, uint32_t head, uint32_t units, enum cai_unit_kind kind)
{
    struct cai_unit *first = units_of(zone) + head;
    struct cai_unit *last = first + units - 1;

    last->kind = CAI_UNIT_INNER;
    last->head = head;
    first->kind = (uint8_t)kind;
    first->zone = zone->number;
    first->units = units;
    first->head = head;
}

static void age_link(struct cai_zone *zone, uint32_t number)
{
    struct cai_unit *units = units_of(zone);

    units[number].stamp_ms = (uint32_t)cai_os_milliseconds();
    units[number].newer = 0;
    units[number].older = zone->newest;
    if (zone->newest != 0)
        units[zone->newest].newer = number;
    else
        cai_store_relaxed(&zone->oldest, number);
    zone->newest = number;
}

static void age_unlink(struct cai_zone *zone, uint32_t number)
{
    struct cai_unit *units = units_of(zone);
    struct cai_unit *unit = units + number;

    if (unit->older != 0)
        units[unit->older].newer = unit->newer;
    else
        cai_store_relaxed(&zone->oldest, unit->newer);
    if (unit->newer != 0)
        units[unit->newer].older = unit->older;
    else
        zone->newest = unit->older;
}

void cai_run_unlink(struct cai_zone *zone, struct cai_unit *run)
{
    struct cai_unit *units = units_of(zone);
    struct cai_bins *bins = bins_of(zone, (enum cai_unit_kind)run->kind);
    unsigned bin = bin_of(run->units);

    if (run->prev != 0)
        units[run->prev].next = run->next;
    else
        bins->first[bin] = run->next;
    if (run->next != 0)
        units[run->next].prev = run->prev;
    if (bins->first[bin] == 0)
        bins->occupied &= ~(UINT64_C(1) << bin);
    if (run->kind == CAI_UNIT_DIRTY) {
        age_unlink(zone, cai_unit_number(run));
        cai_store_relaxed(&zone->dirty_units, zone->dirty_units - run->units);
    }
}

/* Makes a free run of these units, merged with neighbours of its kind. */
void cai_run_link(struct cai_zone *zone, uint32_t head, uint32_t count, enum cai_unit_kind kind)
{
    struct cai_unit *units = units_of(zone);
    struct cai_bins *bins = bins_of(zone, kind);
    struct cai_unit *before = units + units[head - 1].head;
    struct cai_unit *after = units + head + count;

    if (head > 1 && before->kind == kind && before + before->units == units + head) {
        cai_run_unlink(zone, before);
        head = cai_unit_number(before);
        count += before->units;
    }
    if (head + count < zone->frontier && after->kind == kind) {
        cai_run_unlink(zone, after);
        count += after->units;
    }
    set_run(zone, head, count, kind);
    unsigned bin = bin_of(count);
    units[head].prev = 0;
    units[head].next = bins->first[bin];
    if (bins->first[bin] != 0)
        units[bins->first[bin]].prev = head;
    bins->first[bin] = head;
    bins->occupied |= UINT64_C(1) << bin;
    if (kind == CAI_UNIT_DIRTY) {
        age_link(zone, head);
        cai_store_relaxed(&zone->dirty_units, zone->dirty_units + count);
    }
}

void cai_run_uncommit(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    cai_policy_forget(zone, head, units);
    zone->committed_units -= units;
    cai_sub_relaxed(&committed_units, (size_t)units);
}

static enum cai_map commit(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    size_t limit = cai_settings->limit_bytes >> CAI_UNIT_SHIFT;
    size_t now = cai_add_relaxed(&committed_units, units) + units;
    uintptr_t address = cai_view_of(zone->number)->origin + ((uintptr_t)head << CAI_UNIT_SHIFT);
    enum cai_place place = (enum cai_place)(zone->number / CAI_GRAINS);

    enum cai_map result = now > limit               ? CAI_MAP_SHORT
                          : cai_place_zeroes(place) ? cai_policy_map(zone, head, units)
                                                    : cai_os_map(address, (size_t)units << CAI_UNIT_SHIFT, true);
    if (result != CAI_MAP_DONE) {
        cai_sub_relaxed(&committed_units, units);
        return result;
    }
    cai_os_name(address, (size_t)units << CAI_UNIT_SHIFT, cai_place_name(place));
    zone->committed_units += units;
    for (size_t peak = cai_load_relaxed(&committed_units_peak); now > peak;)
        if (cai_swap_weak_acquire(&committed_units_peak, &peak, now))
            break;
    return CAI_MAP_DONE;
}

/* How many units of the run must be skipped so that the rest begins at a multiple of `align` units in memory. */
static uint32_t skip_to_align(const struct cai_zone *zone, uint32_t head, uint32_t align)
{
    uintptr_t unit = (cai_view_of(zone->number)->origin >> CAI_UNIT_SHIFT) + head;

    return (uint32_t)(-unit & (align - 1));
}

/* A free run of the kind that holds `count` units at the alignment, or NULL. Best fit by bins, a few tries in each. */
static struct cai_unit *find(struct cai_zone *zone, enum cai_unit_kind kind, uint32_t count, uint32_t align)
{
    struct cai_bins *bins = bins_of(zone, kind);
    struct cai_unit *units = units_of(zone);
    uint64_t candidates = bins->occupied & ~UINT64_C(0) << bin_of(count);

    for (; candidates != 0; candidates &= candidates - 1) {
        uint32_t number = bins->first[__builtin_ctzll(candidates)];
        for (unsigned i = 0; number != 0 && i < BIN_TRIES; i++, number = units[number].next)
            if (units[number].units >= (uint64_t)count + skip_to_align(zone, number, align))
                return units + number;
    }
    return NULL;
}

/* Takes [at, at + count) out of the free run and gives its ends back; false when bare memory cannot be mapped. */
static bool carve(struct cai_zone *zone, struct cai_unit *run, uint32_t at, uint32_t count)
{
    enum cai_unit_kind kind = (enum cai_unit_kind)run->kind;
    uint32_t head = cai_unit_number(run);
    uint32_t length = run->units;

    if (kind == CAI_UNIT_BARE && commit(zone, at, count) != CAI_MAP_DONE)
        return false;
    cai_run_unlink(zone, run);
    /* The middle first: merging must not see a stale kind there. */
    set_run(zone, at, count, CAI_UNIT_BUSY);
    if (at > head)
        cai_run_link(zone, head, at - head, kind);
    if (at + count < head + length)
        cai_run_link(zone, at + count, head + length - at - count, kind);
    return true;
}

/* Moves the frontier over addresses that somebody else has mapped: a little first, then in strides. */
static bool skip_taken(struct cai_zone *zone, uint32_t stride)
{
    if (stride > zone->units_max - zone->frontier || !cai_zone_extend_tables(zone, zone->frontier + stride))
        return false;
    set_run(zone, zone->frontier, stride, CAI_UNIT_NONE);
    cai_store_relaxed(&zone->frontier, zone->frontier + stride);
    return true;
}

/* Appends at least `units` fresh units at the frontier: more while that is easy, exactly so many when it is not. */
static bool extend(struct cai_zone *zone, uint32_t units)
{
    uint32_t step = (uint32_t)cai_min(cai_max(COMMIT_UNITS_MIN, zone->frontier / COMMIT_FRACTION), COMMIT_UNITS_MAX);
    uint32_t want = (uint32_t)cai_max(step, units);
    uint32_t stride = SKIP_UNITS_MIN;

    while (want <= zone->units_max - zone->frontier) {
        enum cai_map result =
            cai_zone_extend_tables(zone, zone->frontier + want) ? commit(zone, zone->frontier, want) : CAI_MAP_SHORT;
        if (result == CAI_MAP_DONE) {
            cai_store_relaxed(&zone->frontier, zone->frontier + want);
            uint32_t head = zone->frontier - want;
            cai_run_link(zone, head, want, cai_policy_is_hidden(zone, head) ? CAI_UNIT_DIRTY : CAI_UNIT_FRESH);
            return true;
        }
        if (want > units)
            want = units;
        else if (result == CAI_MAP_SHORT || !skip_taken(zone, stride))
            return false;
        else
            stride *= 8;
    }
    return false;
}

static struct cai_unit *take_once(struct cai_zone *zone, uint32_t count, uint32_t align, bool *zeroed, bool *dirty)
{
    static const enum cai_unit_kind order[] = {CAI_UNIT_DIRTY, CAI_UNIT_FRESH, CAI_UNIT_BARE};

    for (unsigned i = 0; i < sizeof order / sizeof *order; i++) {
        struct cai_unit *run = find(zone, order[i], count, align);
        if (run == NULL)
            continue;
        uint32_t at = cai_unit_number(run) + skip_to_align(zone, cai_unit_number(run), align);
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

    memset(cai_view_of(slab->zone)->state + ((size_t)cai_unit_number(slab) << shift), 0, (size_t)slab->units << shift);
}

static void use(struct cai_zone *zone, size_t units)
{
    cai_store_relaxed(&zone->used_units, zone->used_units + units);
    if (zone->used_units > zone->used_units_peak)
        zone->used_units_peak = zone->used_units;
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
    if (run != NULL) {
        uint32_t head = cai_unit_number(run);
        set_run(zone, head, count, kind);
        run->zeroed = zeroed;
        cai_store_relaxed(&run->inferred, 0);
        if (kind == CAI_UNIT_SLAB)
            for (uint32_t i = 1; i < count; i++) {
                run[i].kind = CAI_UNIT_INNER;
                run[i].head = head;
            }
        use(zone, count);
    }
    cai_lock_give(&zone->lock);
    if (run == NULL)
        return NULL;
    if (!dirty)
        cai_purge_instead(zone, count);
    else if (kind == CAI_UNIT_SLAB)
        clear_state(run);
    return run;
}

/* Under the lock where it matters that no protection changes meanwhile, and where somebody who holds the lock may read
 * the pages (heap/words.c). */
bool cai_run_move(struct cai_unit *from, struct cai_unit *to)
{
    struct cai_zone *zone = &cai_zones[from->zone];
    enum cai_place place = (enum cai_place)(zone->number / CAI_GRAINS);
    bool guarded = cai_place_zeroes(place);
    bool locked = place != CAI_PLACE_ordinary;

    if (locked)
        cai_lock_take(&zone->lock);
    bool may = cai_policy_may_move(zone);
    bool moved = may && cai_os_move(cai_unit_address(from), (size_t)from->units << CAI_UNIT_SHIFT, cai_unit_address(to),
                                    (size_t)to->units << CAI_UNIT_SHIFT);
    if (may && !moved && guarded)
        cai_policy_protect(zone, cai_unit_number(to), to->units); /* it may have been mapped again */
    if (locked)
        cai_lock_give(&zone->lock);
    if (moved)
        cai_run_moved(from);
    return moved;
}

void cai_run_moved(struct cai_unit *run)
{
    struct cai_zone *zone = &cai_zones[run->zone];

    cai_lock_take(&zone->lock);
    cai_purge_state(zone->number, cai_unit_number(run), run->units);
    cai_store_relaxed(&zone->used_units, zone->used_units - run->units);
    cai_run_uncommit(zone, cai_unit_number(run), run->units);
    cai_run_link(zone, cai_unit_number(run), run->units, CAI_UNIT_BARE);
    cai_lock_give(&zone->lock);
}

void cai_run_give(struct cai_unit *run)
{
    struct cai_zone *zone = &cai_zones[run->zone];

    cai_lock_take(&zone->lock);
    cai_store_relaxed(&zone->used_units, zone->used_units - run->units);
    cai_run_link(zone, cai_unit_number(run), run->units, CAI_UNIT_DIRTY);
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
    else if (after->kind == CAI_UNIT_FRESH && after->units < more && end + after->units == zone->frontier)
        extend(zone, more - after->units);
    if (end < zone->frontier && is_free(after->kind) && after->units >= more && carve(zone, after, end, more)) {
        set_run(zone, head, units, CAI_UNIT_LARGE);
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
    set_run(zone, head, units, CAI_UNIT_LARGE);
    cai_store_relaxed(&zone->used_units, zone->used_units - less);
    cai_run_link(zone, head + units, less, CAI_UNIT_DIRTY);
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
    for (uint32_t head = 1; found == NULL && head < zone->frontier && units_of(zone)[head].units != 0;
         head += units_of(zone)[head].units)
        if (unit >= head && unit < head + units_of(zone)[head].units)
            found = units_of(zone) + head;
    if (locked)
        cai_lock_give(&zone->lock);
    return found;
}
