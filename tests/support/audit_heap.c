/* The audit of slabs, large blocks and thread caches: what the state bytes say is what the counters and lists say. */
#include "support/audit.h"

#include "blocks/cache.h"
#include "blocks/exact.h"
#include "blocks/wall.h"
#include "heaps/registry.h"
#include "support/audit_say.h"
#include "support/pending.h"

/* What a slab's state bytes add up to. */
struct slots {
    size_t live, cached, waiting, in_slab;
};

static const uint8_t *state_of(const struct cai_unit *run)
{
    unsigned shift = CAI_UNIT_SHIFT - cai_grain_shift(cai_zone_grain(run->zone));

    return cai_view_of(run->zone)->state + ((size_t)cai_unit_number(run) << shift);
}

/* The eight from here on are CAI_STATE_NONE: most are, and an audit may come after each step of a test. */
static bool is_none_by_eight(const uint8_t *state, size_t from, size_t count)
{
    uint64_t eight;

    if (count - from < sizeof eight)
        return false;
    __builtin_memcpy(&eight, state + from, sizeof eight);
    return eight == 0;
}

static const char *count_slots(const struct cai_unit *slab, struct slots *slots)
{
    unsigned shift = cai_grain_shift(cai_zone_grain(slab->zone));
    size_t granules = (size_t)slab->units << (CAI_UNIT_SHIFT - shift);
    size_t step = cai_class_bytes(slab->size_class) >> shift;
    size_t lead = cai_class_lead(slab->size_class, cai_unit_number(slab)) >> shift;
    const uint8_t *state = cai_slab_states(slab);

    for (size_t i = 0; i < lead; i++)
        if (state_of(slab)[i] != CAI_STATE_NONE)
            return audit_say("zone %u: slab %u of class %u: state byte %u before its first slot", slab->zone,
                             cai_unit_number(slab), slab->size_class, state_of(slab)[i]);
    for (size_t i = 0; i < granules - lead; i++) {
        if (is_none_by_eight(state, i, granules - lead)) {
            i += 7;
            continue;
        }
        bool is_record = cai_is_record(state[i]) && i % step != 0;
        if (state[i] == CAI_STATE_NONE || is_record)
            continue;
        if (i % step != 0 || i / step >= slab->slots)
            return audit_say("zone %u: slab %u of class %u: state byte %u between slots, at granule %zu", slab->zone,
                             cai_unit_number(slab), slab->size_class, state[i], i);
        bool is_short = slab->size_class == 1 && cai_state_short_bytes(state[i]) != 16;
        if (cai_state_is_live(state[i]) && state[i] != slab->size_class && state[i] != CAI_STATE_CLAIMED &&
            !cai_state_is_wiped(state[i]) && !cai_state_is_hardened(state[i]) && !is_short)
            return audit_say("zone %u: slab %u of class %u holds a live block of class %u", slab->zone,
                             cai_unit_number(slab), slab->size_class, state[i]);
        slots->live += cai_state_is_live(state[i]);
        slots->waiting += cai_state_waits(state[i]);
        slots->cached += cai_state_is_cached(state[i]);
        slots->in_slab += cai_state_is_in_slab(state[i]);
    }
    return NULL;
}

/* The thread whose heap this is; NULL: an account's. */
static const struct cai_thread *thread_of(const struct cai_owner *owner)
{
    return cai_is_account(owner->heap.id) ? NULL : (const struct cai_thread *)owner;
}

/* Freed in this slab by threads that have not told its owner yet. */
static size_t pending_of(const struct cai_unit *slab)
{
    size_t pending = 0;

    for (const struct cai_owner *owner = cai_registry_first(); owner != NULL; owner = owner->next) {
        const struct cai_thread *thread = thread_of(owner);
        if (thread != NULL)
            pending += pending_in(thread, slab);
    }
    return pending;
}

