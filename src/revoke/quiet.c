/* See quiet.h. The page of the watcher's own tells whether its descriptor is still the one that was opened: a program
 * may close descriptors that it does not know, and open others with their numbers.
 */
#include "revoke/quiet.h"

#include "base/bits.h"
#include "core/settings.h"
#include "os/inspect.h"
#include "os/os.h"
#include "os/watch.h"
#include "revoke/dirty.h"
#include "revoke/scan.h"

/* Smaller heaps are read sooner than they are written to again. */
#define HEAP_BYTES_MIN (64 * CAI_MIB)

enum { LISTED_AT_ONCE = 1024, LIST_BYTES = CAI_PAGE_BYTES_MAX, ZONES = CAI_GRAINS };
_Static_assert(LISTED_AT_ONCE * sizeof(struct cai_os_pages) <= LIST_BYTES, "the list has room");

/* After a unit was protected and written to, so many sweeps pass before it is protected again: a write to a protected
 * page takes three times as long as reading it. */
enum { PAUSE_FIRST = 3, PAUSE_MAX = 63 };

/* Of a unit. */
struct quiet_unit {
    struct cai_regions regions; /* that the words of its protected pages point to, and perhaps others */
    uint8_t protected;
    uint8_t written; /* it had pages that were not protected, in this sweep */
    uint8_t pause;   /* sweeps until it may be protected again */
    uint8_t pause_next;
};

static struct cai_regions candidates;

static struct {
    int watcher, pages; /* -1: none */
    uintptr_t probe;    /* a page that the watcher watches as long as it is open */
    struct quiet_unit *units[ZONES];
    struct cai_os_pages *list; /* of addresses, so where no sweep looks */
} quiet = {.watcher = -1, .pages = -1};

/* A region of 1 MiB or more: a heap below HEAP_BYTES_MIN needs no longer ones. */
uint8_t cai_region_shift[2] = {20, 20};

static size_t bytes_of(unsigned grain);

static void forget_units(void)
{
    for (unsigned grain = 0; grain < ZONES; grain++) {
        if (quiet.units[grain] != NULL)
            cai_os_unmap_anywhere(quiet.units[grain], bytes_of(grain));
        quiet.units[grain] = NULL;
    }
}

/* With the heap regions get longer. What is known by shorter ones is forgotten, and all is read once more. */
static void fit_regions(void)
{
    bool fits = true;

    for (unsigned number = 0; number < CAI_ZONES; number++) {
        uint8_t *shift = &cai_region_shift[number / CAI_GRAINS & 1];
        size_t bytes = (size_t)cai_load_relaxed(&cai_zones[number].frontier) << CAI_UNIT_SHIFT;
        for (; bytes >> *shift > 64; fits = false)
            ++*shift;
    }
    if (!fits) {
        cai_quiet_drop();
        forget_units();
    }
}

void cai_quiet_forget_candidates(void)
{
    candidates = (struct cai_regions){0, 0};
    fit_regions();
}

/* Without its address: what is left of that on the stack would keep its first block. */
void cai_quiet_note_candidates(const struct cai_unit *run)
{
    uintptr_t first = cai_view_of(run->zone)->origin - cai_sealed.places;
    uintptr_t begin = first + ((uintptr_t)cai_unit_number(run) << CAI_UNIT_SHIFT);
    uintptr_t last = begin + ((uintptr_t)run->units << CAI_UNIT_SHIFT);
    unsigned shift = cai_region_shift[cai_region_is_data(begin)];

    for (uintptr_t at = begin; at <= last; at = ((at >> shift) + 1) << shift)
        candidates = cai_regions_both(candidates, cai_region_of(at));
}

/* --- the watcher --- */

/* Returns what the kernel says of the page, 0: it says nothing. */
static uint64_t kinds_of(uintptr_t page)
{
    struct cai_os_pages one;
    uintptr_t at = page;

    return cai_os_pages(quiet.pages, CAI_ASK, &at, page + cai_settings->page_bytes, &one, 1) == 1 ? one.kinds : 0;
}

/* It is a watcher, and that of the page. */
static bool is_still_ours(void)
{
    return (kinds_of(quiet.probe) & CAI_PAGES_WATCHED) != 0 &&
           cai_os_watch(quiet.watcher, quiet.probe, quiet.probe + cai_settings->page_bytes);
}

