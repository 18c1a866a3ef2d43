/* The state table is the truth about what is live, so statistics read it instead of keeping counts of their own. */
#include "heaps/stats.h"

#include "blocks/find.h"
#include "cap/tags.h"
#include "core/settings.h"
#include "core/violation.h"
#include "heaps/quarantine.h"
#include "heaps/registry.h"
#include "heaps/requests.h"
#include "pages/commit.h"
#include "pages/meta.h"
#include "pages/purge.h"
#include "revoke/sweep.h"

#include <string.h>

_Static_assert((int)CA_PLACE_COUNT == (int)CAI_PLACES, "the public header counts the places");
_Static_assert((int)CA_STATS_CLASSES_MAX > (int)CAI_CLASSES, "a row for each class and one for large blocks");

_Static_assert((int)CAI_MAP_ZONES == (int)CAI_ZONES, "a map for each zone");

enum { LARGE_ROW = CAI_CLASSES }; /* row i is class i; row 0 stays empty */
enum { SAMPLE_TRIES = 1000 };

CAI_NO_TSAN static uint64_t count_live(const struct cai_unit *slab, uint64_t *waiting)
{
    unsigned shift = CAI_UNIT_SHIFT - cai_grain_shift(cai_zone_grain(slab->zone));
    const uint8_t *state = cai_view_of(slab->zone)->state + ((size_t)cai_unit_number(slab) << shift);
    size_t granules = (size_t)slab->units << shift;
    uint64_t live = 0;

    for (size_t i = 0; i < granules; i++) {
        live += cai_state_is_live(state[i]);
        if (CAI_QUARANTINES)
            *waiting += cai_state_waits(state[i]);
    }
    return live;
}

/* By the slab's own counters: what is in bins counts as live here, and is taken off by count_bins. */
CAI_NO_TSAN static uint64_t count_used(const struct cai_unit *slab)
{
    uint32_t used = cai_load_relaxed(&slab->used);
    uint32_t remote = cai_load_relaxed(&slab->remote);

    return used - cai_min(used, remote);
}

/* How it is to be counted: by counters, and what else is to be told. */
struct sample {
    bool quick;
    struct cai_zone_map *maps; /* NULL: for `stats` alone */
    struct cai_class_held *held;
};

CAI_NO_TSAN static void count_run(ca_stats *stats, ca_place_stats *place, const struct cai_unit *run,
                                  const struct sample *sample)
{
    struct cai_class_held *held = sample->held;
    ca_class_stats *row;
    uint64_t blocks;
    uint64_t bytes;
    uint64_t waiting = 0;

    if (cai_load_relaxed(&run->kind) == CAI_UNIT_GUARDED) {
        uint8_t state = cai_load_relaxed(cai_guarded_state(run));
        row = &stats->size_class[run->size_class];
        blocks = cai_state_is_live(state);
        bytes = blocks * cai_class_bytes(run->size_class);
        waiting = cai_state_waits(state) ? cai_class_bytes(run->size_class) : 0;
    } else if (cai_load_relaxed(&run->kind) == CAI_UNIT_SLAB) {
        row = &stats->size_class[run->size_class];
        blocks = sample->quick ? count_used(run) : count_live(run, &waiting);
        bytes = blocks * cai_class_bytes(run->size_class);
        waiting *= cai_class_bytes(run->size_class);
    } else {
        const struct cai_view *view = cai_view_of(run->zone);
        uint8_t state = view->state[(size_t)cai_unit_number(run) << (CAI_UNIT_SHIFT - CAI_COARSE_SHIFT)];
        row = &stats->size_class[LARGE_ROW];
        blocks = cai_state_is_live(state);
        bytes = blocks * cai_round_up(run->bytes, cai_settings->page_bytes);
        waiting = cai_state_waits(state) ? (uint64_t)run->units << CAI_UNIT_SHIFT : 0;
        stats->requested_bytes += blocks * run->bytes;
    }
    if (held != NULL) {
        held[row - stats->size_class].bytes += (uint64_t)run->units << CAI_UNIT_SHIFT;
        if (row == &stats->size_class[LARGE_ROW])
            held[LARGE_ROW].requested_bytes += blocks * run->bytes;
    }
    row->live_blocks += blocks;
    place->live_blocks += blocks;
    place->live_bytes += bytes;
    stats->quarantined_bytes += waiting;
}

