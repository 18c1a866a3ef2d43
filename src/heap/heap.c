/* See heap.h. Sizes and alignments are mapped to fine, coarse and large here, addresses back to blocks. */
#include "heap/heap.h"

#include "core/violation.h"
#include "estate/run.h"
#include "heap/large.h"
#include "heap/tick.h"

#include <string.h>

CAI_NOINLINE void *cai_heap_allocate_slow(enum cai_place place, size_t bytes, bool zeroed)
{
    if (CAI_LIKELY(bytes <= CAI_SMALL_BYTES_MAX))
        return cai_cache_take_slow(place, (unsigned)cai_class_of(bytes), zeroed, bytes);
    return cai_large_take(place, bytes, CAI_UNIT_BYTES, zeroed);
}

void *cai_heap_allocate_aligned(enum cai_place place, size_t bytes, size_t align, bool zeroed)
{
    if (align <= 16)
        return cai_heap_allocate(place, bytes, zeroed);
    unsigned size_class = bytes <= CAI_SMALL_BYTES_MAX ? cai_class_aligned(bytes, align) : 0;
    if (size_class == 0)
        return cai_large_take(place, bytes, align, zeroed);
    void *block = size_class <= CAI_CLASS_FINE_LAST ? cai_cache_take(place, CAI_FINE, size_class, zeroed, bytes)
                                                    : cai_cache_take(place, CAI_COARSE, size_class, zeroed, bytes);
    return block != NULL ? block : cai_cache_take_slow(place, size_class, zeroed, bytes);
}

/* --- from an address to a block --- */

struct live {
    enum cai_grain grain;
    size_t granule;
    uint8_t state; /* 0: no live block of the place starts there */
};

static struct live live_at(enum cai_place place, const void *address)
{
    for (enum cai_grain grain = CAI_FINE; grain < CAI_GRAINS; grain++) {
        const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
        size_t granule = cai_granule_of(view, grain, address);
        if (granule < cai_load_relaxed(&view->granules)) {
            uint8_t state = cai_load_relaxed(&view->state[granule]);
            return (struct live){grain, granule, cai_state_is_live(state) ? state : 0};
        }
    }
    return (struct live){.state = 0};
}

static size_t live_bytes(enum cai_place place, struct live live)
{
    return live.state == CAI_STATE_LARGE ? cai_large_bytes(place, live.granule) : cai_class_bytes(live.state);
}

static struct cai_lookup look_up_in_slab(const struct cai_unit *slab, enum cai_place place, uintptr_t address)
{
    size_t slot_bytes = cai_class_bytes(slab->size_class);
    size_t offset = (address - cai_unit_address(slab)) % slot_bytes;
    enum cai_grain grain = cai_zone_grain(slab->zone);
    const struct cai_view *view = cai_view_of(slab->zone);
    uint8_t state = cai_load_relaxed(&view->state[cai_granule_of(view, grain, (void *)(address - offset))]);

    if (state == CAI_STATE_NONE)
        return (struct cai_lookup){CAI_FOUND_UNUSED, place, 0};
    if (cai_state_is_live(state))
        return (struct cai_lookup){offset == 0 ? CAI_FOUND_LIVE : CAI_FOUND_INSIDE_LIVE, place, slot_bytes};
    return (struct cai_lookup){offset == 0 ? CAI_FOUND_FREED : CAI_FOUND_INSIDE_FREED, place, slot_bytes};
}

static struct cai_lookup look_up_large(const struct cai_unit *run, enum cai_place place, uintptr_t address)
{
    size_t bytes = run->bytes;
    const struct cai_view *view = cai_view_of(run->zone);
    bool start = address == cai_unit_address(run);
    uint8_t state = cai_load_relaxed(&view->state[cai_granule_of(view, CAI_COARSE, (void *)cai_unit_address(run))]);

    if (cai_state_is_live(state))
        return (struct cai_lookup){start ? CAI_FOUND_LIVE : CAI_FOUND_INSIDE_LIVE, place, bytes};
    return (struct cai_lookup){start ? CAI_FOUND_FREED : CAI_FOUND_INSIDE_FREED, place, bytes};
}

/* A run that is free: what its blocks were is forgotten, but the state byte of each remembers that it was one, until the
 * memory goes back or gets another use. */
static struct cai_lookup look_up_free(const struct cai_unit *run, enum cai_place place, uintptr_t address)
{
    enum cai_grain grain = cai_zone_grain(run->zone);
    const struct cai_view *view = cai_view_of(run->zone);
    size_t granule = cai_granule_of(view, grain, (void *)address);
    bool freed = run->kind == CAI_UNIT_DIRTY && granule < cai_load_relaxed(&view->granules) &&
                 cai_load_relaxed(&view->state[granule]) >= CAI_STATE_IN_SLAB;