static const struct cai_zone *zone_of(unsigned grain)
{
    return &cai_zones[cai_zone_number(CAI_PLACE_ordinary, (enum cai_grain)grain)];
}

static size_t bytes_of(unsigned grain)
{
    return cai_round_up(zone_of(grain)->units_max * sizeof(struct quiet_unit), CAI_PAGE_BYTES_MAX);
}

static bool make_units(void)
{
    for (unsigned grain = 0; grain < ZONES; grain++) {
        if (quiet.units[grain] == NULL)
            quiet.units[grain] = cai_os_map_anywhere(bytes_of(grain));
        if (quiet.units[grain] == NULL)
            return false;
    }
    if (quiet.list == NULL)
        quiet.list = cai_os_map_anywhere(LIST_BYTES);
    if (quiet.list == NULL)
        return false;
    if (quiet.probe == 0) {
        quiet.probe = (uintptr_t)cai_os_map_anywhere(cai_settings->page_bytes);
        if (quiet.probe != 0)
            *(volatile char *)quiet.probe = 1;
    }
    return quiet.probe != 0;
}

static bool open_watcher(void)
{
    quiet.watcher = cai_os_watch_open_for_long();
    if (quiet.watcher >= 0 && cai_dirty_works(quiet.watcher, quiet.pages) &&
        cai_os_watch(quiet.watcher, quiet.probe, quiet.probe + cai_settings->page_bytes))
        return true;
    if (quiet.watcher >= 0)
        cai_os_close(quiet.watcher);
    quiet.watcher = -1;
    return false;
}

static bool is_large_enough(void)
{
    size_t units = 0;

    for (unsigned grain = 0; grain < ZONES; grain++)
        units += cai_load_relaxed(&zone_of(grain)->used_units);
    return units >= HEAP_BYTES_MIN >> CAI_UNIT_SHIFT;
}

void cai_quiet_end(void)
{
    if (quiet.pages >= 0)
        cai_os_close(quiet.pages);
    quiet.pages = -1;
}

bool cai_quiet_begin(void)
{
    if (!is_large_enough() || !make_units())
        return false;
    quiet.pages = cai_os_open("/proc/self/pagemap");
    if (quiet.pages < 0)
        return false;
    if (quiet.watcher >= 0 && !is_still_ours())
        quiet.watcher = -1; /* its number is somebody else's */
    if (quiet.watcher >= 0 || open_watcher())
        return true;
    cai_quiet_end();
    return false;
}

void cai_quiet_drop(void)
{
    if (quiet.watcher < 0)
        return;
    quiet.pages = cai_os_open("/proc/self/pagemap");
    if (is_still_ours())
        cai_os_close(quiet.watcher);
    quiet.watcher = -1;
    cai_quiet_end();
}

/* --- reading --- */

static struct {
    struct quiet_unit *of;
    struct cai_regions regions;
    bool passed, written; /* some of it was passed over; was not protected */
} unit;

/* What was passed over is part of what was known. */
static void end_unit(void)
{
    struct quiet_unit *of = unit.of;

    if (of == NULL)
        return;
    of->regions = unit.passed ? cai_regions_both(of->regions, unit.regions) : unit.regions;
    of->written = unit.written;
    if (unit.written && of->protected) {
        of->protected = false;
        of->pause = of->pause_next = (uint8_t)cai_min(of->pause_next * 2 + PAUSE_FIRST, PAUSE_MAX);
    } else if (unit.written && of->pause != 0) {
        of->pause--;
    }
    unit.of = NULL;
}

static void begin_unit(struct quiet_unit *of)
{
    if (unit.of == of)
        return;
    end_unit();
    unit.of = of;
    unit.regions = (struct cai_regions){0, 0};
    unit.passed = unit.written = false;
}

/* Pages in a row of one kind. */
static void read_pages(struct quiet_unit *units, uintptr_t origin, const struct cai_os_pages *pages, uint64_t *read,
                       uint64_t *passed)
{
    bool is_protected = (pages->kinds & (CAI_PAGES_WATCHED | CAI_PAGES_WRITTEN)) == CAI_PAGES_WATCHED;

    if ((pages->kinds & CAI_PAGES_ZERO) != 0)
        return;
    for (uintptr_t at = pages->begin, end; at < pages->end; at = end) {
        size_t number = (at - origin) >> CAI_UNIT_SHIFT;
        end = cai_min(pages->end, origin + ((number + 1) << CAI_UNIT_SHIFT));
        bool clean = is_protected && units[number].protected;
        begin_unit(&units[number]);
        if (clean && !cai_regions_meet(units[number].regions, candidates)) {
            unit.passed = true;
            *passed += end - at;
        } else {
            unit.regions = cai_regions_both(unit.regions, cai_scan_noting((const void *)at, end - at));
            unit.written = unit.written || !clean;
            *read += end - at;
        }
    }
}

