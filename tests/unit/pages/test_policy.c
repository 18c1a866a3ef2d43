/* Protection of must-zero memory: what is wanted, what each unit got, and what a guard forbids. The kernel's answers
 * are made up here; that they are true where they come from it is shown by the tests of the public interface.
 */
#include "unit/unit.h"

#include "pages/policy.h"
#include "pages/purge.h"
#include "support/content.h"
#include "support/pages.h"

#include <string.h>

/* --- a kernel that refuses as it is told --- */

static bool no_dump_fails, wipe_fails, hide_fails;
static size_t lock_bytes_left = SIZE_MAX; /* the limit of the process */
static size_t longest_lock;
static unsigned locks_of_resident;

bool __real_cai_os_no_dump(uintptr_t address, size_t length);
bool __wrap_cai_os_no_dump(uintptr_t address, size_t length);
bool __wrap_cai_os_wipe_on_fork(uintptr_t address, size_t length);
bool __wrap_cai_os_lock(uintptr_t address, size_t length, bool resident);
enum cai_map __wrap_cai_os_map_hidden(uintptr_t address, size_t length);

bool __wrap_cai_os_no_dump(uintptr_t address, size_t length)
{
    return !no_dump_fails && __real_cai_os_no_dump(address, length);
}

bool __wrap_cai_os_wipe_on_fork(uintptr_t address, size_t length)
{
    (void)address;
    (void)length;
    return !wipe_fails;
}

bool __wrap_cai_os_lock(uintptr_t address, size_t length, bool resident)
{
    (void)address;
    longest_lock = cai_max(longest_lock, length);
    locks_of_resident += resident;
    if (length > lock_bytes_left)
        return false;
    lock_bytes_left -= length;
    return true;
}

enum cai_map __wrap_cai_os_map_hidden(uintptr_t address, size_t length)
{
    return hide_fails ? CAI_MAP_SHORT : cai_os_map(address, length, true);
}

/* --- looking --- */

static struct cai_zone *zone;

static void start(void)
{
    start_pages();
    zone = &cai_zones[MUSTZERO_COARSE];
    require(cai_zone_extend_tables(zone, 1000));
}

static unsigned guard_of(uint32_t number)
{
    return cai_view_of(MUSTZERO_COARSE)->units[number].guard;
}

static bool all_have(uint32_t head, uint32_t units, unsigned guard)
{
    for (uint32_t i = head; i < head + units; i++)
        if (guard_of(i) != guard)
            return false;
    return true;
}

static bool counts(size_t dumped, size_t wiped, size_t locked, size_t hidden)
{
    struct cai_policy_numbers numbers = cai_policy_numbers();

    return numbers.dumped_units == dumped && numbers.wiped_units == wiped && numbers.locked_units == locked &&
           numbers.hidden_units == hidden;
}

static void map(uint32_t head, uint32_t units)
{
    require(cai_policy_map(zone, head, units) == CAI_MAP_DONE);
}

/* --- what each unit gets --- */

CHILD_TEST(test_Z8_without_asking_it_stays_out_of_dumps_alone, 10)
{
    start();
    map(10, 5);
    require(all_have(10, 5, 0) && counts(0, 0, 0, 0));
    require(cai_policy_numbers().wanted == CAI_PROTECT_NO_DUMP && cai_policy_numbers().refused == 0);
    no_dump_fails = true;
    map(20, 5);
    require(all_have(20, 5, CAI_GUARD_DUMPED) && all_have(10, 5, 0) && counts(5, 0, 0, 0));
    require(cai_policy_numbers().refused == CAI_PROTECT_NO_DUMP);
    no_dump_fails = false;
    cai_policy_protect(zone, 20, 5); /* what was refused once is tried again */
    require(all_have(20, 5, 0) && counts(0, 0, 0, 0));
}