static enum cai_map_kind map_kind(enum cai_unit_kind kind)
{
    switch (kind) {
    case CAI_UNIT_SLAB:
        return CAI_MAP_SLAB;
    case CAI_UNIT_LARGE:
        return CAI_MAP_LARGE;
    case CAI_UNIT_DIRTY:
        return CAI_MAP_DIRTY;
    case CAI_UNIT_FRESH:
        return CAI_MAP_FRESH;
    case CAI_UNIT_BARE:
        return CAI_MAP_BARE;
    default:
        return CAI_MAP_OTHER;
    }
}

/* The cells that begin inside this run. */
CAI_NO_TSAN static void map_run(struct cai_zone_map *map, uint32_t head, const struct cai_unit *run)
{
    enum cai_map_kind kind = map_kind((enum cai_unit_kind)cai_load_relaxed(&run->kind));
    bool slab = kind == CAI_MAP_SLAB && run->slots != 0;
    uint64_t fill = slab ? cai_min(count_used(run) * 255 / run->slots, 255) : 0;
    uint32_t units = run->units;
    uint64_t first = ((uint64_t)head * CAI_MAP_CELLS + map->units - 1) / map->units;

    map->kind[kind] += units;
    for (uint64_t cell = first; cell < CAI_MAP_CELLS && cell * map->units < (uint64_t)(head + units) * CAI_MAP_CELLS;
         cell++) {
        map->cell[cell] = (uint8_t)kind;
        map->row[cell] = slab ? run->size_class : 0;
        map->fill[cell] = (uint8_t)fill;
    }
}

/* The zone's lock is held. */
static void count_runs(ca_stats *stats, const struct cai_zone *zone, const struct sample *sample)
{
    struct cai_zone_map *map = sample->maps != NULL ? &sample->maps[zone->number] : NULL;
    ca_place_stats *place = &stats->place[zone->number / CAI_GRAINS];
    struct cai_unit *units = cai_view_of(zone->number)->units;

    for (uint32_t head = 1; head < zone->frontier; head += units[head].units) {
        enum cai_unit_kind kind = (enum cai_unit_kind)cai_load_relaxed(&units[head].kind);
        if (kind == CAI_UNIT_SLAB || kind == CAI_UNIT_LARGE || kind == CAI_UNIT_GUARDED)
            count_run(stats, place, &units[head], sample);
        if (map != NULL)
            map_run(map, head - 1, &units[head]);
    }
}

/* For a page no longer than it takes; who holds the lock may be what a signal handler has interrupted. */
static bool lock(struct cai_zone *zone, bool waits)
{
    bool taken = false;

    if (waits)
        cai_lock_take(&zone->lock);
    for (unsigned tries = 0; !waits && !taken && tries < SAMPLE_TRIES; tries++)
        taken = cai_lock_try(&zone->lock);
    return taken || waits;
}

static bool count_zone(ca_stats *stats, unsigned number, const struct sample *sample)
{
    struct cai_zone *zone = &cai_zones[number];
    ca_place_stats *place = &stats->place[number / CAI_GRAINS];
    unsigned shift = CAI_UNIT_SHIFT - cai_grain_shift(cai_zone_grain(number));

    if (!lock(zone, sample->maps == NULL))
        return false;
    if (sample->maps != NULL)
        sample->maps[number] =
            (struct cai_zone_map){.units = zone->frontier > 1 ? zone->frontier - 1 : 0, .unit_bytes = CAI_UNIT_BYTES};
    count_runs(stats, zone, sample);
    place->used_bytes += zone->used_units << CAI_UNIT_SHIFT;
    place->used_bytes_peak += zone->used_units_peak << CAI_UNIT_SHIFT;
    place->committed_bytes += zone->committed_units << CAI_UNIT_SHIFT;
    /* State bytes, descriptors and owners of every unit that was ever used. */
    stats->metadata_bytes += zone->frontier <= 1 ? 0 : (uint64_t)zone->frontier * (((size_t)1 << shift) + 64 + 8);
    cai_lock_give(&zone->lock);
    return true;
}

/* What a sample has counted as live and lies in this bin. */
CAI_NO_TSAN static void take_off(ca_stats *stats, unsigned place, unsigned size_class, const struct cai_bin *bin)
{
    uint64_t *blocks = &stats->size_class[size_class].live_blocks;
    uint64_t cached = cai_min(cai_min(cai_bin_count_of(bin), *blocks), stats->place[place].live_blocks);

    *blocks -= cached;
    stats->place[place].live_blocks -= cached;
    stats->place[place].live_bytes -= cai_min(cached * cai_class_bytes(size_class), stats->place[place].live_bytes);
}