/* All of it is alive, and nothing waits near by: a run in which slots wait or are free will be written to soon. */
static bool is_settled(const struct cai_unit *run)
{
    if (cai_regions_meet(cai_region_of(cai_unit_address(run) - cai_sealed.places), candidates))
        return false;
    if (cai_load_relaxed(&run->kind) == CAI_UNIT_SLAB)
        return !run->waits && run->used == run->slots;
    return cai_load_relaxed(&run->kind) == CAI_UNIT_LARGE;
}

static void protect(uintptr_t begin, uintptr_t end)
{
    while (begin < end && cai_os_pages(quiet.pages, CAI_ASK_PROTECT, &begin, end, quiet.list, LISTED_AT_ONCE) >= 0)
        ;
}

/* What has just been read and would not have had to be, for the next time. Nobody has written to it since: the world
 * stands still. */
static void protect_settled(const struct cai_view *view, struct quiet_unit *units, uintptr_t begin, uintptr_t end)
{
    uint32_t last = (uint32_t)((end - view->origin) >> CAI_UNIT_SHIFT);
    uint32_t from = 0;

    for (uint32_t head = (uint32_t)((begin - view->origin) >> CAI_UNIT_SHIFT); head < last;
         head += view->units[head].units) {
        bool settled = is_settled(view->units + head);
        for (uint32_t at = head; at < head + view->units[head].units; at++) {
            struct quiet_unit *of = &units[at];
            bool worth_it = settled && of->written && of->pause == 0 && !cai_regions_meet(of->regions, candidates);
            of->protected = of->protected || worth_it;
            of->written = false;
            if (worth_it && from == 0)
                from = at;
            if (!worth_it && from != 0) {
                protect(view->origin + ((uintptr_t)from << CAI_UNIT_SHIFT),
                        view->origin + ((uintptr_t)at << CAI_UNIT_SHIFT));
                from = 0;
            }
        }
    }
    if (from != 0)
        protect(view->origin + ((uintptr_t)from << CAI_UNIT_SHIFT), end);
}

/* All of it, that its mappings stay one. */
bool cai_quiet_watch(struct cai_zone *zone)
{
    uintptr_t begin = cai_view_of(zone->number)->origin;

    return quiet.pages >= 0 && zone->number / CAI_GRAINS == CAI_PLACE_ordinary && zone->frontier > 1 &&
           cai_os_watch(quiet.watcher, begin + CAI_UNIT_BYTES, begin + ((uintptr_t)zone->frontier << CAI_UNIT_SHIFT));
}

bool cai_quiet_scan(unsigned zone, uintptr_t begin, uintptr_t end, uint64_t *read, uint64_t *passed)
{
    const struct cai_view *view = cai_view_of(zone);
    struct quiet_unit *units = quiet.units[zone % CAI_GRAINS];

    for (uintptr_t at = begin; at < end;) {
        long count = cai_os_pages(quiet.pages, CAI_ASK, &at, end, quiet.list, LISTED_AT_ONCE);
        for (long i = 0; i < count; i++)
            read_pages(units, view->origin, &quiet.list[i], read, passed);
        if (count < 0) {
            unit.of = NULL;
            return false;
        }
    }
    end_unit();
    protect_settled(view, units, begin, end);
    return true;
}

bool cai_quiet_owns(uintptr_t begin)
{
    if (quiet.list == NULL)
        return false;
    for (unsigned grain = 0; grain < ZONES; grain++)
        if (quiet.units[grain] != NULL && begin - (uintptr_t)quiet.units[grain] < bytes_of(grain))
            return true;
    return begin - quiet.probe < cai_settings->page_bytes || begin - (uintptr_t)quiet.list < LIST_BYTES;
}

void cai_quiet_repair(void)
{
    forget_units();
    if (quiet.watcher >= 0 && cai_os_watch(quiet.watcher, quiet.probe, quiet.probe + cai_settings->page_bytes))
        cai_os_close(quiet.watcher); /* of the parent, whose page that is */
    quiet.watcher = -1;
    cai_quiet_end();
}
