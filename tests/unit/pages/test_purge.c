/* Giving back: what is old, what is too much, what clean memory has replaced, and everything; and what happens when the
 * kernel does not take it.
 */
#include "unit/unit.h"

#include "blocks/state.h"
#include "os/os.h"
#include "pages/commit.h"
#include "pages/purge.h"
#include "support/audit.h"
#include "support/content.h"
#include "support/pages.h"

#include <string.h>

static bool no_unmap, no_discard;

bool __real_cai_os_unmap(uintptr_t address, size_t length);
bool __real_cai_os_discard(uintptr_t address, size_t length);
bool __wrap_cai_os_unmap(uintptr_t address, size_t length);
bool __wrap_cai_os_discard(uintptr_t address, size_t length);

bool __wrap_cai_os_unmap(uintptr_t address, size_t length)
{
    return !no_unmap && __real_cai_os_unmap(address, length);
}

bool __wrap_cai_os_discard(uintptr_t address, size_t length)
{
    return !no_discard && __real_cai_os_discard(address, length);
}

enum { RUNS = 70, LONG = 1 << (21 - CAI_UNIT_SHIFT), KEPT = 1 << (26 - CAI_UNIT_SHIFT) };

static struct cai_zone *zone;
static struct cai_unit *runs[RUNS];

static struct cai_unit *apart(uint32_t units)
{
    struct cai_unit *run = take_run(ORDINARY_COARSE, units);

    take_run(ORDINARY_COARSE, 1);
    return run;
}

/* Some runs of so many units, each with a unit in use behind it. */
static void start(unsigned count, uint32_t units)
{
    start_pages();
    zone = &cai_zones[ORDINARY_COARSE];
    for (unsigned i = 0; i < count; i++)
        runs[i] = apart(units);
}

/* What is in use has not been for so long. */
static void use_is_forgotten(void)
{
    zone->used_units_high = 0;
}

static void give(struct cai_unit *run)
{
    memory_of(run)[0] = 1;
    memory_of(run)[length_of(run) - 1] = 1;
    *state_of(run) = CAI_STATE_CACHED;
    cai_run_give(run);
    require_null(audit_zone(ORDINARY_COARSE));
}

static unsigned count_dirty(unsigned count)
{
    unsigned dirty = 0;

    for (unsigned i = 0; i < count; i++)
        dirty += runs[i]->kind == CAI_UNIT_DIRTY;
    return dirty;
}

/* --- age --- */

CHILD_TEST(test_D6_what_is_old_goes, 20)
{
    start(3, 4);
    give(runs[1]);
    give(runs[0]);
    uint32_t now = runs[0]->stamp_ms;
    runs[1]->stamp_ms = now - 10;
    cai_purge_old(now + cai_settings->decay_ms - 11);
    require(runs[1]->kind == CAI_UNIT_DIRTY && cai_purged_bytes() == 0);
    cai_purge_old(now + cai_settings->decay_ms - 10);
    require(runs[1]->kind == CAI_UNIT_FRESH && runs[0]->kind == CAI_UNIT_DIRTY);
    cai_purge_old(now + cai_settings->decay_ms - 1);
    require(runs[0]->kind == CAI_UNIT_DIRTY && cai_purged_bytes() == 4 * CAI_UNIT_BYTES);
    cai_purge_old(now + cai_settings->decay_ms);
    require(runs[0]->kind == CAI_UNIT_FRESH && cai_purged_bytes() == 8 * CAI_UNIT_BYTES);
    require(content_is_zero(memory_of(runs[0]), length_of(runs[0])) && *state_of(runs[0]) == CAI_STATE_NONE);
    require(runs[2]->kind == CAI_UNIT_LARGE);
    require_null(audit_zone(ORDINARY_COARSE));
}

/* A run may have become free after the clock was read. */
CHILD_TEST(test_D6_what_is_younger_than_the_clock_stays, 20)
{
    start(1, 4);
    give(runs[0]);
    runs[0]->stamp_ms += 5;
    cai_purge_old(runs[0]->stamp_ms - 5);
    require(runs[0]->kind == CAI_UNIT_DIRTY);
}

/* --- how --- */

