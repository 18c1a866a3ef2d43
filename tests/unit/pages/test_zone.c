/* Zones: tables cover exactly what they claim, granules of addresses, and what somebody else has mapped is stepped
 * over. */
#include "unit/unit.h"

#include "os/os.h"
#include "pages/geometry.h"
#include "support/audit.h"
#include "support/pages.h"
#include "support/process.h"

#include <signal.h>
#include <string.h>

/* Every byte of what was promised can be written, and what lies before it and behind it is still free to be mapped: who
 * runs past it meets nothing. */
static void check_table(void *table, size_t bytes, size_t bytes_of_all)
{
    size_t page = cai_settings->page_bytes;
    uintptr_t end = cai_round_up((uintptr_t)table + bytes, page);

    require((uintptr_t)table % CAI_PAGE_BYTES_MAX == 0);
    require(cai_os_map((uintptr_t)table - page, page, false) == CAI_MAP_DONE);
    require(cai_os_unmap((uintptr_t)table - page, page));
    for (uintptr_t at = (uintptr_t)table; at < end; at += page)
        require(cai_os_map(at, page, false) == CAI_MAP_TAKEN);
    memset(table, 0xff, bytes);
    memset(table, 0, bytes);
    if (bytes < bytes_of_all) {
        require(cai_os_map(end, page, false) == CAI_MAP_DONE);
        require(cai_os_unmap(end, page));
    }
}

CHILD_TEST(test_H7_tables_cover_exactly_and_lie_alone, 60)
{
    static const uint32_t steps[] = {1, 2, 1000, 4096, 4097, 12000, 80000};

    start_pages();
    for (unsigned number = 0; number < CAI_ZONES; number++) {
        struct cai_zone *zone = &cai_zones[number];
        const struct cai_view *view = cai_view_of(number);
        unsigned shift = CAI_UNIT_SHIFT - cai_grain_shift(cai_zone_grain(number));
        require(view->granules == 0 && zone->units_table == 0);
        for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
            require(cai_zone_extend_tables(zone, steps[i]));
            require(zone->units_table > steps[i] && zone->units_table <= zone->units_max);
            require(view->granules == (size_t)(zone->units_table - 1) << shift); /* the last unit is never used */
        }
        size_t units = zone->units_table;
        size_t all = zone->units_max;
        check_table(view->state, units << shift, all << shift);
        check_table(view->units, units * sizeof *view->units, all * sizeof *view->units);
        check_table(view->owner, units * sizeof *view->owner, all * sizeof *view->owner);
        require(!cai_zone_extend_tables(zone, zone->units_max + 1));
        require(zone->units_table == units);
    }
}

/* Tables that were mapped and not shown are gone again, and nobody has seen them. */
CHILD_TEST(test_D9_tables_that_are_not_shown_go_back, 60)
{
    static const uint32_t shown[] = {0, 1, 100, 5000};

    start_pages();
    struct cai_zone *zone = &cai_zones[1];
    for (unsigned i = 0; i < sizeof shown / sizeof *shown; i++) {
        require(cai_zone_extend_tables(zone, shown[i]));
        uint32_t before = zone->units_table;
        size_t granules = cai_view_of(1)->granules;
        struct process process = process_look();
        require(cai_zone_map_tables(zone, before - 1) == before);
        require(process_is(&process));
        for (uint32_t more = 1; more < 1000000; more = more * 3 - 1) {
            require(cai_zone_map_tables(zone, before + more) == before + more + 1);
            require(zone->units_table == before && cai_view_of(1)->granules == granules);
            if (more % 2 == 0)
                cai_zone_unmap_tables(zone, before + more + 1);
            else
                cai_zone_repair_tables(zone); /* as in a child of who went no further */
            require(process_is(&process));
        }
        cai_zone_repair_tables(zone);
        require(process_is(&process) && zone->units_table == before);
    }
}

