/* See owned.h. A branch keeps no list of what it owns: the tables of owners are dense, four bytes for 16 KiB, and read
 * only when an authority ends.
 */
#include "heap/owned.h"

#include "heap/cache.h"
#include "heap/clear.h"
#include "heap/large.h"

#include <string.h>

/* Calls visit for the head of every run of the heap with this number. The owner of a large block may be making it
 * shorter meanwhile: any of its lengths leads on. */
CAI_NO_TSAN static void for_runs(struct cai_thread *heap, void (*visit)(struct cai_unit *run, struct cai_thread *to),
                                 struct cai_thread *to)
{
    for (unsigned number = 0; number < CAI_ZONES; number++) {
        const struct cai_view *view = cai_view_of(number);
        uint32_t end = cai_load_acquire(&cai_zones[number].frontier);
        for (uint32_t unit = 1; unit < end;) {
            uint32_t next = unit + 1;
            if (cai_load_relaxed(&view->owner[unit]) == heap->id) {
                next = unit + view->units[unit].units;
                visit(&view->units[unit], to);
            }
            unit = next;
        }
    }
}

static void discard_slab(struct cai_unit *slab)
{
    enum cai_place place = (enum cai_place)(slab->zone / CAI_GRAINS);
    enum cai_grain grain = cai_zone_grain(slab->zone);
    const struct cai_view *view = cai_view_of(slab->zone);
    size_t bytes = cai_class_bytes(slab->size_class);
    char *slot = (char *)cai_unit_address(slab);

    for (uint32_t i = 0; i < slab->slots; i++, slot += bytes) {
        uint8_t *state = &view->state[cai_granule_of(view, grain, slot)];
        uint8_t before = cai_load_relaxed(state);
        if (before == CAI_STATE_NONE)
            continue;
        if (cai_state_is_live(before) && before != CAI_STATE_WIPED && cai_place_zeroes(place))
            cai_clear(slot, bytes);
        cai_store_release(state, cai_state_freed(place, CAI_STATE_IN_SLAB));
    }
    slab->used = 0;
    cai_slab_destroy(slab);
}

static void discard(struct cai_unit *run, struct cai_thread *unused)
{
    (void)unused;
    if (run->kind == CAI_UNIT_SLAB)
        discard_slab(run);
    else
        cai_large_discard(run);
}

void cai_owned_discard(struct cai_thread *branch)
{
    cai_cache_collect(branch, true);
    for (enum cai_place place = 0; place < CAI_PLACES; place++)
        for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++)
            branch->bins[place][size_class].count = 0;
    cai_lock_take(&branch->lock);
    memset(branch->slabs, 0, sizeof branch->slabs);
    for_runs(branch, discard, NULL);
    cai_lock_give(&branch->lock);
}

CAI_NO_TSAN static void hand_over(struct cai_unit *run, struct cai_thread *to)
{
    uint32_t *owner = &cai_view_of(run->zone)->owner[cai_unit_number(run)];

    if (run->kind != CAI_UNIT_SLAB) {
        cai_store_release(owner, to->is_branch ? to->id : 0); /* a thread's own heap owns no large blocks */
        return;
    }
    for (uint32_t i = 0; i < run->units; i++)
        cai_store_release(&owner[i], to->id);
    cai_cache_list(to, run);
}

void cai_owned_hand_over(struct cai_thread *from, struct cai_thread *to)
{
    cai_cache_collect(from, true);
    cai_cache_drop_empty(to); /* what earlier branches left there and has been freed since */
    cai_lock_take(&from->lock);
    cai_lock_take(&to->lock); /* nobody else holds two: there is one who takes branches apart */
    memset(from->slabs, 0, sizeof from->slabs);
    for_runs(from, hand_over, to);
    cai_lock_give(&to->lock);
    cai_lock_give(&from->lock);
}
