/* Heaps in the child of a fork: see cache.h. What state bytes say is what is; bins, lists and counters follow from it.
 */
#include "base/tools.h"
#include "blocks/cache.h"
#include "blocks/clear.h"
#include "blocks/exact.h"
#include "pages/run.h"

#include <string.h>

/* Slots that were handed out at least once are all that have a state. */
struct count {
    uint32_t live, cached, waiting, free;
};

/* Counts the slots by their states; with `flush`, those that are cached go into the slab. */
static struct count count_slots(struct cai_unit *slab, bool flush)
{
    unsigned shift = cai_grain_shift(cai_zone_grain(slab->zone));
    uint8_t *state = cai_slab_states(slab);
    size_t step = cai_class_bytes(slab->size_class) >> shift;
    struct count count = {0, 0, 0, 0};

    for (uint32_t slot = 0; slot < slab->slots; slot++, state += step) {
        uint8_t now = cai_load_relaxed(state);
        if (cai_state_is_cached(now) && flush)
            cai_store_relaxed(state, now = (uint8_t)(now & ~(CAI_STATE_CACHED ^ CAI_STATE_IN_SLAB)));
        count.live += cai_state_is_live(now);
        count.cached += cai_state_is_cached(now);
        count.waiting += cai_state_waits(now);
        count.free += cai_state_is_in_slab(now);
    }
    return count;
}

uint32_t cai_cache_count(struct cai_unit *slab)
{
    struct count count = count_slots(slab, false);

    return count.live + count.cached + count.waiting;
}

static void set_counts(struct cai_unit *slab, struct count count)
{
    slab->used = count.live + count.cached + count.waiting;
    slab->fresh = slab->used + count.free;
    slab->cursor = 0;
    cai_store_relaxed(&slab->remote, 0);
}

/* Somebody was handing the slab over to this heap: the head bears its number already. */
static void own_whole(const struct cai_heap *heap, const struct cai_unit *slab)
{
    struct cai_owned *owner = &cai_view_of(slab->zone)->owner[cai_unit_number(slab)];

    for (uint32_t i = 1; i < slab->units; i++)
        cai_store_relaxed(&owner[i].id, heap->id);
}

static bool is_returned(const struct cai_heap *heap, const struct cai_unit *slab)
{
    const struct cai_unit *at = heap->returned;

    while (at != NULL && at != slab)
        at = at->next_returned;
    return at != NULL;
}

void cai_cache_recount(struct cai_heap *heap, struct cai_unit *slab, const struct cai_unit *told)
{
    if (slab->kind != CAI_UNIT_SLAB || cai_view_of(slab->zone)->owner[cai_unit_number(slab)].id != heap->id)
        return;
    set_counts(slab, count_slots(slab, false));
    if (slab != told)
        cai_store_relaxed(&slab->returned, is_returned(heap, slab));
    cai_cache_settle(heap, slab);
}

/* A slot that stands in a bin, or stood there: into its slab, if it still is a free one of this heap. */
static void put_back(struct cai_heap *heap, enum cai_place place, unsigned size_class, const void *slot)
{
    enum cai_grain grain = cai_class_grain(size_class);
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    size_t granule;
    uint8_t *state = cai_find_state(place, grain, slot, &granule);

    if (state == NULL || view->owner[cai_unit_of_granule(grain, granule)].id != heap->id ||
        !cai_state_is_cached(*state))
        return;
    struct cai_unit *slab = cai_slab_of(view, grain, granule);
    if (slab->kind != CAI_UNIT_SLAB || slab->size_class != size_class)
        return;
    cai_slab_put(slab, state);
    cai_cache_settle(heap, slab);
}

/* A bin that was getting another array has it. */
static void end_move(struct cai_heap *heap)
{
    if (heap->moving != NULL)
        *heap->moving = heap->moved;
    heap->moving = NULL;
}

void cai_cache_salvage(struct cai_heap *heap)
{
    end_move(heap);
    for (enum cai_place place = 0; place < CAI_PLACES; place++)
        for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++) {
            struct cai_bin *bin = &heap->bins[place][size_class];
            /* One that was being pushed or popped stands above the top. */
            for (void **at = bin->base; at <= bin->top && at < bin->end; at++)
                put_back(heap, place, size_class, *at);
            bin->top = bin->base;
        }
}

void cai_cache_rebuild(struct cai_heap *heap, bool keep_bins, const struct cai_unit *told)
{
    if (!keep_bins)
        end_move(heap);
    for (enum cai_place place = 0; place < CAI_PLACES; place++)
        for (unsigned size_class = 1; !keep_bins && size_class < CAI_CLASSES; size_class++)
            heap->bins[place][size_class].top = heap->bins[place][size_class].base;
    memset(heap->slabs, 0, sizeof heap->slabs);
    heap->returned = heap->strays = NULL;
    for (unsigned number = 0; number < CAI_ZONES; number++) {
        const struct cai_view *view = cai_view_of(number);
        for (uint32_t unit = 1; unit < cai_zones[number].frontier; unit++) {
            struct cai_unit *slab = &view->units[unit];
            if (view->owner[unit].id != heap->id || slab->kind != CAI_UNIT_SLAB || slab->head != unit)
                continue;
            own_whole(heap, slab);
            set_counts(slab, count_slots(slab, !keep_bins));
            if (slab != told)
                cai_store_relaxed(&slab->returned, 0);
            cai_cache_list(heap, slab);
        }
    }
}

void cai_cache_discard(struct cai_heap *heap, struct cai_live live)
{
    struct cai_unit *run = cai_live_run(live);
    enum cai_place place = (enum cai_place)(live.zone / CAI_GRAINS);

    void *address = (void *)(cai_view_of(live.zone)->origin +
                             (cai_live_granule(live) << cai_grain_shift(cai_zone_grain(live.zone))));

    if (CAI_TOOLS)
        cai_tools_given(address, cai_slot_bytes(live));
    if (cai_place_zeroes(place))
        cai_clear(heap, address, cai_slot_bytes(live));
    if (live.size_class == 0) {
        cai_store_relaxed(live.state, CAI_STATE_CACHED);
        cai_run_give(run);
        return;
    }
    cai_store_relaxed(live.state, cai_state_freed(place, CAI_STATE_CACHED));
    cai_slab_put(run, live.state);
    cai_cache_settle(heap, run);
}