CAI_NO_TSAN static void count_bins(ca_stats *stats, bool quick)
{
    for (const struct cai_owner *owner = cai_registry_first(); owner != NULL; owner = owner->next) {
        const struct cai_heap *heap = &owner->heap;
        for (unsigned place = 0; place < CAI_PLACES; place++)
            for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++) {
                stats->size_class[size_class].allocations += cai_bin_allocations(heap, place, size_class);
                if (quick)
                    take_off(stats, place, size_class, &heap->bins[place][size_class]);
            }
        stats->size_class[LARGE_ROW].allocations += heap->large_allocations;
        stats->bytes_cleared += heap->bytes_cleared;
        stats->bytes_clear_skipped += heap->bytes_clear_skipped;
    }
}

/* What follows from the rows. */
static void add_up(ca_stats *stats)
{
    static uint64_t peak; /* atomic */

    for (unsigned i = 0; i < CA_STATS_CLASSES_MAX; i++)
        stats->allocations += stats->size_class[i].allocations;
    for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++)
        stats->requested_bytes += cai_requests_estimate(size_class, stats->size_class[size_class].live_blocks);
    for (unsigned i = 0; i < CAI_PLACES; i++) {
        stats->live_blocks += stats->place[i].live_blocks;
        stats->live_bytes += stats->place[i].live_bytes;
    }
    stats->frees = stats->allocations - cai_min(stats->allocations, stats->live_blocks);
    stats->requested_bytes = cai_min(stats->requested_bytes, stats->live_bytes);
    uint64_t before = cai_load_relaxed(&peak);
    while (stats->live_bytes > before && !cai_swap_strong_acq_rel(&peak, &before, stats->live_bytes))
        ;
    stats->live_bytes_peak = cai_load_relaxed(&peak);
}

/* False: without all that is in zones. */
static bool collect(ca_stats *stats, const struct sample *sample)
{
    struct cai_class_held *held = sample->held;

    *stats = (ca_stats){.struct_size = sizeof *stats};
    for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++)
        stats->size_class[size_class].slot_bytes = cai_class_bytes(size_class);
    stats->size_class[LARGE_ROW].slot_bytes = SIZE_MAX;
    for (unsigned number = 0; number < CAI_ZONES; number++)
        if (!count_zone(stats, number, sample))
            return false;
    count_bins(stats, sample->quick);
    add_up(stats);
    for (unsigned size_class = 1; held != NULL && size_class < CAI_CLASSES; size_class++)
        held[size_class].requested_bytes = cai_requests_estimate(size_class, stats->size_class[size_class].live_blocks);
    if (CAI_QUARANTINES) {
        stats->sweeps = cai_sweeps();
        stats->sweep_bytes_scanned = cai_sweep_bytes();
    }
    stats->violations = cai_violation_count();
    stats->committed_bytes = cai_committed_bytes();
    stats->committed_bytes_peak = cai_committed_bytes_peak();
    stats->metadata_bytes += cai_meta_bytes() + cai_tags_mapped_bytes();
    stats->returned_bytes = cai_purged_bytes();
    stats->threads = cai_registry_threads();
    stats->threads_peak = cai_max(cai_registry_threads_peak(), stats->threads);
    stats->failed_requests = cai_requests_failed();
    return true;
}

void cai_stats_collect(ca_stats *stats)
{
    collect(stats, &(struct sample){.maps = NULL});
}

bool cai_stats_sample(ca_stats *stats, struct cai_zone_map maps[CAI_MAP_ZONES],
                      struct cai_class_held held[CA_STATS_CLASSES_MAX], bool exactly)
{
    memset(held, 0, CA_STATS_CLASSES_MAX * sizeof *held);
    return collect(stats, &(struct sample){.quick = !exactly && !CAI_QUARANTINES, .maps = maps, .held = held});
}

CAI_EXPORT void ca_stats_read(ca_stats *out)
{
    ca_stats stats;
    size_t bytes = cai_min(out->struct_size, sizeof stats);

    cai_stats_collect(&stats);
    stats.struct_size = out->struct_size;
    memcpy(out, &stats, bytes);
}
