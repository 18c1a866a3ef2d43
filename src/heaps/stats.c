/* The state table is the truth about what is live, so statistics read it instead of keeping counts of their own. */
#include "heaps/stats.h"

#include "cap/tags.h"
#include "core/settings.h"
#include "core/violation.h"
#include "heaps/quarantine.h"
#include "heaps/registry.h"
#include "pages/commit.h"
#include "pages/meta.h"
#include "pages/purge.h"
#include "revoke/sweep.h"

#include <string.h>

_Static_assert((int)CA_PLACE_COUNT == (int)CAI_PLACES, "the public header counts the places");
_Static_assert((int)CA_STATS_CLASSES_MAX > (int)CAI_CLASSES, "a row for each class and one for large blocks");

enum { LARGE_ROW = CAI_CLASSES }; /* row i is class i; row 0 stays empty */

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

CAI_NO_TSAN static void count_run(ca_stats *stats, ca_place_stats *place, const struct cai_unit *run)
{
    ca_class_stats *row;
    uint64_t blocks;
    uint64_t bytes;
    uint64_t waiting = 0;

    if (cai_load_relaxed(&run->kind) == CAI_UNIT_SLAB) {
        row = &stats->size_class[run->size_class];
        blocks = count_live(run, &waiting);
        bytes = blocks * cai_class_bytes(run->size_class);
        waiting *= cai_class_bytes(run->size_class);
    } else {
        const struct cai_view *view = cai_view_of(run->zone);
        uint8_t state = view->state[(size_t)cai_unit_number(run) << (CAI_UNIT_SHIFT - CAI_COARSE_SHIFT)];
        row = &stats->size_class[LARGE_ROW];
        blocks = cai_state_is_live(state);
        bytes = blocks * cai_round_up(run->bytes, cai_settings->page_bytes);
        waiting = cai_state_waits(state) ? (uint64_t)run->units << CAI_UNIT_SHIFT : 0;
    }
    row->live_blocks += blocks;
    place->live_blocks += blocks;
    place->live_bytes += bytes;
    stats->quarantined_bytes += waiting;
}

static void count_zone(ca_stats *stats, unsigned number)
{
    struct cai_zone *zone = &cai_zones[number];
    ca_place_stats *place = &stats->place[number / CAI_GRAINS];
    const struct cai_view *view = cai_view_of(number);
    unsigned shift = CAI_UNIT_SHIFT - cai_grain_shift(cai_zone_grain(number));

    cai_lock_take(&zone->lock);
    for (uint32_t head = 1; head < zone->frontier; head += view->units[head].units)
        if (cai_load_relaxed(&view->units[head].kind) == CAI_UNIT_SLAB ||
            cai_load_relaxed(&view->units[head].kind) == CAI_UNIT_LARGE)
            count_run(stats, place, &view->units[head]);
    place->used_bytes += zone->used_units << CAI_UNIT_SHIFT;
    place->used_bytes_peak += zone->used_units_peak << CAI_UNIT_SHIFT;
    place->committed_bytes += zone->committed_units << CAI_UNIT_SHIFT;
    /* State bytes, descriptors and owners of every unit that was ever used. */
    stats->metadata_bytes += zone->frontier <= 1 ? 0 : (uint64_t)zone->frontier * (((size_t)1 << shift) + 64 + 4);
    cai_lock_give(&zone->lock);
}

CAI_NO_TSAN static void count_allocations(ca_stats *stats)
{
    for (const struct cai_owner *owner = cai_registry_first(); owner != NULL; owner = owner->next) {
        const struct cai_heap *heap = &owner->heap;
        for (unsigned place = 0; place < CAI_PLACES; place++)
            for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++) {
                const struct cai_bin *bin = &heap->bins[place][size_class];
                stats->size_class[size_class].allocations +=
                    bin->rounds + (uint64_t)((int64_t)bin->period - bin->countdown);
            }
        stats->size_class[LARGE_ROW].allocations += heap->large_allocations;
        stats->bytes_cleared += heap->bytes_cleared;
        stats->bytes_clear_skipped += heap->bytes_clear_skipped;
    }
}

void cai_stats_collect(ca_stats *stats)
{
    *stats = (ca_stats){.struct_size = sizeof *stats};
    for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++)
        stats->size_class[size_class].slot_bytes = cai_class_bytes(size_class);
    stats->size_class[LARGE_ROW].slot_bytes = SIZE_MAX;
    for (unsigned number = 0; number < CAI_ZONES; number++)
        count_zone(stats, number);
    count_allocations(stats);
    for (unsigned i = 0; i < CA_STATS_CLASSES_MAX; i++)
        stats->allocations += stats->size_class[i].allocations;
    for (unsigned i = 0; i < CAI_PLACES; i++) {
        stats->live_blocks += stats->place[i].live_blocks;
        stats->live_bytes += stats->place[i].live_bytes;
    }
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
}

CAI_EXPORT void ca_stats_read(ca_stats *out)
{
    ca_stats stats;
    size_t bytes = cai_min(out->struct_size, sizeof stats);

    cai_stats_collect(&stats);
    stats.struct_size = out->struct_size;
    memcpy(out, &stats, bytes);
}
