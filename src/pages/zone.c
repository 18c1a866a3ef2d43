/* Zones at start and in growth: choosing the geometry, placing each zone and its tables at random within it, and making
 * the tables longer before the zone needs them.
 */
#include "pages/zone.h"

#include "os/os.h"
#include "pages/geometry.h"
#include "pages/meta.h"

struct cai_zone cai_zones[CAI_ZONES] = {[0 ... CAI_ZONES - 1] = {.lock = CAI_LOCK_INIT(CAI_RANK_ZONE)}};
struct cai_sealed_views cai_sealed = {.secret = 1};

/* Opening the seal is exclusive: another zone that grows must not find it closed again. */
static struct cai_lock seal_lock = CAI_LOCK_INIT(CAI_RANK_SEAL);

/* Tables grow by half, so that their number of mappings stays small; the first step covers 64 MiB. */
enum { TABLE_UNITS_MIN = 1 << (26 - CAI_UNIT_SHIFT) };

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

/* Room for the tables of one zone is an eighth of the zone: state 1/16 at most, owners and descriptors 1/240. */
static void place_zone(const struct cai_geometry *geometry, unsigned number)
{
    struct cai_zone *zone = &cai_zones[number];
    struct cai_view *view = &cai_sealed.view[number];
    uintptr_t zone_bytes = (uintptr_t)1 << (geometry->shift - 1);
    uintptr_t tables = geometry->tables + number * (zone_bytes / 8);
    uintptr_t slack = zone_bytes / 8; /* of the zone given up to randomness; the tables have as much, scaled */
    uintptr_t offset = cai_os_random() % slack & ~(2 * CAI_MIB - 1);

    /* Tables first to last: state, descriptors, owners; colours keep them off each other's cache
     * sets. */
    view->origin = geometry->places + number * zone_bytes + offset;
    view->state =
        (uint8_t *)(tables + (cai_os_random() % (zone_bytes / 256) & ~(CAI_PAGE_BYTES_MAX - 1)) + CAI_PAGE_BYTES_MAX);
    view->units = (struct cai_unit *)(tables + zone_bytes / 16 + zone_bytes / 64 + CAI_PAGE_BYTES_MAX);
    view->owner = (uint32_t *)(tables + zone_bytes / 16 + zone_bytes / 32 + CAI_PAGE_BYTES_MAX);
    view->granules = 0;
    *zone = (struct cai_zone){.number = (uint8_t)number, .frontier = 1};
    cai_lock_set_rank(&zone->lock, CAI_RANK_ZONE);
    zone->units_max = (uint32_t)((zone_bytes - slack) >> CAI_UNIT_SHIFT);
}

static bool map_table(void *table, size_t from, size_t to)
{
    uintptr_t begin = cai_round_up((uintptr_t)table + from, CAI_PAGE_BYTES_MAX);
    uintptr_t end = cai_round_up((uintptr_t)table + to, CAI_PAGE_BYTES_MAX);

    if (begin == end)
        return true;
    if (cai_os_map(begin, end - begin, false) != CAI_MAP_DONE)
        return false;
    cai_os_name(begin, end - begin, "capalloc: tables");
    return true;
}

static void unmap_table(void *table, size_t from, size_t to)
{
    uintptr_t begin = cai_round_up((uintptr_t)table + from, CAI_PAGE_BYTES_MAX);
    uintptr_t end = cai_round_up((uintptr_t)table + to, CAI_PAGE_BYTES_MAX);

    if (begin != end)
        cai_os_unmap(begin, end - begin);
}

static void unmap_tables(const struct cai_view *view, enum cai_grain grain, size_t from, size_t to)
{
    unmap_table(view->state, state_bytes(grain, from), state_bytes(grain, to));
    unmap_table(view->units, from * sizeof *view->units, to * sizeof *view->units);
    unmap_table(view->owner, from * sizeof *view->owner, to * sizeof *view->owner);
}

/* All three tables or none. */
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

