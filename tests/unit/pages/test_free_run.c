/* Free runs: merged, found, cut and ordered by age. No memory is mapped here but the tables: it is bookkeeping. */
#include "unit/unit.h"

#include "pages/free_run.h"
#include "support/audit.h"
#include "support/pages.h"

enum { UNITS = 2000 };

static const enum cai_unit_kind kinds[] = {CAI_UNIT_DIRTY, CAI_UNIT_FRESH, CAI_UNIT_BARE};

static struct cai_zone *zone;

/* Units 1 to UNITS are one run in use, out of which a test makes free ones. */
static void start(void)
{
    start_pages();
    zone = &cai_zones[ORDINARY_COARSE];
    require(cai_zone_extend_tables(zone, UNITS + 1));
    zone->frontier = UNITS + 1;
    cai_run_set(zone, 1, UNITS, CAI_UNIT_LARGE);
}

static struct cai_unit *unit(uint32_t number)
{
    return cai_view_of(ORDINARY_COARSE)->units + number;
}

/* The run is set, ends where it should, and is in its bin if it is free. */
static bool is_run(uint32_t head, uint32_t units, enum cai_unit_kind kind)
{
    return unit(head)->kind == kind && unit(head)->units == units && unit(head)->head == head &&
           unit(head)->zone == ORDINARY_COARSE && unit(head + units - 1)->head == head &&
           (units == 1 || unit(head + units - 1)->kind == CAI_UNIT_INNER) &&
           audit_is_binned(ORDINARY_COARSE, head) == cai_unit_is_free(kind);
}

/* A free run between runs in use. */
static void link_apart(uint32_t head, uint32_t units, enum cai_unit_kind kind)
{
    cai_run_set(zone, head - 1, 1, CAI_UNIT_LARGE);
    cai_run_set(zone, head + units, 1, CAI_UNIT_LARGE);
    cai_free_run_link(zone, head, units, kind);
}

static void test_which_kinds_are_free(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind <= CAI_UNIT_LARGE + 1; kind++)
        assert_int_equal(cai_unit_is_free(kind),
                         kind == CAI_UNIT_DIRTY || kind == CAI_UNIT_FRESH || kind == CAI_UNIT_BARE);
}

/* The free run with this head: of all that is free, nothing else is in any bin. */
static bool is_alone(uint32_t head, uint32_t units, enum cai_unit_kind kind)
{
    uint64_t bins = zone->dirty.occupied | zone->fresh.occupied | zone->bare.occupied;

    return is_run(head, units, kind) && cai_is_power_of_two(bins) && unit(head)->next == 0 && unit(head)->prev == 0;
}

CHILD_TEST_EACH(test_neighbours_of_one_kind_merge, 10, kinds)
{
    start();
    cai_free_run_link(zone, 10, 5, value);
    require(is_alone(10, 5, value));
    cai_free_run_link(zone, 15, 3, value); /* behind it */
    require(is_alone(10, 8, value));
    cai_free_run_link(zone, 6, 4, value); /* before it */
    require(is_alone(6, 12, value));
    cai_free_run_link(zone, 30, 1, value);
    require(is_run(6, 12, value) && is_run(30, 1, value));
    cai_free_run_link(zone, 18, 12, value); /* between two */
    require(is_alone(6, 25, value));
    require(zone->dirty_units == (value == CAI_UNIT_DIRTY ? 25 : 0));
}

CHILD_TEST(test_other_kinds_and_runs_in_use_stay_apart, 10)
{
    start();
    cai_free_run_link(zone, 10, 5, CAI_UNIT_DIRTY);
    cai_free_run_link(zone, 15, 5, CAI_UNIT_FRESH);
    cai_free_run_link(zone, 20, 5, CAI_UNIT_BARE);
    cai_run_set(zone, 25, 5, CAI_UNIT_SLAB);
    cai_run_set(zone, 30, 5, CAI_UNIT_BUSY);
    cai_free_run_link(zone, 35, 5, CAI_UNIT_DIRTY);
    require(is_run(10, 5, CAI_UNIT_DIRTY) && is_run(15, 5, CAI_UNIT_FRESH) && is_run(20, 5, CAI_UNIT_BARE));
    require(is_run(25, 5, CAI_UNIT_SLAB) && is_run(30, 5, CAI_UNIT_BUSY) && is_run(35, 5, CAI_UNIT_DIRTY));
}

/* Nothing is before the first unit, and nothing behind the frontier, whatever an earlier use left in the tables. */
CHILD_TEST_EACH(test_the_ends_of_the_zone, 10, kinds)
{
    start();
    unit(0)->kind = (uint8_t)value;
    unit(0)->units = 1;
    cai_free_run_link(zone, 1, 4, value);
    require(is_alone(1, 4, value));
    unit(UNITS + 1)->kind = (uint8_t)value;
    unit(UNITS + 1)->units = 7;
    cai_free_run_link(zone, UNITS - 3, 4, value);
    require(is_run(UNITS - 3, 4, value));
}

/* Every length is where the audit expects it, on both sides of each bin's boundary. */
CHILD_TEST(test_every_length_has_its_bin, 10)
{
    start();
    for (uint32_t units = 1; units < UNITS; units++) {
        cai_free_run_link(zone, 1, units, CAI_UNIT_FRESH);
        require(is_alone(1, units, CAI_UNIT_FRESH));
        cai_free_run_unlink(zone, unit(1));
        require(zone->fresh.occupied == 0);
        cai_run_set(zone, 1, units, CAI_UNIT_LARGE);
    }
}