static const char *check_slab_units(const struct cai_unit *slab)
{
    uint32_t number = cai_unit_number(slab);
    const struct cai_view *view = cai_view_of(slab->zone);
    uint32_t id = view->owner[number].id;

    if (slab->size_class == 0 || slab->size_class > CAI_CLASS_LAST ||
        cai_class_grain(slab->size_class) != cai_zone_grain(slab->zone))
        return audit_say("zone %u: slab %u has class %u", slab->zone, number, slab->size_class);
    uint32_t slots = cai_slab_slots(slab->size_class, slab->units);
    bool may_be_fewer = CAI_HARDENS && slab->slots == cai_wall_slots(slab);
    if (slab->units != cai_class_slab_units(slab->size_class) || (slab->slots != slots && !may_be_fewer) ||
        (CAI_HARDENS && cai_wall_of(slab) != 0 && !may_be_fewer))
        return audit_say("zone %u: slab %u of class %u has %u units, %u slots", slab->zone, number, slab->size_class,
                         slab->units, slab->slots);
    if (id == 0 || cai_registry_owner(id) == NULL)
        return audit_say("zone %u: slab %u belongs to heap %u", slab->zone, number, id);
    for (uint32_t i = 0; i < slab->units; i++)
        if (view->owner[number + i].id != id || view->units[number + i].head != number ||
            view->owner[number + i].size_class != slab->size_class)
            return audit_say("zone %u: unit %u of slab %u leads to slab %u, heap %u", slab->zone, i, number,
                             view->units[number + i].head, view->owner[number + i].id);
    return NULL;
}

static const char *check_slab(const struct cai_unit *slab, size_t *cached)
{
    struct slots slots = {0, 0, 0, 0};
    uint32_t number = cai_unit_number(slab);
    const char *wrong = check_slab_units(slab);

    if (wrong == NULL)
        wrong = count_slots(slab, &slots);
    if (wrong != NULL)
        return wrong;
    *cached += slots.cached;
    size_t untold = slab->remote + pending_of(slab);
    if (slab->used != slots.live + slots.cached + slots.waiting + untold)
        return audit_say("zone %u: slab %u counts %u used; %zu live, %zu cached, %zu waiting, %zu untold", slab->zone,
                         number, slab->used, slots.live, slots.cached, slots.waiting, untold);
    if (slab->fresh != slots.live + slots.cached + slots.waiting + slots.in_slab)
        return audit_say("zone %u: slab %u counts %u handed out; %zu live, %zu cached, %zu in slab", slab->zone, number,
                         slab->fresh, slots.live, slots.cached, slots.in_slab);
    if (slab->listed != (slab->slots > slab->used))
        return audit_say("zone %u: slab %u: listed %u with %u of %u slots used", slab->zone, number, slab->listed,
                         slab->used, slab->slots);
    if (slab->remote != 0 && !slab->returned)
        return audit_say("zone %u: slab %u: %u remote frees and nobody will look", slab->zone, number, slab->remote);
    return NULL;
}

/* A large block is live, waits in quarantine, or is kept by exactly one heap, whose number it bears. */
static const char *check_large(const struct cai_unit *run)
{
    uint8_t state = *state_of(run);
    uint32_t id = cai_view_of(run->zone)->owner[cai_unit_number(run)].id;
    unsigned found = 0;

    for (const struct cai_owner *owner = cai_registry_first(); owner != NULL; owner = owner->next)
        for (unsigned i = 0; i < CAI_KEPT_SETS * CAI_KEPT_WAYS; i++)
            found += owner->heap.kept[i / CAI_KEPT_WAYS][i % CAI_KEPT_WAYS] == run;
    if (cai_zone_grain(run->zone) != CAI_COARSE)
        return audit_say("zone %u: a large block in a fine zone", run->zone);
    if (id == 0 || cai_registry_owner(id) == NULL)
        return audit_say("zone %u: large run %u belongs to heap %u", run->zone, cai_unit_number(run), id);
    if (cai_state_is_live(state) || cai_state_waits(state)
            ? found != 0
            : (state & ~CAI_STATE_ZERO) != CAI_STATE_CACHED || found != 1)
        return audit_say("zone %u: large run %u has state %u and is in %u caches", run->zone, cai_unit_number(run),
                         state, found);
    return NULL;
}