CHILD_TEST(test_D6_long_runs_are_unmapped_and_short_ones_stay_mapped, 20)
{
    start(0, 0);
    runs[0] = apart(LONG - 1);
    runs[1] = apart(LONG);
    give(runs[0]);
    give(runs[1]);
    size_t before = cai_committed_bytes();
    cai_purge_old(cai_os_milliseconds() + 2 * (uint64_t)cai_settings->decay_ms);
    require(runs[0]->kind == CAI_UNIT_FRESH && runs[1]->kind == CAI_UNIT_BARE);
    require(before - cai_committed_bytes() == LONG * CAI_UNIT_BYTES);
    require(cai_os_map(cai_unit_address(runs[1]), CAI_UNIT_BYTES, false) == CAI_MAP_DONE);
    require(cai_os_map(cai_unit_address(runs[0]), CAI_UNIT_BYTES, false) == CAI_MAP_TAKEN);
}

CHILD_TEST(test_D6_what_cannot_be_unmapped_is_discarded, 20)
{
    start(1, LONG);
    give(runs[0]);
    no_unmap = true;
    size_t before = cai_committed_bytes();
    require(cai_purge_all() == LONG * CAI_UNIT_BYTES);
    require(runs[0]->kind == CAI_UNIT_FRESH && cai_committed_bytes() == before);
    require(content_is_zero(memory_of(runs[0]), length_of(runs[0])));
    require_null(audit_zone(ORDINARY_COARSE));
}

/* It stays dirty, as the newest, is not counted, and nobody tries for ever. */
CHILD_TEST(test_D6_what_the_kernel_does_not_take_stays, 20)
{
    start(RUNS, KEPT / 64);
    no_unmap = no_discard = true;
    for (unsigned i = 0; i < RUNS; i++) /* more than may be kept */
        give(runs[i]);
    cai_purge_old(cai_os_milliseconds() + 2 * (uint64_t)cai_settings->decay_ms);
    require(cai_purge_all() == 0);
    cai_purge_instead(zone, 100);
    require(count_dirty(RUNS) == RUNS && cai_purged_bytes() == 0);
    require_null(audit_zone(ORDINARY_COARSE));
    no_unmap = no_discard = false;
    cai_purge_old(cai_os_milliseconds() + 2 * (uint64_t)cai_settings->decay_ms);
    require(count_dirty(RUNS) == 0);
    require_null(audit_zone(ORDINARY_COARSE));
}

/* --- amount --- */

/* Runs of a 64th of what may be kept: 64 stay, and one more takes the oldest with it, down to 56. */
CHILD_TEST(test_D6_too_much_goes_the_oldest_first, 20)
{
    start(RUNS, KEPT / 64);
    use_is_forgotten();
    for (unsigned i = 0; i < 64; i++)
        give(runs[i]);
    require(count_dirty(RUNS) == 64 && zone->dirty_units == KEPT);
    give(runs[64]);
    require(count_dirty(RUNS) == 56 && count_dirty(9) == 0 && runs[9]->kind == CAI_UNIT_DIRTY);
}

CHILD_TEST(test_D6_as_much_as_is_in_use_may_be_kept, 20)
{
    start(RUNS, KEPT / 64);
    struct cai_unit *used = take_run(ORDINARY_COARSE, KEPT + KEPT / 2);
    use_is_forgotten();
    for (unsigned i = 0; i < RUNS; i++)
        give(runs[i]);
    require(count_dirty(RUNS) == RUNS);
    cai_run_shrink(used, KEPT / 2);
    require(zone->dirty_units <= KEPT / 8 * 7);
    require_null(audit_zone(ORDINARY_COARSE));
}

/* Until a look as long ago as memory stays has found less in use. */
CHILD_TEST(test_D6_what_was_in_use_may_be_kept, 20)
{
    start(RUNS, KEPT / 64);
    struct cai_unit *used = take_run(ORDINARY_COARSE, KEPT);
    uint64_t now_ms = cai_os_milliseconds();
    size_t all = zone->used_units;

    cai_purge_old(now_ms);
    for (unsigned i = 0; i < RUNS; i++)
        give(runs[i]);
    give(used);
    cai_purge_old(now_ms + cai_settings->decay_ms - 1);
    require(zone->dirty_units == all - RUNS && zone->used_units_high == all);
    cai_purge_old(now_ms + 60000);
    require(zone->dirty_units == 0 && zone->used_units_high == RUNS);
    give(take_run(ORDINARY_COARSE, 4 * KEPT)); /* so much at most */
    require(zone->dirty_units == 4 * KEPT);
    give(take_run(ORDINARY_COARSE, 4 * KEPT + 1));
    require(zone->dirty_units <= 4 * KEPT / 8 * 7);
    require_null(audit_zone(ORDINARY_COARSE));
}