    return (struct cai_lookup){freed ? CAI_FOUND_FREED : CAI_FOUND_UNUSED, place, 0};
}

struct cai_lookup cai_heap_look_up(const void *address)
{
    enum cai_place place = cai_place_of(address);

    if (place == CAI_PLACE_none)
        return (struct cai_lookup){CAI_FOUND_FOREIGN, place, 0};
    for (enum cai_grain grain = CAI_FINE; grain < CAI_GRAINS; grain++) {
        unsigned zone = cai_zone_number(place, grain);
        const struct cai_view *view = cai_view_of(zone);
        uintptr_t offset = (uintptr_t)address - view->origin;
        if (offset >> cai_grain_shift(grain) >= cai_load_relaxed(&view->granules))
            continue;
        const struct cai_unit *run = cai_run_find(zone, address);
        if (run == NULL)
            break;
        if (run->kind == CAI_UNIT_SLAB)
            return look_up_in_slab(run, place, (uintptr_t)address);
        if (run->kind == CAI_UNIT_LARGE)
            return look_up_large(run, place, (uintptr_t)address);
        return look_up_free(run, place, (uintptr_t)address);
    }
    return (struct cai_lookup){CAI_FOUND_UNUSED, place, 0};
}

CAI_COLD void cai_heap_report(enum cai_place place, const void *address, const char *function)
{
    static const char *const found[] = {
        [CAI_FOUND_FOREIGN] = "foreign memory",
        [CAI_FOUND_UNUSED] = "memory that is no block",
        [CAI_FOUND_LIVE] = "a live block",
        [CAI_FOUND_FREED] = "a freed block",
        [CAI_FOUND_INSIDE_LIVE] = "the inside of a live block",
        [CAI_FOUND_INSIDE_FREED] = "the inside of a freed block",
    };
    struct cai_lookup there = cai_heap_look_up(address);
    ca_violation_kind kind = CA_VIOLATION_INVALID_FREE;

    if (there.found == CAI_FOUND_FREED)
        kind = CA_VIOLATION_DOUBLE_FREE;
    else if (there.found == CAI_FOUND_LIVE)
        kind = there.place != place ? CA_VIOLATION_WRONG_DEALLOCATOR : CA_VIOLATION_DOUBLE_FREE;
    cai_violation_report((ca_violation){
        .kind = kind,
        .function = function,
        .address = address,
        .size = there.bytes,
        .place = cai_place_name(there.place),
        .stated = "a live block",
        .found = found[there.found],
    });
}

/* --- giving back and resizing --- */

/* By stores that the compiler may not leave out, although nobody here reads them again. */
static void clear(void *address, size_t bytes)
{
    memset(address, 0, bytes);
    __asm__ volatile("" : : "r"(address) : "memory");
}

CAI_NOINLINE void cai_heap_free_slow(enum cai_place place, void *address, const char *function)
{
    if (address == NULL)
        return;
    struct live live = live_at(place, address);
    if (live.state != 0 && cai_place_zeroes(place) && live.state != CAI_STATE_LARGE)
        clear(address, live_bytes(place, live));
    if (live.state != 0 && (live.state == CAI_STATE_LARGE ? cai_large_put(place, live.granule)
                                                          : cai_cache_put_slow(place, live.grain, address, live.granule)))
        return;
    cai_heap_report(place, address, function);
}

size_t cai_heap_usable(enum cai_place place, const void *address, const char *function)
{
    struct live live = live_at(place, address);

    if (CAI_LIKELY(live.state != 0))
        return live_bytes(place, live);
    cai_heap_report(place, address, function);
    return 0;
}

void *cai_heap_resize(enum cai_place place, void *address, size_t bytes, const char *function)
{
    struct live live = live_at(place, address);

    if (CAI_UNLIKELY(live.state == 0)) {
        cai_heap_report(place, address, function);
        return NULL;
    }
    size_t usable = live_bytes(place, live);
    if (live.state == CAI_STATE_LARGE && bytes > CAI_SMALL_BYTES_MAX)
        return cai_large_resize(place, live.granule, bytes);
    /* Shrinking to less than half moves; below that the copy costs more than the slack. */
    if (bytes <= usable && bytes >= usable / 2) {
        if (cai_place_zeroes(place))
            clear((char *)address + bytes, usable - bytes);
        return address;
    }
    /* Blocks that grow once grow again: room for a quarter more, as long as that is a small block. */
    size_t roomy = bytes > usable && bytes <= CAI_SMALL_BYTES_MAX ? cai_min(cai_max(bytes, usable + usable / 4), CAI_SMALL_BYTES_MAX) : bytes;
    void *moved = cai_heap_allocate(place, roomy, false);
    if (moved == NULL)
        return NULL;
    memcpy(moved, address, cai_min(bytes, usable));
    cai_heap_free(place, address, function);
    return moved;
}