CHILD_TEST(test_granules_of_addresses, 60)
{
    start_pages();
    for (unsigned number = 0; number < CAI_ZONES; number++) {
        enum cai_grain grain = cai_zone_grain(number);
        const struct cai_view *view = cai_view_of(number);
        size_t step = (size_t)1 << cai_grain_shift(grain);
        require(cai_zone_extend_tables(&cai_zones[number], 10));
        for (size_t i = 0; i < view->granules; i += 1 + i / 3) {
            char *address = (char *)view->origin + i * step;
            require(cai_granule_of(view, grain, address) == i);
            require(cai_unit_of_granule(grain, i) == i * step >> CAI_UNIT_SHIFT);
            for (size_t inside = 1; inside < step; inside++)
                require(cai_granule_of(view, grain, address + inside) >= view->granules);
        }
        require(cai_granule_of(view, grain, (char *)view->origin - step) >= view->granules);
        require(cai_granule_of(view, grain, (char *)view->origin - 1) >= view->granules);
        require(cai_granule_of(view, grain, (char *)view->origin + view->granules * step) >= view->granules);
        require(cai_granule_of(view, grain, NULL) >= view->granules);
        require(cai_granule_of(view, grain, (void *)UINTPTR_MAX) >= view->granules);
    }
}

/* A unit so many units beyond the frontier belongs to somebody else, who must find it as it was. */
static const uint32_t offsets[] = {0, 1, 2, 7, 15, 16, 17, 40, 100};

CHILD_TEST_EACH(test_foreign_mapping_is_stepped_over, 60, offsets)
{
    struct cai_zone *zone = &cai_zones[1];
    struct cai_unit *runs[64];

    start_pages();
    char *foreign = (char *)cai_view_of(1)->origin + ((size_t)(1 + value) << CAI_UNIT_SHIFT);
    require(cai_os_map((uintptr_t)foreign, CAI_UNIT_BYTES, false) == CAI_MAP_DONE);
    memset(foreign, 0x5a, CAI_UNIT_BYTES);
    for (unsigned i = 0; i < 64; i++) {
        runs[i] = cai_run_take(zone, 1 + i % 5, 1, CAI_UNIT_LARGE);
        require(runs[i] != NULL);
        cai_run_publish(runs[i], CAI_UNIT_LARGE, 1);
        char *start_of_run = (char *)cai_unit_address(runs[i]);
        size_t length = (size_t)runs[i]->units << CAI_UNIT_SHIFT;
        require(start_of_run + length <= foreign || start_of_run >= foreign + CAI_UNIT_BYTES);
        memset(start_of_run, 1, length);
        require_null(audit_zone(1));
    }
    for (unsigned i = 0; i < 64; i++) {
        cai_run_give(runs[i]);
        require_null(audit_zone(1));
    }
    for (size_t i = 0; i < CAI_UNIT_BYTES; i++)
        require(foreign[i] == 0x5a);
}

CHILD_TEST(test_growing_against_a_foreign_mapping, 60)
{
    start_pages();
    struct cai_unit *run = cai_run_take(&cai_zones[1], 300, 1, CAI_UNIT_LARGE);
    require(run != NULL && cai_zones[1].frontier == 301);
    cai_run_publish(run, CAI_UNIT_LARGE, 1);
    uintptr_t end = cai_unit_address(run) + 300 * CAI_UNIT_BYTES;
    require(cai_os_map(cai_round_up(end + 1, CAI_PAGE_BYTES_MAX), CAI_PAGE_BYTES_MAX, false) == CAI_MAP_DONE);
    require(!cai_run_grow(run, 320));
    require(run->units == 300 && run->kind == CAI_UNIT_LARGE);
    require_null(audit_zone(1));
    cai_run_give(run);
    require_null(audit_zone(1));
}