/* What went because it was too much, and was wanted again at once, stays the next time. Then that is forgotten. */
CHILD_TEST(test_D6_what_was_missed_stays, 20)
{
    enum { STEP = KEPT / 64 };

    start(RUNS, STEP);
    use_is_forgotten();
    for (unsigned i = 0; i < RUNS; i++)
        give(runs[i]);
    require(count_dirty(RUNS) == 61 && zone->excess_units == 9 * STEP && zone->missed_units == 0);
    for (unsigned i = 0; i < RUNS; i++)
        runs[i] = take_run(ORDINARY_COARSE, STEP);
    require(zone->missed_units == 9 * STEP && zone->excess_units == 0);
    use_is_forgotten();
    for (unsigned i = 0; i < RUNS; i++)
        give(runs[i]);
    require(zone->dirty_units == RUNS * STEP);
    cai_purge_old(0); /* nothing is old, and all that may be kept is used */
    require(zone->missed_units > 6 * STEP && zone->dirty_units == RUNS * STEP);
    for (unsigned i = 0; i < 64; i++)
        cai_purge_old(cai_os_milliseconds() + 2 * (uint64_t)cai_settings->decay_ms);
    require(zone->dirty_units == 0);
    give(take_run(ORDINARY_COARSE, 1));
    for (unsigned i = 0; i < 64; i++)
        cai_purge_old(i * (uint64_t)cai_settings->decay_ms / 2);
    size_t forgotten = zone->missed_units;
    cai_purge_old(64 * (uint64_t)cai_settings->decay_ms / 2 - 1); /* not as long ago as memory stays */
    require(zone->missed_units == forgotten);
    for (unsigned i = 0; i < 64; i++)
        cai_purge_old((64 + i) * (uint64_t)cai_settings->decay_ms);
    require(zone->missed_units <= 1 && zone->excess_units == 0);
}

/* --- instead --- */

enum { INSTEAD = 1 << (20 - CAI_UNIT_SHIFT) };

CHILD_TEST(test_D6_clean_memory_takes_the_place_of_dirty_memory, 20)
{
    start(4, INSTEAD / 4);
    for (unsigned i = 0; i < 3; i++)
        give(runs[i]);
    cai_purge_instead(zone, 1);
    require(count_dirty(3) == 3); /* too little to bother */
    give(runs[3]);
    cai_purge_instead(zone, 1); /* the oldest, whole */
    require(count_dirty(4) == 3 && runs[0]->kind == CAI_UNIT_FRESH);
    cai_purge_instead(zone, 1); /* too little again */
    require(count_dirty(4) == 3);
}

CHILD_TEST(test_D6_as_much_goes_as_was_taken, 20)
{
    start(8, INSTEAD / 4);
    take_run(ORDINARY_COARSE, 2 * INSTEAD);
    for (unsigned i = 0; i < 8; i++)
        give(runs[i]);
    cai_purge_instead(zone, INSTEAD / 4 + 1);
    require(count_dirty(8) == 6 && count_dirty(2) == 0);
    for (unsigned i = 0; i < 64; i++)
        cai_purge_old(i * (uint64_t)cai_settings->decay_ms); /* nothing is old, and what went is forgotten */
    cai_purge_instead(zone, INSTEAD / 2);
    require(count_dirty(8) == 4 && count_dirty(4) == 0);
    cai_purge_instead(zone, INSTEAD); /* less than half of what is in use */
    require(zone->dirty_units == INSTEAD && count_dirty(8) == 4);
}

/* A program whose blocks change their sizes takes clean memory again and again: not each time for what it just had. */
CHILD_TEST(test_D6_what_went_instead_and_was_missed_stays, 20)
{
    start(8, INSTEAD / 4);
    for (unsigned i = 0; i < 8; i++)
        give(runs[i]);
    cai_purge_instead(zone, INSTEAD);
    require(count_dirty(8) == 4 && zone->excess_units == INSTEAD && zone->missed_units == 0);
    cai_purge_instead(zone, INSTEAD);
    require(count_dirty(8) == 4 && zone->excess_units == 0 && zone->missed_units == INSTEAD);
}

/* --- state bytes --- */

static const unsigned zones[] = {ORDINARY_FINE, ORDINARY_COARSE};

