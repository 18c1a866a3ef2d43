/* See owned.h. An account keeps no list of what it owns: the tables of owners are dense, eight bytes for 16 KiB, and
 * read only when an authority ends.
 */
#include "heaps/owned.h"

#include "base/tools.h"
#include "blocks/cache.h"
#include "blocks/claimed.h"
#include "blocks/clear.h"
#include "blocks/large.h"
#include "blocks/wall.h"
#include "heaps/guarded.h"
#include "heaps/quarantine.h"
#include "heaps/sample.h"
#include "pages/run.h"

#include <string.h>

/* A slab is whose its head is: while it is handed over, its other units may bear the number of either heap. */
CAI_NO_TSAN static bool is_head(const struct cai_unit *unit, uint32_t number)
{
    unsigned kind = cai_load_acquire(&unit->kind);

    return kind == CAI_UNIT_LARGE || ((kind == CAI_UNIT_SLAB || kind == CAI_UNIT_GUARDED) && unit->head == number);
}

/* Calls visit for the head of every run of the heap with this number. The owner of a large block may be making it
 * shorter meanwhile: any of its lengths leads on. */
CAI_NO_TSAN static void for_runs(struct cai_heap *heap, void (*visit)(struct cai_unit *run, void *context),
                                 void *context)
{
    for (unsigned number = 0; number < CAI_ZONES; number++) {
        const struct cai_view *view = cai_view_of(number);
        uint32_t end = cai_load_acquire(&cai_zones[number].frontier);
        for (uint32_t unit = 1; unit < end;) {
            uint32_t next = unit + 1;
            if (cai_load_relaxed(&view->owner[unit].id) == heap->id && is_head(&view->units[unit], unit)) {
                next = unit + view->units[unit].units;
                visit(&view->units[unit], context);
            }
            unit = next;
        }
    }
}

static void discard_slab(struct cai_unit *slab, struct cai_heap *heap)
{
    enum cai_place place = (enum cai_place)(slab->zone / CAI_GRAINS);
    enum cai_grain grain = cai_zone_grain(slab->zone);
    const struct cai_view *view = cai_view_of(slab->zone);
    size_t bytes = cai_class_bytes(slab->size_class);
    char *slot = (char *)cai_slab_begin(slab);

    for (uint32_t i = 0; i < slab->slots; i++, slot += bytes) {
        uint8_t *state = &view->state[cai_granule_of(view, grain, slot)];
        uint8_t before = cai_load_relaxed(state);
        if (before == CAI_STATE_NONE)
            continue;
        if (CAI_TOOLS && cai_state_is_live(before))
            cai_tools_given(slot, bytes);
        if (!cai_place_zeroes(place))
            ;
        else if (cai_state_is_live(before) && !cai_state_is_wiped(before))
            cai_clear(heap, slot, bytes);
        else if (cai_state_is_wiped(before) || cai_claimed_is_marked(slab))
            cai_claimed_make_zero(heap, slot, bytes);
        cai_store_release(state, cai_state_freed(place, CAI_STATE_IN_SLAB));
    }
    slab->used = 0;
    if (CAI_HARDENS)
        cai_wall_lift(slab);
    cai_run_give(slab);
}

static void discard(struct cai_unit *run, void *of)
{
    struct cai_heap *heap = of;

    if (cai_load_relaxed(&run->kind) == CAI_UNIT_GUARDED) {
        enum cai_place place = (enum cai_place)(run->zone / CAI_GRAINS);
        cai_guarded_end(run, CAI_QUARANTINES ? CAI_STATE_QUARANTINED : cai_state_freed(place, CAI_STATE_IN_SLAB));
        if (!CAI_QUARANTINES)
            cai_run_disown(run);
        return;
    }
    if (CAI_QUARANTINES) {
        cai_quarantine_put_run(run);
        return;
    }
    if (cai_load_relaxed(&run->kind) == CAI_UNIT_SLAB) {
        discard_slab(run, heap);
        return;
    }
    const struct cai_view *view = cai_view_of(run->zone);
    uint8_t live = cai_load_relaxed(&view->state[cai_granule_of(view, CAI_COARSE, (void *)cai_unit_address(run))]);
    if (CAI_TOOLS && cai_state_is_live(live))
        cai_tools_given((void *)cai_unit_address(run), (size_t)run->units << CAI_UNIT_SHIFT);
    if (cai_large_claim(heap, run, live))
        cai_large_give(heap, run);
    else /* somebody is giving it back this moment: it is theirs, and the account gets nothing for it */
        cai_store_release(&view->owner[cai_unit_number(run)].id, 0);
}