/* What has to be skipped is skipped only if there is something behind it. */
CHILD_TEST(test_D9_nothing_is_skipped_in_vain, 60)
{
    struct cai_zone *zone = &cai_zones[1];

    start_pages();
    struct cai_unit *run = take_run(1, 300);
    uintptr_t end = cai_unit_address(run) + 300 * CAI_UNIT_BYTES;
    require(cai_os_map(cai_round_up(end, CAI_PAGE_BYTES_MAX), CAI_PAGE_BYTES_MAX, false) == CAI_MAP_DONE);
    struct cai_zone before = *zone;
    struct process process = process_look();
    uint32_t most = zone->units_max - zone->frontier;
    require(cai_run_take(zone, most, 1, CAI_UNIT_LARGE) == NULL); /* where it would have to go is no room */
    if (cai_sealed.shift > 40)
        require(cai_run_take(zone, most / 2, 1, CAI_UNIT_LARGE) == NULL); /* nobody has as much */
    require(!cai_run_grow(run, most));
    require(process_is(&process));
    require(zone->frontier == before.frontier && zone->units_table == before.units_table && zone->skips == 0);
    take_run(1, 300);
    require(zone->skips == 1);
}

/* The end of the first geometry is somebody else's: the next one serves, and nothing stays mapped in the first. */
static void start_beside(const void *unused)
{
    const struct cai_geometry *first = &cai_geometries[0];
    uintptr_t last = first->places + ((uintptr_t)CAI_PLACES << first->shift) - CAI_PAGE_BYTES_MAX;

    (void)unused;
    cai_settings_start();
    if (cai_os_map(last, CAI_PAGE_BYTES_MAX, false) == CAI_MAP_SHORT)
        return; /* no such addresses here */
    enum cai_pages_start result = cai_pages_start();
    require(cai_os_map(first->tables, CAI_PAGE_BYTES_MAX, false) != CAI_MAP_TAKEN);
    if (result == CAI_PAGES_NO_ADDRESSES)
        return; /* a sanitizer has the rest */
    require(result == CAI_PAGES_STARTED && cai_sealed.places != first->places && cai_sealed.shift < first->shift);
    struct cai_unit *run = cai_run_take(&cai_zones[1], 10, 1, CAI_UNIT_LARGE);
    require(run != NULL);
    cai_run_publish(run, CAI_UNIT_LARGE, 1);
    require_null(audit_zone(1));
}

static void start_twice(const void *unused)
{
    (void)unused;
    start_pages();
    uintptr_t places = cai_sealed.places;
    require(cai_pages_start() == CAI_PAGES_SECOND_ENGINE);
    require(cai_sealed.places == places);
}

static void test_D3_second_engine_is_noticed(void **state)
{
    (void)state;
    assert_child(60, start_twice, NULL);
}

static void test_next_geometry_when_one_is_taken(void **state)
{
    (void)state;
#if defined(__SANITIZE_THREAD__)
    skip(); /* the sanitizer's shadow has taken the first one already */
#endif
    assert_child(60, start_beside, NULL);
}

static void write_to_views(const void *unused)
{
    (void)unused;
    start_pages();
    *(volatile uintptr_t *)&cai_sealed.places = 0;
}

static void test_H7_views_are_sealed(void **state)
{
    struct child child;

    (void)state;
    child_run(&child, 60, write_to_views, NULL);
    assert_int_not_equal(child.status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_H7_tables_cover_exactly_and_lie_alone),
        cmocka_unit_test(test_D9_tables_that_are_not_shown_go_back),
        cmocka_unit_test(test_granules_of_addresses),
        cmocka_unit_test(test_foreign_mapping_is_stepped_over),
        cmocka_unit_test(test_growing_against_a_foreign_mapping),
        cmocka_unit_test(test_D9_nothing_is_skipped_in_vain),
        cmocka_unit_test(test_next_geometry_when_one_is_taken),
        cmocka_unit_test(test_D3_second_engine_is_noticed),
        cmocka_unit_test(test_H7_views_are_sealed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
