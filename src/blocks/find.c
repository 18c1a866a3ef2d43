/* See find.h. The fast half asks the state byte; the slow half walks runs, because interior addresses say nothing. */
#include "blocks/find.h"

#include "core/mode.h"
#include "core/settings.h"
#include "core/violation.h"
#include "os/process.h"
#include "pages/run.h"

/* The state byte of such a block does not tell its class: the run knows. */
static uint8_t class_of_run(const struct cai_view *view, enum cai_grain grain, size_t granule)
{
    const struct cai_unit *run = cai_slab_of(view, grain, granule);

    return cai_load_relaxed(&run->kind) != CAI_UNIT_LARGE ? run->size_class : 0;
}

static uint8_t class_of_state(const struct cai_view *view, enum cai_grain grain, size_t granule, uint8_t state)
{
    if (state <= CAI_CLASS_LAST)
        return state;
    if (state == CAI_STATE_LARGE)
        return 0;
    if (state == CAI_STATE_WIPED || state == CAI_STATE_SAMPLED || state == CAI_STATE_GUARDED ||
        (CAI_HARDENS && cai_state_is_hardened(state)))
        return class_of_run(view, grain, granule);
    return 1;
}

static struct cai_live find_live(enum cai_place place, const void *address)
{
    for (enum cai_grain grain = CAI_FINE; grain < CAI_GRAINS; grain++) {
        size_t granule;
        uint8_t *state = cai_find_state(place, grain, address, &granule);
        if (state == NULL)
            continue;
        uint8_t byte = cai_load_relaxed(state);
        if (!cai_state_is_open(byte))
            break;
        unsigned zone = cai_zone_number(place, grain);
        return (struct cai_live){.state = state,
                                 .byte = byte,
                                 .size_class = class_of_state(cai_view_of(zone), grain, granule, byte),
                                 .zone = (uint8_t)zone};
    }
    return (struct cai_live){.state = NULL};
}

struct cai_live cai_find_live(enum cai_place place, const void *address)
{
    struct cai_live live = find_live(place, address);

    if (CAI_LIKELY(live.state != NULL))
        return live;
    /* In the child of a fork a block is live again that another thread had claimed. */
    cai_process_notice();
    return find_live(place, address);
}

struct cai_live cai_find_of_state(uint8_t *state, uint8_t byte)
{
    unsigned zone = 0;

    while (zone < CAI_ZONES - 1 &&
           (uintptr_t)state - (uintptr_t)cai_view_of(zone)->state >= cai_load_relaxed(&cai_view_of(zone)->granules))
        zone++;
    size_t granule = (size_t)(state - cai_view_of(zone)->state);
    return (struct cai_live){.state = state,
                             .byte = byte,
                             .size_class = class_of_state(cai_view_of(zone), cai_zone_grain(zone), granule, byte),
                             .zone = (uint8_t)zone};
}

uint32_t cai_find_owner(enum cai_place place, const void *address)
{
    for (enum cai_grain grain = CAI_FINE; grain < CAI_GRAINS; grain++) {
        const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
        size_t granule = ((uintptr_t)address - view->origin) >> cai_grain_shift(grain);
        if (granule < cai_load_relaxed(&view->granules))
            return cai_load_acquire(&view->owner[cai_unit_of_granule(grain, granule)].id);
    }
    return 0;
}

/* In the slot that begins at `start`, so far in. */
static struct cai_lookup look_up_slot(uint8_t state, enum cai_place place, size_t slot_bytes, uintptr_t start,
                                      size_t offset)
{
    if (state == CAI_STATE_NONE)
        return (struct cai_lookup){CAI_FOUND_UNUSED, place, 0, 0};
    if (state == CAI_STATE_CLAIMED && offset == 0)
        return (struct cai_lookup){CAI_FOUND_CLAIMED, place, slot_bytes, start};
    if (cai_state_is_live(state))
        return (struct cai_lookup){offset == 0 ? CAI_FOUND_LIVE : CAI_FOUND_INSIDE_LIVE, place, slot_bytes, start};
    return (struct cai_lookup){offset == 0 ? CAI_FOUND_FREED : CAI_FOUND_INSIDE_FREED, place, slot_bytes, start};
}

static struct cai_lookup look_up_in_slab(const struct cai_unit *slab, enum cai_place place, uintptr_t address)
{
    unsigned size_class = cai_load_relaxed(&slab->size_class);
    if (size_class == 0 || size_class > CAI_CLASS_LAST) /* another thread ends it, or makes it, at this moment */
        return (struct cai_lookup){CAI_FOUND_UNUSED, place, 0, 0};
    size_t slot_bytes = cai_class_bytes(size_class);
    uintptr_t first = cai_unit_address(slab) + cai_class_lead(size_class, cai_unit_number(slab));
    if (address < first)
        return (struct cai_lookup){CAI_FOUND_UNUSED, place, 0, 0};
    size_t offset = (address - first) % slot_bytes;
    enum cai_grain grain = cai_zone_grain(cai_load_relaxed(&slab->zone));
    const struct cai_view *view = cai_view_of(cai_load_relaxed(&slab->zone));
    uint8_t state = cai_load_relaxed(&view->state[cai_granule_of(view, grain, (void *)(address - offset))]);

    return look_up_slot(state, place, slot_bytes, address - offset, offset);
}

