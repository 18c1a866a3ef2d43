/* Zones at start and in growth: choosing the geometry, placing each zone and its tables at random within it, and making
 * the tables longer before the zone needs them.
 */
#include "pages/zone.h"

#include "core/settings.h"
#include "os/os.h"
#include "pages/geometry.h"
#include "pages/meta.h"

struct cai_zone cai_zones[CAI_ZONES] = {[0 ... CAI_ZONES - 1] = {.lock = CAI_LOCK_INIT(CAI_RANK_ZONE)}};
uint32_t cai_guesses_moving;
struct cai_sealed_views cai_sealed = {.secret = 1};

/* Opening the seal is exclusive: another zone that grows must not find it closed again. */
static struct cai_lock seal_lock = CAI_LOCK_INIT(CAI_RANK_SEAL);

const char *cai_place_name(enum cai_place place)
{
    static const char *const names[] = {
#define PLACE(name, pointers, zero) #name,
        CAI_FOR_PLACES(PLACE)
#undef PLACE
            "none",
    };
    return names[place];
}

enum cai_place cai_place_of(const void *address)
{
    uintptr_t offset = (uintptr_t)address - cai_sealed.places;

    return cai_sealed.shift != 0 && offset >> cai_sealed.shift < CAI_PLACES
               ? (enum cai_place)(offset >> cai_sealed.shift)
               : CAI_PLACE_none;
}

static size_t state_bytes(enum cai_grain grain, size_t units)
{
    return units << (CAI_UNIT_SHIFT - cai_grain_shift(grain));
}

/* Room for the tables of one zone is an eighth of the zone: state 1/16 at most, owners and descriptors 1/227. */
static void place_zone(const struct cai_geometry *geometry, unsigned number, const uint64_t random[2])
{
    struct cai_zone *zone = &cai_zones[number];
    struct cai_view *view = &cai_sealed.view[number];
    uintptr_t zone_bytes = (uintptr_t)1 << (geometry->shift - 1);
    uintptr_t tables = geometry->tables + number * (zone_bytes / 8);
    uintptr_t slack = zone_bytes / 8; /* of the zone given up to randomness; the tables have as much, scaled */
    uintptr_t offset = random[0] % slack & ~(2 * CAI_MIB - 1);

    /* Tables first to last: state, descriptors, owners; colours keep them off each other's cache
     * sets. */
    view->origin = geometry->places + number * zone_bytes + offset;
    view->state =
        (uint8_t *)(tables + (random[1] % (zone_bytes / 256) & ~(CAI_PAGE_BYTES_MAX - 1)) + CAI_PAGE_BYTES_MAX);
    view->units = (struct cai_unit *)(tables + zone_bytes / 16 + zone_bytes / 64 + CAI_PAGE_BYTES_MAX);
    view->owner = (struct cai_owned *)(tables + zone_bytes / 16 + zone_bytes / 32 + CAI_PAGE_BYTES_MAX);
    view->granules = 0;
    *zone = (struct cai_zone){.number = (uint8_t)number, .frontier = 1};
    cai_lock_set_rank(&zone->lock, CAI_RANK_ZONE);
    zone->units_max = (uint32_t)((zone_bytes - slack) >> CAI_UNIT_SHIFT);
}

static bool map_table(void *table, size_t from, size_t to)
{
    uintptr_t begin = cai_round_up((uintptr_t)table + from, cai_settings->page_bytes);
    uintptr_t end = cai_round_up((uintptr_t)table + to, cai_settings->page_bytes);

    if (begin == end)
        return true;
    if (cai_os_map(begin, end - begin, false) != CAI_MAP_DONE)
        return false;
    cai_os_name(begin, end - begin, "capalloc: tables");
    return true;
}

static void unmap_table(void *table, size_t from, size_t to)
{
    uintptr_t begin = cai_round_up((uintptr_t)table + from, cai_settings->page_bytes);
    uintptr_t end = cai_round_up((uintptr_t)table + to, cai_settings->page_bytes);

    if (begin != end)
        cai_os_unmap(begin, end - begin);
}

static bool map_tables(const struct cai_view *view, enum cai_grain grain, size_t from, size_t to)
{
    if (!map_table(view->state, state_bytes(grain, from), state_bytes(grain, to)))
        return false;
    if (map_table(view->units, from * sizeof *view->units, to * sizeof *view->units)) {
        if (map_table(view->owner, from * sizeof *view->owner, to * sizeof *view->owner))
            return true;
        unmap_table(view->units, from * sizeof *view->units, to * sizeof *view->units);
    }
    unmap_table(view->state, state_bytes(grain, from), state_bytes(grain, to));
    return false;
}

/* All three tables or none. No more than that: what is mapped ahead would be missed where memory is short. */
uint32_t cai_zone_map_tables(struct cai_zone *zone, uint32_t units)
{
    size_t to = (size_t)units + 1; /* the last unit is never used: behind a state byte that somebody reads is another */

    if (to <= zone->units_table)
        return zone->units_table;
    if (to > zone->units_max)
        return 0;
    zone->units_mapped = (uint32_t)to;
    cai_fence_for_compiler();
    if (!map_tables(cai_view_of(zone->number), cai_zone_grain(zone->number), zone->units_table, to))
        zone->units_mapped = 0;
    return zone->units_mapped;
}