CHILD_TEST(test_Z8_what_is_wanted_only_grows, 10)
{
    start();
    cai_policy_want(CAI_PROTECT_WIPE_ON_FORK);
    require(cai_policy_numbers().wanted == (CAI_PROTECT_NO_DUMP | CAI_PROTECT_WIPE_ON_FORK));
    cai_policy_want(0);
    cai_policy_want(CAI_PROTECT_LOCK);
    require(cai_policy_numbers().wanted == (CAI_PROTECT_NO_DUMP | CAI_PROTECT_WIPE_ON_FORK | CAI_PROTECT_LOCK));
    require(cai_policy_numbers().refused == 0 && cai_policy_numbers().impossible == 0);
    map(10, 5);
    require(all_have(10, 5, CAI_GUARD_WIPED | CAI_GUARD_LOCKED) && counts(0, 5, 5, 0));
    cai_policy_forget(zone, 12, 2); /* unmapped */
    require(all_have(12, 2, 0) && counts(0, 3, 3, 0) && guard_of(11) != 0 && guard_of(14) != 0);
}

CHILD_TEST(test_Z8_what_is_impossible_is_known_at_once, 10)
{
    start();
    lock_bytes_left = 0;
    wipe_fails = hide_fails = true;
    cai_policy_want(CAI_PROTECT_ALL & ~CAI_PROTECT_NO_DUMP);
    require(cai_policy_numbers().impossible == (CAI_PROTECT_WIPE_ON_FORK | CAI_PROTECT_LOCK | CAI_PROTECT_HIDE));
    require(cai_policy_numbers().refused == (CAI_PROTECT_WIPE_ON_FORK | CAI_PROTECT_LOCK | CAI_PROTECT_HIDE));
    lock_bytes_left = SIZE_MAX;
    cai_policy_want(CAI_PROTECT_LOCK); /* only this is tried again */
    require(cai_policy_numbers().impossible == (CAI_PROTECT_WIPE_ON_FORK | CAI_PROTECT_HIDE));
    hide_fails = false;
    map(10, 5); /* as much protection as there is */
    require(guard_of(10) == (CAI_GUARD_HIDDEN | CAI_GUARD_FIRST) && all_have(11, 4, CAI_GUARD_HIDDEN));
    hide_fails = true;
    map(20, 5);
    require(all_have(20, 5, CAI_GUARD_LOCKED) && counts(0, 0, 5, 5));
}

/* By 1 MiB, so that what is left of a limit is used up. */
CHILD_TEST(test_Z8_locked_chunk_by_chunk, 10)
{
    enum { PIECE = 1 << (20 - CAI_UNIT_SHIFT) };

    start();
    cai_policy_want(CAI_PROTECT_LOCK);
    lock_bytes_left = 2 * CAI_MIB + CAI_MIB / 2;
    longest_lock = 0;
    map(10, 3 * PIECE + 5);
    require(longest_lock == CAI_MIB);
    require(all_have(10, 2 * PIECE, CAI_GUARD_LOCKED) && all_have(10 + 2 * PIECE, PIECE, 0));
    require(all_have(10 + 3 * PIECE, 5, CAI_GUARD_LOCKED)); /* the rest is shorter, and fits */
    require(counts(0, 0, 2 * PIECE + 5, 0) && cai_policy_numbers().refused == CAI_PROTECT_LOCK);
}

CHILD_TEST(test_Z8_addresses_of_somebody_else, 10)
{
    start();
    require(cai_os_map(cai_view_of(MUSTZERO_COARSE)->origin + 12 * CAI_UNIT_BYTES, CAI_UNIT_BYTES, false) ==
            CAI_MAP_DONE);
    require(cai_policy_map(zone, 10, 5) == CAI_MAP_TAKEN);
    cai_policy_want(CAI_PROTECT_HIDE);
    require(cai_policy_map(zone, 10, 5) == CAI_MAP_TAKEN && all_have(10, 5, 0) && counts(0, 0, 0, 0));
}

/* --- memory that is there already --- */