bool cai_zone_extend_tables(struct cai_zone *zone, uint32_t units)
{
    struct cai_view *view = &cai_sealed.view[zone->number];
    enum cai_grain grain = cai_zone_grain(zone->number);

    if (units < zone->units_table)
        return true;
    units++; /* the last unit has tables and is never used: a state byte that somebody reads has another behind it */
    if (units > zone->units_max)
        return false;
    size_t wanted = cai_max(cai_max(units, TABLE_UNITS_MIN), zone->units_table + zone->units_table / 2);
    wanted = cai_min(cai_round_up(wanted, TABLE_UNITS_MIN), zone->units_max);
    if (!map_tables(view, grain, zone->units_table, wanted)) {
        wanted = units;
        if (!map_tables(view, grain, zone->units_table, wanted))
            return false;
    }
    cai_lock_take(&seal_lock);
    bool opened = cai_sealed_open(&cai_sealed);
    if (opened) {
        cai_store_release(&view->granules, state_bytes(grain, wanted - 1));
        cai_sealed_close(&cai_sealed);
        zone->units_table = (uint32_t)wanted;
    }
    cai_lock_give(&seal_lock);
    if (!opened)
        unmap_tables(view, grain, zone->units_table, wanted);
    return opened;
}

void cai_zone_repair_seal(void)
{
    if (cai_lock_inherit(&seal_lock) == CAI_LOCK_LOST)
        cai_sealed_close(&cai_sealed);
}

/* Free addresses at the start of the tables and at the end of each place. The first stays mapped: it marks the
 * engine. */
static bool geometry_fits(const struct cai_geometry *geometry)
{
    uintptr_t place_bytes = (uintptr_t)1 << geometry->shift;
    bool fits = cai_os_map(geometry->tables, CAI_PAGE_BYTES_MAX, false) == CAI_MAP_DONE;

    if (!fits)
        return false;
    for (unsigned i = 1; fits && i <= CAI_PLACES; i++) {
        uintptr_t probe = geometry->places + i * place_bytes - CAI_PAGE_BYTES_MAX;
        fits = cai_os_map(probe, CAI_PAGE_BYTES_MAX, false) == CAI_MAP_DONE && cai_os_unmap(probe, CAI_PAGE_BYTES_MAX);
    }
    if (!fits)
        cai_os_unmap(geometry->tables, CAI_PAGE_BYTES_MAX);
    return fits;
}

/* Two engines in one process would each take the other's blocks for foreign ones. */
static const uint64_t engine_mark = UINT64_C(0x656e69676e656163); /* "caengine" */

static uintptr_t marked; /* the first of the tables, once they are ours */

void cai_pages_reopen(void)
{
    cai_sealed_open(&cai_sealed);
    if (marked != 0)
        cai_os_unmap(marked, CAI_PAGE_BYTES_MAX);
}

enum cai_pages_start cai_pages_start(void)
{
    const struct cai_geometry *geometry = cai_geometries;

    while (!geometry_fits(geometry)) {
        enum cai_holds mark = cai_os_holds(geometry->tables, engine_mark);
        if (mark != CAI_HOLDS_NOT)
            return mark == CAI_HOLDS ? CAI_PAGES_SECOND_ENGINE : CAI_PAGES_UNKNOWN_ENGINE;
        if (++geometry == cai_geometries + CAI_GEOMETRIES)
            return CAI_PAGES_NO_ADDRESSES;
    }
    marked = geometry->tables;
    *(uint64_t *)geometry->tables = engine_mark;
    cai_sealed.secret = cai_os_random() | 2; /* neither the 0 nor the 1 from before the start */
    cai_sealed.places = geometry->places;
    cai_sealed.shift = geometry->shift;
    for (unsigned number = 0; number < CAI_ZONES; number++)
        place_zone(geometry, number);
    /* The second half of the tables: metadata, and at its end the annex. */
    uintptr_t half = (uintptr_t)1 << (geometry->shift - 1);
    uintptr_t annex = ((uintptr_t)CAI_PLACES << geometry->shift) / 64;
    cai_sealed.annex = geometry->tables + 2 * half - annex;
    cai_meta_start(geometry->tables + half, half - annex);
    cai_sealed_close(&cai_sealed);
    return CAI_PAGES_STARTED;
}