static struct cai_lookup look_up_large(const struct cai_unit *run, enum cai_place place, uintptr_t address)
{
    size_t bytes = cai_round_up(cai_load_relaxed(&run->bytes), cai_settings->page_bytes);
    const struct cai_view *view = cai_view_of(cai_load_relaxed(&run->zone));
    uintptr_t start = cai_unit_address(run);
    uint8_t state = cai_load_relaxed(&view->state[cai_granule_of(view, CAI_COARSE, (void *)start)]);

    if (state == CAI_STATE_CLAIMED && address == start)
        return (struct cai_lookup){CAI_FOUND_CLAIMED, place, bytes, start};
    if (cai_state_is_live(state))
        return (struct cai_lookup){address == start ? CAI_FOUND_LIVE : CAI_FOUND_INSIDE_LIVE, place, bytes, start};
    return (struct cai_lookup){address == start ? CAI_FOUND_FREED : CAI_FOUND_INSIDE_FREED, place, bytes, start};
}

static struct cai_lookup look_up_guarded(const struct cai_unit *run, enum cai_place place, uintptr_t address)
{
    unsigned size_class = cai_load_relaxed(&run->size_class);
    uintptr_t start = cai_unit_address(run) + cai_load_relaxed(&run->block_at);
    const struct cai_view *view = cai_view_of(cai_load_relaxed(&run->zone));
    size_t granule = cai_granule_of(view, cai_zone_grain(cai_load_relaxed(&run->zone)), (void *)start);

    if (size_class == 0 || size_class > CAI_CLASS_LAST || granule >= cai_load_relaxed(&view->granules) ||
        address - start >= cai_class_bytes(size_class))
        return (struct cai_lookup){CAI_FOUND_UNUSED, place, 0, 0};
    return look_up_slot(cai_load_relaxed(&view->state[granule]), place, cai_class_bytes(size_class), start,
                        address - start);
}

/* A run that is free: what its blocks were is forgotten, but the state byte of each remembers that it was one, until
 * the memory goes back or gets another use. */
static struct cai_lookup look_up_free(const struct cai_unit *run, enum cai_place place, uintptr_t address)
{
    enum cai_grain grain = cai_zone_grain(cai_load_relaxed(&run->zone));
    const struct cai_view *view = cai_view_of(cai_load_relaxed(&run->zone));
    size_t granule = cai_granule_of(view, grain, (void *)address);
    bool freed = cai_load_relaxed(&run->kind) == CAI_UNIT_DIRTY && granule < cai_load_relaxed(&view->granules) &&
                 cai_load_relaxed(&view->state[granule]) >= CAI_STATE_IN_SLAB;

    return (struct cai_lookup){freed ? CAI_FOUND_FREED : CAI_FOUND_UNUSED, place, 0, 0};
}

struct cai_lookup cai_find_any(const void *address)
{
    enum cai_place place = cai_place_of(address);

    if (place == CAI_PLACE_none)
        return (struct cai_lookup){CAI_FOUND_FOREIGN, place, 0, 0};
    for (enum cai_grain grain = CAI_FINE; grain < CAI_GRAINS; grain++) {
        unsigned zone = cai_zone_number(place, grain);
        const struct cai_view *view = cai_view_of(zone);
        uintptr_t offset = (uintptr_t)address - view->origin;
        if (offset >> cai_grain_shift(grain) >= cai_load_relaxed(&view->granules))
            continue;
        const struct cai_unit *run = cai_run_find(zone, address);
        if (run == NULL)
            break;
        if (cai_load_relaxed(&run->kind) == CAI_UNIT_SLAB)
            return look_up_in_slab(run, place, (uintptr_t)address);
        if (cai_load_relaxed(&run->kind) == CAI_UNIT_LARGE)
            return look_up_large(run, place, (uintptr_t)address);
        if (cai_load_relaxed(&run->kind) == CAI_UNIT_GUARDED)
            return look_up_guarded(run, place, (uintptr_t)address);
        return look_up_free(run, place, (uintptr_t)address);
    }
    return (struct cai_lookup){CAI_FOUND_UNUSED, place, 0, 0};
}

CAI_COLD void cai_find_report(enum cai_place place, const void *address, const char *function)
{
    static const char *const found[] = {
        [CAI_FOUND_FOREIGN] = "foreign memory",
        [CAI_FOUND_UNUSED] = "memory that is no block",
        [CAI_FOUND_LIVE] = "a live block",
        [CAI_FOUND_CLAIMED] = "a block that another call is changing",
        [CAI_FOUND_FREED] = "a freed block",
        [CAI_FOUND_INSIDE_LIVE] = "the inside of a live block",
        [CAI_FOUND_INSIDE_FREED] = "the inside of a freed block",
    };
    static const char *const stated_in[] = {
#define PLACE(name, ...) [CAI_PLACE_##name] = "a block of place " #name,
        CAI_FOR_PLACES(PLACE)
#undef PLACE
    };
    struct cai_lookup there = cai_find_any(address);
    ca_violation_kind kind = CA_VIOLATION_INVALID_FREE;

    if (there.found == CAI_FOUND_FREED || (there.found == CAI_FOUND_CLAIMED && there.place == place))
        kind = CA_VIOLATION_DOUBLE_FREE;
    else if (there.found == CAI_FOUND_LIVE)
        kind = there.place != place ? CA_VIOLATION_WRONG_DEALLOCATOR : CA_VIOLATION_DOUBLE_FREE;
    cai_violation_report((ca_violation){
        .kind = kind,
        .function = function,
        .address = address,
        .size = there.bytes,
        .place = cai_place_name(there.place),
        .stated = kind == CA_VIOLATION_WRONG_DEALLOCATOR ? stated_in[place] : "a live block",
        .found = found[there.found],
    });
}