CHILD_TEST_EACH(test_state_bytes_go_with_their_memory_alone, 20, zones)
{
    enum { UNITS = 60 };
    unsigned shift = CAI_UNIT_SHIFT - cai_grain_shift(cai_zone_grain(value));

    start_pages();
    require(cai_zone_extend_tables(&cai_zones[value], UNITS));
    uint8_t *state = cai_view_of(value)->state;
    for (unsigned round = 0; round < 2; round++, no_discard = true)
        for (uint32_t head = 1; head < 20; head += 3)
            for (uint32_t units = 1; head + units < UNITS; units += 5) {
                memset(state, CAI_STATE_IN_SLAB, (size_t)UNITS << shift);
                cai_purge_state(value, head, units);
                require(content_is_zero(state + ((size_t)head << shift), (size_t)units << shift));
                require(state[((size_t)head << shift) - 1] == CAI_STATE_IN_SLAB);
                require(state[(size_t)(head + units) << shift] == CAI_STATE_IN_SLAB);
            }
}

/* --- everything --- */

CHILD_TEST(test_D6_everything_that_is_free_goes_at_once, 20)
{
    start(3, 4);
    struct cai_unit *other = take_run(MUSTZERO_COARSE, 7);
    give(runs[0]);
    cai_purge_old(cai_os_milliseconds() + 2 * (uint64_t)cai_settings->decay_ms); /* so that one is fresh */
    give(runs[1]);
    cai_run_give(other);                                  /* never written */
    require(cai_purge_all() == 11 * CAI_UNIT_BYTES);      /* what was dirty */
    require(cai_committed_bytes() == 7 * CAI_UNIT_BYTES); /* what is in use */
    require(runs[0]->kind == CAI_UNIT_BARE && runs[1]->kind == CAI_UNIT_BARE);
    require_null(audit_zone(ORDINARY_COARSE));
    require_null(audit_zone(MUSTZERO_COARSE));
    require(cai_purge_all() == 0);
    uint32_t frontier = zone->frontier;
    struct cai_unit *again = take_run(ORDINARY_COARSE, 4); /* what is bare is mapped again */
    require(zone->frontier == frontier && cai_committed_bytes() == 11 * CAI_UNIT_BYTES);
    require(again->zeroed && content_is_zero(memory_of(again), length_of(again)));
}

/* Bare, free and bare again make one run. */
CHILD_TEST(test_fresh_memory_is_unmapped_to_join_its_neighbours, 20)
{
    start(0, 0);
    struct cai_unit *run = apart(3 * LONG);
    struct cai_unit *middle = run + LONG;
    give(run);
    cai_purge_all();
    require(run->kind == CAI_UNIT_BARE);
    require(take_run(ORDINARY_COARSE, LONG) == run);
    require(take_run(ORDINARY_COARSE, LONG) == middle);
    cai_run_give(run);
    cai_run_give(middle);
    no_unmap = true;
    cai_purge_old(cai_os_milliseconds() + 2 * (uint64_t)cai_settings->decay_ms);
    no_unmap = false;
    require(run->kind == CAI_UNIT_FRESH && run->units == 2 * LONG);
    cai_lock_take(&zone->lock);
    cai_purge_fresh(zone);
    cai_lock_give(&zone->lock);
    require(run->kind == CAI_UNIT_BARE && run->units >= 3 * LONG);
    require_null(audit_zone(ORDINARY_COARSE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D6_what_is_old_goes),
        cmocka_unit_test(test_D6_what_is_younger_than_the_clock_stays),
        cmocka_unit_test(test_D6_long_runs_are_unmapped_and_short_ones_stay_mapped),
        cmocka_unit_test(test_D6_what_cannot_be_unmapped_is_discarded),
        cmocka_unit_test(test_D6_what_the_kernel_does_not_take_stays),
        cmocka_unit_test(test_D6_too_much_goes_the_oldest_first),
        cmocka_unit_test(test_D6_as_much_as_is_in_use_may_be_kept),
        cmocka_unit_test(test_D6_what_was_in_use_may_be_kept),
        cmocka_unit_test(test_D6_what_was_missed_stays),
        cmocka_unit_test(test_D6_clean_memory_takes_the_place_of_dirty_memory),
        cmocka_unit_test(test_D6_as_much_goes_as_was_taken),
        cmocka_unit_test(test_D6_what_went_instead_and_was_missed_stays),
        cmocka_unit_test(test_state_bytes_go_with_their_memory_alone),
        cmocka_unit_test(test_D6_everything_that_is_free_goes_at_once),
        cmocka_unit_test(test_fresh_memory_is_unmapped_to_join_its_neighbours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