void cai_owned_discard(struct cai_heap *heap)
{
    cai_sample_end_heap(heap);
    cai_cache_collect(heap, true);
    for (enum cai_place place = 0; place < CAI_PLACES && !CAI_QUARANTINES; place++)
        for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++)
            heap->bins[place][size_class].top = heap->bins[place][size_class].base;
    cai_lock_take(&heap->lock);
    if (!CAI_QUARANTINES)
        memset(heap->slabs, 0, sizeof heap->slabs);
    for_runs(heap, discard, heap);
    cai_lock_give(&heap->lock);
}

static void settle_claim(struct cai_unit *run, void *heap)
{
    if (cai_load_relaxed(&run->kind) == CAI_UNIT_SLAB)
        cai_claimed_settle(heap, run);
}

void cai_owned_settle_claims(struct cai_heap *heap)
{
    if (CAI_LIKELY(!heap->has_claims))
        return;
    heap->has_claims = false;
    cai_lock_take(&heap->lock);
    for_runs(heap, settle_claim, heap);
    cai_lock_give(&heap->lock);
}

CAI_NO_TSAN static void transfer(struct cai_unit *run, void *heir)
{
    struct cai_heap *to = heir;
    struct cai_owned *owner = &cai_view_of(run->zone)->owner[cai_unit_number(run)];

    if (cai_load_relaxed(&run->kind) == CAI_UNIT_LARGE) {
        cai_store_release(&owner->id, to->id);
        return;
    }
    if (cai_load_relaxed(&run->kind) == CAI_UNIT_SLAB)
        cai_claimed_settle(to, run);
    /* The head first: in the child of a fork the others follow it (cai_cache_rebuild). */
    for (uint32_t i = 0; i < run->units; i++)
        cai_store_release(&owner[i].id, to->id);
    if (cai_load_relaxed(&run->kind) == CAI_UNIT_SLAB)
        cai_cache_list(to, run);
}

void cai_owned_transfer(struct cai_heap *from, struct cai_heap *to)
{
    cai_cache_collect(from, true);
    cai_cache_drop_empty(to); /* what earlier accounts left there and has been freed since */
    cai_lock_take(&from->lock);
    cai_lock_take_beside(&to->lock); /* nobody else holds two: there is one who takes accounts apart */
    memset(from->slabs, 0, sizeof from->slabs);
    for_runs(from, transfer, to);
    cai_lock_give(&to->lock);
    cai_lock_give(&from->lock);
}

/* A block until its memory can be used again. */
static bool is_charged(uint8_t state)
{
    return cai_state_is_live(state) || cai_state_waits(state);
}

static void add_bytes(struct cai_unit *run, void *sum)
{
    const uint8_t *state = cai_view_of(run->zone)->state;

    if (cai_load_relaxed(&run->kind) == CAI_UNIT_SLAB)
        *(size_t *)sum += (size_t)cai_cache_count(run) * cai_class_bytes(run->size_class);
    else if (cai_load_relaxed(&run->kind) == CAI_UNIT_GUARDED)
        *(size_t *)sum += is_charged(cai_load_relaxed(cai_guarded_state(run))) ? cai_class_bytes(run->size_class) : 0;
    else if (is_charged(state[(size_t)cai_unit_number(run) << (CAI_UNIT_SHIFT - CAI_COARSE_SHIFT)]))
        *(size_t *)sum += (size_t)run->units << CAI_UNIT_SHIFT;
}

size_t cai_owned_bytes(struct cai_heap *heap)
{
    size_t bytes = 0;

    for_runs(heap, add_bytes, &bytes);
    return bytes;
}
