/* Zones in the child of a fork: what nobody has published is free, and lists follow from the runs. */
#include "unit/unit.h"

#include "pages/repair.h"

#include "pages/run.h"
#include "support/audit.h"
#include "support/pages.h"

#include <string.h>

/* A thread there never was. */
enum { LOST = 1000000 };

static struct cai_zone *const zone = &cai_zones[ORDINARY_COARSE];

/* A run that was being made, ended or given back by a thread that is not there. */
CHILD_TEST(test_D7_abandoned_runs_are_free, 10)
{
    start_pages();
    struct cai_unit *wall = take_run(ORDINARY_COARSE, 3);
    struct cai_unit *run = take_run(ORDINARY_COARSE, 5);
    struct cai_unit *behind = take_run(ORDINARY_COARSE, 2);
    memset(memory_of(run), 1, length_of(run));
    cai_run_withdraw_owned(run);
    run->next = LOST;
    cai_zones_repair(true);
    require(run->kind == CAI_UNIT_BARE && run->units == 5 && wall->kind == CAI_UNIT_LARGE);
    require_null(audit_zone(ORDINARY_COARSE));
    require(cai_run_grow(wall, 8) && *memory_of(run) == 0); /* mapped anew */
    cai_run_give(behind);
    require_null(audit_zone(ORDINARY_COARSE));
}

/* One's own, interrupted by the handler that forked, is left alone. */
CHILD_TEST(test_D7_a_run_of_ones_own_is_left, 10)
{
    start_pages();
    struct cai_unit *run = cai_run_take(zone, 5, 1, CAI_UNIT_LARGE);
    memset(memory_of(run), 1, length_of(run));
    cai_zones_repair(true);
    require(run->kind == CAI_UNIT_BUSY && memory_of(run)[0] == 1);
    cai_run_publish(run, CAI_UNIT_LARGE, 1);
    require_null(audit_zone(ORDINARY_COARSE));
}

/* A lock that was held: lists, ages and counters are made anew, and neighbours of one kind merged. */
CHILD_TEST(test_D7_lists_are_made_anew, 10)
{
    struct cai_unit *runs[8];

    start_pages();
    for (unsigned i = 0; i < 8; i++)
        runs[i] = take_run(ORDINARY_COARSE, 1 + i);
    for (unsigned i = 0; i < 8; i += 2)
        cai_run_give(runs[i]);
    memset(&zone->dirty, 0x55, sizeof zone->dirty);
    zone->oldest = zone->newest = 77;
    zone->dirty_units = zone->used_units = 12345;
    zone->lock.word = LOST;
    cai_zones_repair(false);
    require(zone->lock.word == CAI_LOCK_FREE);
    require_null(audit_zone(ORDINARY_COARSE));
    cai_run_give(runs[3]);
    require_null(audit_zone(ORDINARY_COARSE));
}

/* The frontier is moved last: what lies behind it is not there, and can be used again. */
CHILD_TEST(test_D7_what_was_being_appended_is_not_there, 10)
{
    start_pages();
    take_run(ORDINARY_COARSE, 3);
    uint32_t frontier = zone->frontier;
    require(cai_zone_extend_tables(zone, frontier + 10));
    require(cai_os_map(cai_view_of(ORDINARY_COARSE)->origin + ((uintptr_t)frontier << CAI_UNIT_SHIFT),
                       10 * CAI_UNIT_BYTES, true) == CAI_MAP_DONE);
    zone->mapped_last = frontier;
    zone->mapped_last_units = 10;
    zone->lock.word = LOST;
    cai_zones_repair(false);
    require(zone->frontier == frontier);
    for (unsigned i = 0; i < 100; i++)
        take_run(ORDINARY_COARSE, 1);
    require(zone->frontier < frontier + 200); /* nothing was stepped over */
    require_null(audit_zone(ORDINARY_COARSE));
}

/* A lock of one's own, too. */
CHILD_TEST(test_D7_a_zone_of_ones_own_is_left, 10)
{
    start_pages();
    cai_lock_take(&zone->lock);
    zone->dirty_units = 12345;
    cai_zones_repair(true);
    require(zone->dirty_units == 12345 && zone->lock.word == cai_lock_self());
}

/* There, what others had in hand waits until the lock is given; who has some by then that is a thread of the child
 * keeps it. */
CHILD_TEST(test_D7_runs_in_a_zone_of_ones_own_are_owed, 10)
{
    start_pages();
    struct cai_unit *runs[6];
    for (unsigned i = 0; i < 6; i++)
        runs[i] = take_run(ORDINARY_COARSE, 1 + i);
    cai_run_withdraw_owned(runs[1]);
    cai_run_withdraw_owned(runs[2]); /* neighbours */
    cai_run_withdraw_owned(runs[4]);
    runs[1]->next = runs[2]->next = runs[4]->next = LOST;
    cai_lock_take(&zone->lock);
    cai_zones_repair(true);
    require(runs[1]->kind == CAI_UNIT_BUSY);
    cai_lock_give(&zone->lock);
    cai_run_withdraw_owned(runs[5]);
    runs[5]->next = LOST + 2;
    cai_zones_repair_rest();
    require(runs[1]->kind == CAI_UNIT_BARE && runs[1]->units == 5 && runs[4]->kind == CAI_UNIT_BARE);
    require(runs[0]->kind == CAI_UNIT_LARGE && runs[3]->kind == CAI_UNIT_LARGE && runs[5]->kind == CAI_UNIT_BUSY);
    cai_run_publish(runs[5], CAI_UNIT_LARGE, 1);
    require_null(audit_zone(ORDINARY_COARSE));
    cai_run_give(runs[5]);
    require_null(audit_zone(ORDINARY_COARSE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D7_abandoned_runs_are_free),
        cmocka_unit_test(test_D7_a_run_of_ones_own_is_left),
        cmocka_unit_test(test_D7_lists_are_made_anew),
        cmocka_unit_test(test_D7_what_was_being_appended_is_not_there),
        cmocka_unit_test(test_D7_a_zone_of_ones_own_is_left),
        cmocka_unit_test(test_D7_runs_in_a_zone_of_ones_own_are_owed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