static const char *check_bin(const struct cai_heap *heap, enum cai_place place, unsigned size_class)
{
    const struct cai_bin *bin = &heap->bins[place][size_class];
    enum cai_grain grain = cai_class_grain(size_class);
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));

    if (cai_bin_count(bin) > cai_bin_limit(bin))
        return audit_say("heap %u: bin %u: %u slots where %u fit", heap->id, size_class, cai_bin_count(bin),
                         cai_bin_limit(bin));
    for (uint32_t i = 0; i < cai_bin_count(bin); i++) {
        size_t granule = cai_granule_of(view, grain, bin->base[i]);
        if (granule >= view->granules)
            return audit_say("heap %u: bin %u: %p is outside", heap->id, size_class, bin->base[i]);
        const struct cai_unit *slab = cai_slab_of(view, grain, granule);
        if (!cai_state_is_cached(view->state[granule]) || slab->kind != CAI_UNIT_SLAB ||
            slab->size_class != size_class || view->owner[cai_unit_number(slab)].id != heap->id)
            return audit_say("heap %u: bin %u: %p has state %u in a slab of class %u, heap %u", heap->id, size_class,
                             bin->base[i], view->state[granule], slab->size_class,
                             view->owner[cai_unit_number(slab)].id);
    }
    return NULL;
}

static const char *check_list(const struct cai_heap *heap, unsigned place, unsigned size_class)
{
    const struct cai_slabs *list = &heap->slabs[place][size_class];
    unsigned zone = cai_zone_number((enum cai_place)place, cai_class_grain(size_class));
    const struct cai_view *view = cai_view_of(zone);
    uint32_t before = 0;

    for (uint32_t number = list->first; number != 0; before = number, number = view->units[number].next) {
        const struct cai_unit *slab = &view->units[number];
        if (slab->kind != CAI_UNIT_SLAB || slab->size_class != size_class || !slab->listed || slab->prev != before ||
            view->owner[number].id != heap->id)
            return audit_say(
                "heap %u: list of class %u: unit %u has kind %u, class %u, listed %u, prev %u not %u, heap %u",
                heap->id, size_class, number, slab->kind, slab->size_class, slab->listed, slab->prev, before,
                view->owner[number].id);
    }
    if (list->last != before)
        return audit_say("heap %u: list of class %u ends with %u not %u", heap->id, size_class, before, list->last);
    return NULL;
}

static const char *check_kept(const struct cai_heap *heap)
{
    size_t units = 0;

    for (unsigned i = 0; i < CAI_KEPT_SETS * CAI_KEPT_WAYS; i++) {
        const struct cai_unit *run = heap->kept[i / CAI_KEPT_WAYS][i % CAI_KEPT_WAYS];
        units += run != NULL ? run->units : 0;
    }
    if (units != heap->kept_units)
        return audit_say("heap %u: keeps %zu units of large blocks, counts %u", heap->id, units, heap->kept_units);
    return NULL;
}

static const char *check_heaps(size_t *cached)
{
    const char *wrong = NULL;

    for (struct cai_owner *owner = cai_registry_first(); owner != NULL; owner = owner->next) {
        const struct cai_heap *heap = &owner->heap;
        if (cai_registry_owner(heap->id) != owner)
            return audit_say("heap %u is not found by its number", heap->id);
        if ((wrong = check_kept(heap)) != NULL)
            return wrong;
        for (enum cai_place place = 0; place < CAI_PLACES; place++)
            for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++) {
                if ((wrong = check_bin(heap, place, size_class)) != NULL ||
                    (wrong = check_list(heap, place, size_class)) != NULL)
                    return wrong;
                *cached += cai_bin_count(&heap->bins[place][size_class]);
            }
    }
    return NULL;
}

const char *audit_heap(void)
{
    size_t marked = 0;
    size_t cached = 0;
    const char *wrong = check_heaps(&cached);

    for (unsigned number = 0; number < CAI_ZONES; number++) {
        const struct cai_unit *units = cai_view_of(number)->units;
        for (uint32_t head = 1; wrong == NULL && head < cai_zones[number].frontier; head += units[head].units) {
            if (units[head].kind == CAI_UNIT_SLAB)
                wrong = check_slab(units + head, &marked);
            else if (units[head].kind == CAI_UNIT_LARGE)
                wrong = check_large(units + head);
        }
    }
    if (wrong == NULL && marked != cached)
        wrong = audit_say("%zu slots are marked as cached, the caches hold %zu", marked, cached);
    return wrong;
}