CHILD_TEST_EACH(test_cutting_links_what_is_left, 10, kinds)
{
    start();
    cai_free_run_link(zone, 100, 20, value);
    cai_free_run_cut(zone, unit(100), 100, 3); /* its start */
    require(is_run(100, 3, CAI_UNIT_BUSY) && is_alone(103, 17, value));
    cai_free_run_cut(zone, unit(103), 118, 2); /* its end */
    require(is_run(118, 2, CAI_UNIT_BUSY) && is_alone(103, 15, value));
    cai_free_run_cut(zone, unit(103), 107, 4); /* its middle */
    require(is_run(103, 4, value) && is_run(107, 4, CAI_UNIT_BUSY) && is_run(111, 7, value));
    cai_free_run_cut(zone, unit(103), 103, 4); /* all of it */
    require(is_run(103, 4, CAI_UNIT_BUSY) && is_alone(111, 7, value));
    require(zone->dirty_units == (value == CAI_UNIT_DIRTY ? 7 : 0));
}

static uint32_t found(uint32_t count, uint32_t align)
{
    const struct cai_unit *run = cai_free_run_find(zone, CAI_UNIT_FRESH, count, align);

    return run == NULL ? 0 : cai_unit_number(run);
}

CHILD_TEST(test_the_shortest_bin_that_fits_is_cut_from, 10)
{
    static const uint32_t lengths[] = {3, 5, 16, 17, 24, 100};

    start();
    require(found(1, 1) == 0);
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++)
        link_apart(100 + 150 * i, lengths[i], CAI_UNIT_FRESH);
    require(found(1, 1) == 100 && found(3, 1) == 100);
    require(found(4, 1) == 250 && found(5, 1) == 250);
    require(found(6, 1) == 400 && found(16, 1) == 400);
    require(found(17, 1) == 550);
    require(found(18, 1) == 700 && found(24, 1) == 700);
    require(found(25, 1) == 850 && found(100, 1) == 850);
    require(found(101, 1) == 0); /* the same bin, and too short */
    require(cai_free_run_find(zone, CAI_UNIT_DIRTY, 1, 1) == NULL);
    require(cai_free_run_find(zone, CAI_UNIT_BARE, 1, 1) == NULL);
}

/* Of a bin with runs of several lengths, the eight latest are looked at. */
CHILD_TEST(test_a_search_does_not_walk_a_whole_bin, 10)
{
    start();
    link_apart(10, 23, CAI_UNIT_FRESH);
    for (unsigned i = 1; i <= 7; i++)
        link_apart(10 + 50 * i, 17, CAI_UNIT_FRESH);
    require(found(20, 1) == 10);
    link_apart(10 + 50 * 8, 17, CAI_UNIT_FRESH);
    require(found(20, 1) == 0);
}

CHILD_TEST(test_D2_alignment_is_of_addresses, 10)
{
    uintptr_t origin;

    start();
    origin = cai_view_of(ORDINARY_COARSE)->origin >> CAI_UNIT_SHIFT;
    for (uint32_t align = 1; align <= 4096; align *= 2)
        for (uint32_t head = 1; head < 300; head++) {
            uint32_t skip = cai_free_run_skip(zone, head, align);
            require(skip < align && (origin + head + skip) % align == 0);
        }
    uint32_t aligned = 64 + cai_free_run_skip(zone, 64, 64); /* the first such unit from here on */
    link_apart(aligned - 10, 12, CAI_UNIT_FRESH);
    require(found(2, 64) == aligned - 10);
    require(found(3, 64) == 0);
    require(found(12, 1) == aligned - 10);
}

CHILD_TEST(test_dirty_runs_are_ordered_by_age, 10)
{
    start();
    link_apart(100, 1, CAI_UNIT_DIRTY);
    link_apart(200, 2, CAI_UNIT_DIRTY);
    link_apart(300, 3, CAI_UNIT_DIRTY);
    link_apart(400, 4, CAI_UNIT_FRESH);
    link_apart(500, 5, CAI_UNIT_BARE);
    require(zone->oldest == 100 && unit(100)->newer == 200 && unit(200)->newer == 300 && unit(300)->newer == 0);
    require(zone->newest == 300 && unit(300)->older == 200 && unit(200)->older == 100 && unit(100)->older == 0);
    require(zone->dirty_units == 6);
    cai_free_run_link(zone, 101, 9, CAI_UNIT_DIRTY); /* what is merged is as young as its youngest part */
    require(zone->oldest == 200 && zone->newest == 100 && unit(100)->units == 10 && zone->dirty_units == 15);
    cai_free_run_unlink(zone, unit(300)); /* from the middle */
    require(unit(200)->newer == 100 && unit(100)->older == 200);
    cai_free_run_unlink(zone, unit(100)); /* from the end */
    require(zone->oldest == 200 && zone->newest == 200 && unit(200)->newer == 0);
    cai_free_run_unlink(zone, unit(200)); /* the last one */
    require(zone->oldest == 0 && zone->newest == 0 && zone->dirty_units == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_kinds_are_free),
        cmocka_unit_test(test_neighbours_of_one_kind_merge),
        cmocka_unit_test(test_other_kinds_and_runs_in_use_stay_apart),
        cmocka_unit_test(test_the_ends_of_the_zone),
        cmocka_unit_test(test_every_length_has_its_bin),
        cmocka_unit_test(test_cutting_links_what_is_left),
        cmocka_unit_test(test_the_shortest_bin_that_fits_is_cut_from),
        cmocka_unit_test(test_a_search_does_not_walk_a_whole_bin),
        cmocka_unit_test(test_D2_alignment_is_of_addresses),
        cmocka_unit_test(test_dirty_runs_are_ordered_by_age),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