CHILD_TEST(test_Z8_applied_to_what_is_mapped, 10)
{
    start();
    struct cai_unit *used = take_run(MUSTZERO_COARSE, 4);
    struct cai_unit *freed = take_run(MUSTZERO_COARSE, 4);
    struct cai_unit *other = take_run(ORDINARY_COARSE, 4);
    cai_run_give(freed);
    cai_policy_want(CAI_PROTECT_LOCK);
    require(used->guard == 0 && freed->guard == 0);
    locks_of_resident = 0;
    cai_policy_apply();
    require(used[0].guard == CAI_GUARD_LOCKED && used[3].guard == CAI_GUARD_LOCKED);
    require(freed[0].guard == CAI_GUARD_LOCKED && freed[3].guard == CAI_GUARD_LOCKED);
    require(other->guard == 0);
    require(locks_of_resident == 1); /* what is in use is brought in, what is free comes when it is touched */
    require(cai_policy_numbers().locked_units == cai_policy_numbers().mapped_units);
    lock_bytes_left = 0;
    cai_policy_apply(); /* what is there is not asked for again */
    require(cai_policy_numbers().refused == 0);
}

CHILD_TEST(test_Z8_what_is_not_mapped_is_left_alone, 10)
{
    start();
    struct cai_unit *gone = take_run(MUSTZERO_COARSE, 4);
    struct cai_unit *wall = take_run(MUSTZERO_COARSE, 1);
    cai_run_give(gone);
    cai_purge_all();
    require(gone->kind == CAI_UNIT_BARE);
    cai_policy_want(CAI_PROTECT_LOCK);
    size_t before = lock_bytes_left;
    cai_policy_apply();
    require(gone->guard == 0 && wall->guard == CAI_GUARD_LOCKED && before - lock_bytes_left == CAI_UNIT_BYTES);
}

/* --- what a guard forbids --- */

CHILD_TEST(test_Z8_pages_move_only_while_all_have_the_same_guard, 10)
{
    start();
    require(cai_policy_may_move(zone) && cai_policy_may_move(&cai_zones[ORDINARY_COARSE]));
    no_dump_fails = true;
    map(10, 1);
    require(!cai_policy_may_move(zone) && cai_policy_may_move(&cai_zones[ORDINARY_COARSE]));
    cai_policy_forget(zone, 10, 1);
    require(cai_policy_may_move(zone));
    cai_policy_want(CAI_PROTECT_WIPE_ON_FORK);
    require(!cai_policy_may_move(zone) && cai_policy_may_move(&cai_zones[ORDINARY_COARSE]));
}

/* Two hidden mappings beside each other, and ordinary units around them. */
CHILD_TEST(test_Z8_hidden_mappings_go_whole, 10)
{
    start();
    zone->frontier = 40;
    require(cai_policy_way(zone, 5, 30, false) == CAI_WAY_DISCARD &&
            cai_policy_way(zone, 5, 30, true) == CAI_WAY_UNMAP);
    cai_policy_want(CAI_PROTECT_HIDE);
    map(10, 6);
    map(16, 4);
    require(cai_policy_is_hidden(zone, 10) && cai_policy_is_hidden(zone, 19));
    require(!cai_policy_is_hidden(zone, 9) && !cai_policy_is_hidden(zone, 20));
    for (unsigned unmap = 0; unmap < 2; unmap++) {
        require(cai_policy_way(zone, 5, 5, unmap) == (unmap ? CAI_WAY_UNMAP : CAI_WAY_DISCARD));
        require(cai_policy_way(zone, 20, 5, unmap) == (unmap ? CAI_WAY_UNMAP : CAI_WAY_DISCARD));
        require(cai_policy_way(zone, 10, 6, unmap) == CAI_WAY_UNMAP_ONLY);
        require(cai_policy_way(zone, 16, 4, unmap) == CAI_WAY_UNMAP_ONLY);
        require(cai_policy_way(zone, 10, 10, unmap) == CAI_WAY_UNMAP_ONLY);
        require(cai_policy_way(zone, 9, 12, unmap) == CAI_WAY_UNMAP_ONLY);
        require(cai_policy_way(zone, 10, 5, unmap) == CAI_WAY_KEEP); /* without its end */
        require(cai_policy_way(zone, 11, 5, unmap) == CAI_WAY_KEEP); /* without its start */
        require(cai_policy_way(zone, 12, 2, unmap) == CAI_WAY_KEEP); /* its middle */
        require(cai_policy_way(zone, 10, 8, unmap) == CAI_WAY_KEEP); /* one, and half of the other */
        require(cai_policy_way(zone, 15, 5, unmap) == CAI_WAY_KEEP);
    }
    map(36, 4); /* up to the frontier: what is behind is nobody's */
    cai_view_of(MUSTZERO_COARSE)->units[40].guard = CAI_GUARD_HIDDEN;
    require(cai_policy_way(zone, 36, 4, false) == CAI_WAY_UNMAP_ONLY);
}