void cai_zone_unmap_tables(struct cai_zone *zone, uint32_t mapped)
{
    const struct cai_view *view = cai_view_of(zone->number);
    enum cai_grain grain = cai_zone_grain(zone->number);
    size_t from = zone->units_table;
    size_t to = mapped;

    unmap_table(view->state, state_bytes(grain, from), state_bytes(grain, to));
    unmap_table(view->units, from * sizeof *view->units, to * sizeof *view->units);
    unmap_table(view->owner, from * sizeof *view->owner, to * sizeof *view->owner);
    cai_fence_for_compiler();
    zone->units_mapped = 0;
}

/* What the view says follows from how many units have tables, which is written first. */
static void show(const struct cai_zone *zone)
{
    size_t granules = zone->units_table == 0 ? 0 : state_bytes(cai_zone_grain(zone->number), zone->units_table - 1);

    cai_store_release(&cai_sealed.view[zone->number].granules, granules);
}

bool cai_zone_show_tables(struct cai_zone *zone, uint32_t mapped)
{
    if (mapped == zone->units_table)
        return true;
    cai_lock_take(&seal_lock);
    bool opened = cai_sealed_open(&cai_sealed);
    if (opened) {
        zone->units_table = mapped;
        cai_fence_for_compiler();
        zone->units_mapped = 0;
        show(zone);
        cai_sealed_close(&cai_sealed);
    }
    cai_lock_give(&seal_lock);
    return opened;
}

void cai_zone_repair_tables(struct cai_zone *zone)
{
    if (zone->units_mapped > zone->units_table)
        cai_zone_unmap_tables(zone, zone->units_mapped);
}

void cai_zone_repair_seal(void)
{
    if (cai_lock_inherit(&seal_lock) != CAI_LOCK_LOST)
        return;
    if (cai_sealed_open(&cai_sealed)) {
        for (unsigned number = 0; number < CAI_ZONES; number++)
            show(&cai_zones[number]);
        cai_sealed_close(&cai_sealed);
    }
    cai_lock_repaired(&seal_lock);
}

/* Free addresses at the start of the tables and at the end of each place. The first stays mapped: it marks the
 * engine. */
static bool geometry_fits(const struct cai_geometry *geometry)
{
    uintptr_t place_bytes = (uintptr_t)1 << geometry->shift;
    size_t page = cai_os_page_size();
    bool fits = cai_os_map(geometry->tables, page, false) == CAI_MAP_DONE;

    if (!fits)
        return false;
    for (unsigned i = 1; fits && i <= CAI_PLACES; i++) {
        uintptr_t probe = geometry->places + i * place_bytes - page;
        fits = cai_os_map(probe, page, false) == CAI_MAP_DONE && cai_os_unmap(probe, page);
    }
    if (!fits)
        cai_os_unmap(geometry->tables, page);
    return fits;
}

/* Two engines in one process would each take the other's blocks for foreign ones. */
static const uint64_t engine_mark = UINT64_C(0x656e69676e656163); /* "caengine" */

static uintptr_t marked; /* the first of the tables, once they are ours */

void cai_pages_reopen(void)
{
    cai_sealed_open(&cai_sealed);
    if (marked != 0)
        cai_os_unmap(marked, cai_os_page_size());
    cai_fence_for_compiler();
    marked = 0;
}

enum cai_pages_start cai_pages_start(void)
{
    const struct cai_geometry *geometry = cai_geometries;
    uint64_t random[2 * CAI_ZONES + 2];

    while (!geometry_fits(geometry)) {
        enum cai_holds mark = cai_os_holds(geometry->tables, engine_mark);
        if (mark != CAI_HOLDS_NOT)
            return mark == CAI_HOLDS ? CAI_PAGES_SECOND_ENGINE : CAI_PAGES_UNKNOWN_ENGINE;
        if (++geometry == cai_geometries + CAI_GEOMETRIES)
            return CAI_PAGES_NO_ADDRESSES;
    }
    marked = geometry->tables;
    cai_fence_for_compiler(); /* first: where the mark is seen, a child knows that it is its own */
    *(uint64_t *)geometry->tables = engine_mark;
    cai_os_random_words(random, sizeof random / sizeof random[0]);
    cai_sealed.secret = random[2 * CAI_ZONES] | 2; /* neither the 0 nor the 1 from before the start */
    cai_sealed.places = geometry->places;
    cai_sealed.shift = geometry->shift;
    cai_sealed.mappings_max = cai_settings->mappings_max;
    for (unsigned number = 0; number < CAI_ZONES; number++)
        place_zone(geometry, number, &random[2 * number]);
    /* The second half of the tables: metadata, and at its end the annex. */
    uintptr_t half = (uintptr_t)1 << (geometry->shift - 1);
    uintptr_t annex = ((uintptr_t)CAI_PLACES << geometry->shift) / 64;
    cai_sealed.annex = geometry->tables + 2 * half - annex;
    cai_meta_start(geometry->tables + half, half - annex, random[2 * CAI_ZONES + 1]);
    cai_sealed_close(&cai_sealed);
    return CAI_PAGES_STARTED;
}