/* --- fork --- */

/* As in a child: locks are not inherited, and hidden mappings are not there. */
CHILD_TEST(test_Z8_a_child_gets_its_own, 10)
{
    start();
    zone->frontier = 30;
    cai_policy_want(CAI_PROTECT_LOCK | CAI_PROTECT_WIPE_ON_FORK);
    map(1, 5);
    cai_policy_want(CAI_PROTECT_HIDE);
    map(10, 6);
    map(16, 2);
    require(counts(0, 5, 5, 8));
    char *hidden = (char *)cai_view_of(MUSTZERO_COARSE)->origin + 10 * CAI_UNIT_BYTES;
    memset(hidden, 1, 8 * CAI_UNIT_BYTES);
    require(cai_os_unmap((uintptr_t)hidden, 8 * CAI_UNIT_BYTES));
    lock_bytes_left = 0;
    hide_fails = true;
    cai_policy_after_fork_in_child();
    require(all_have(1, 5, CAI_GUARD_WIPED) && all_have(10, 8, CAI_GUARD_WIPED) && counts(0, 13, 0, 0));
    require(content_is_zero(hidden, 8 * CAI_UNIT_BYTES));
    require((cai_policy_numbers().refused & CAI_PROTECT_LOCK) != 0);
}

CHILD_TEST(test_Z8_a_child_gets_as_much_as_its_parent_had, 10)
{
    start();
    zone->frontier = 30;
    cai_policy_want(CAI_PROTECT_LOCK);
    map(1, 5);
    cai_policy_want(CAI_PROTECT_HIDE);
    map(10, 6);
    require(cai_os_unmap(cai_view_of(MUSTZERO_COARSE)->origin + 10 * CAI_UNIT_BYTES, 6 * CAI_UNIT_BYTES));
    size_t before = lock_bytes_left;
    cai_policy_after_fork_in_child();
    require(all_have(1, 5, CAI_GUARD_LOCKED) && before - lock_bytes_left == 5 * CAI_UNIT_BYTES);
    require(guard_of(10) == (CAI_GUARD_HIDDEN | CAI_GUARD_FIRST) && all_have(11, 5, CAI_GUARD_HIDDEN));
    require(counts(0, 0, 5, 6) && (cai_policy_numbers().refused & CAI_PROTECT_LOCK) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_Z8_without_asking_it_stays_out_of_dumps_alone),
        cmocka_unit_test(test_Z8_what_is_wanted_only_grows),
        cmocka_unit_test(test_Z8_what_is_impossible_is_known_at_once),
        cmocka_unit_test(test_Z8_locked_chunk_by_chunk),
        cmocka_unit_test(test_Z8_addresses_of_somebody_else),
        cmocka_unit_test(test_Z8_applied_to_what_is_mapped),
        cmocka_unit_test(test_Z8_what_is_not_mapped_is_left_alone),
        cmocka_unit_test(test_Z8_pages_move_only_while_all_have_the_same_guard),
        cmocka_unit_test(test_Z8_hidden_mappings_go_whole),
        cmocka_unit_test(test_Z8_a_child_gets_its_own),
        cmocka_unit_test(test_Z8_a_child_gets_as_much_as_its_parent_had),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
