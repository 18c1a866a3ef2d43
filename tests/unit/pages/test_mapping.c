/* How many mappings are ours: never more than the estimate says, which comes down again; and beyond an eighth of what
 * the kernel allows nothing makes more of them. */
#include "unit/unit.h"

#include "os/os.h"
#include "pages/commit.h"
#include "pages/mapping.h"
#include "pages/move.h"
#include "pages/policy.h"
#include "pages/purge.h"
#include "support/audit.h"
#include "support/emulated.h"
#include "support/pages.h"
#include "support/process.h"
#include "support/rng.h"

#include <sys/wait.h>

enum { SLOTS = 80 };

static size_t tables; /* mappings that the tables and the metadata may have */

static void start(void)
{
    start_pages();
    tables = cai_mappings();
}

static size_t real(void)
{
    return (size_t)process_mappings(cai_sealed.places, cai_sealed.places + ((uintptr_t)CAI_PLACES << cai_sealed.shift));
}

static void allow(uint32_t mappings)
{
    require(cai_sealed_open(&cai_sealed));
    cai_sealed.mappings_max = mappings * 8;
    require(cai_sealed_close(&cai_sealed));
}

static struct cai_unit *take(unsigned number, uint32_t units, uint32_t align)
{
    struct cai_unit *run = cai_run_take(&cai_zones[number], units, align, CAI_UNIT_LARGE);

    require(run != NULL);
    cai_run_publish(run, CAI_UNIT_LARGE, 1);
    *memory_of(run) = 1; /* the kernel merges what was never touched more easily */
    return run;
}

static void give(struct cai_unit *run)
{
    if (cai_place_zeroes((enum cai_place)(run->zone / CAI_GRAINS)))
        *memory_of(run) = 0;
    cai_run_give(run);
}

static struct cai_unit *move(struct cai_unit *run)
{
    struct cai_unit *to = take(run->zone, run->units + 3, 1);

    if (cai_run_move(run, to)) {
        cai_run_give_addresses(run);
        return to;
    }
    give(to);
    return run;
}

static void check(void)
{
    require(real() + tables <= cai_mappings());
    require_null(audit_zone(ORDINARY_COARSE));
    require_null(audit_zone(MUSTZERO_COARSE));
}

static void random_step(struct rng *rng, struct cai_unit **slot)
{
    unsigned what = (unsigned)rng_below(rng, 100);

    if (what < 3)
        cai_purge_all();
    else if (*slot == NULL)
        *slot = take(rng_below(rng, 4) == 0 ? MUSTZERO_COARSE : ORDINARY_COARSE, 1 + (uint32_t)rng_below(rng, 40),
                     1u << rng_below(rng, rng_below(rng, 3) == 0 ? 7 : 1));
    else if (what < 30)
        *slot = move(*slot);
    else if (what < 40)
        cai_run_grow(*slot, (*slot)->units + 1 + (uint32_t)rng_below(rng, 30));
    else if (what < 50 && (*slot)->units > 1)
        cai_run_shrink(*slot, 1 + (uint32_t)rng_below(rng, (*slot)->units - 1));
    else {
        give(*slot);
        *slot = NULL;
    }
}

static void random_steps(struct rng *rng, struct cai_unit **slots, unsigned steps)
{
    for (unsigned step = 0; step < steps; step++) {
        random_step(rng, &slots[rng_below(rng, SLOTS)]);
        if (step % 4 == 0)
            check();
    }
}

/* In children of children: what is inherited joins nothing. */
static void in_children(struct rng *rng, struct cai_unit **slots, unsigned generations)
{
    int status;
    pid_t child = generations == 0 ? -1 : fork();

    if (child == 0) {
        cai_policy_after_fork_in_child();
        random_steps(rng, slots, FEWER(500, 100));
        in_children(rng, slots, generations - 1);
        _exit(0);
    }
    require(generations == 0 || (child > 0 && waitpid(child, &status, 0) == child && status == 0));
}

static const unsigned seeds[] = {1, 2, 3};

CHILD_TEST_EACH(test_D9_the_estimate_is_an_upper_one, 100, seeds)
{
    struct rng rng = rng_start(value);
    struct cai_unit *slots[SLOTS] = {NULL};

    start();
    random_steps(&rng, slots, FEWER(2000, 400));
    in_children(&rng, slots, 3);
    for (unsigned i = 0; i < SLOTS; i++)
        if (slots[i] != NULL)
            give(slots[i]);
    cai_purge_all();
    check();
    require(real() == 0 && cai_mappings() <= tables + 2 * 2); /* each zone, and the hole that it is */
}

/* Protection, piece by piece where locking is refused from some point on, and hidden memory. */
CHILD_TEST(test_D9_protection_counts, 60)
{
    struct cai_unit *runs[40];

    start();
    for (unsigned wanted = 1; wanted <= CAI_PROTECT_ALL; wanted = wanted * 2 + 1) {
        cai_policy_want(wanted);
        cai_policy_apply();
        check();
        for (unsigned i = 0; i < 40; i++) {
            runs[i] = take(MUSTZERO_COARSE, 1 + i % 50, 1);
            check();
        }
        for (unsigned i = 0; i < 40; i += 3)
            give(runs[i]);
        cai_purge_all();
        check();
        for (unsigned i = 0; i < 40; i++)
            if (i % 3 != 0)
                give(runs[i]);
        check();
    }
    cai_purge_all();
    check();
    require(cai_mappings() <= tables + real() + 2);
}

/* Each generation fills holes in what it inherited and goes on behind it. */
static void generation(unsigned left)
{
    int status;

    cai_policy_after_fork_in_child();
    for (unsigned i = 0; i < 5; i++)
        take(ORDINARY_COARSE, 2, 1);
    take(ORDINARY_COARSE, 300, 1); /* more than there is */
    check();
    pid_t child = left == 0 ? -1 : fork();
    if (child == 0) {
        generation(left - 1);
        _exit(0);
    }
    require(left == 0 || (child > 0 && waitpid(child, &status, 0) == child && status == 0));
}

CHILD_TEST(test_D9_what_is_inherited_joins_nothing, 60)
{
    struct cai_unit *runs[20];

    start();
    for (unsigned i = 0; i < 20; i++)
        runs[i] = take(ORDINARY_COARSE, 2, 1);
    for (unsigned i = 0; i < 20; i += 2)
        give(runs[i]);
    cai_purge_all();
    generation(30);
}

/* Memory that was moved is cut in the middle, and the hole is filled: five mappings where there was one. */
CHILD_TEST(test_D9_a_hole_in_what_was_moved, 60)
{
    struct cai_unit *parts[3];

    start();
    for (unsigned i = 0; i < 8; i++) {
        struct cai_unit *run = take(ORDINARY_COARSE, 57, 1);
        struct cai_unit *moved = move(run);
        require(moved != run && moved->units == 60);
        take(ORDINARY_COARSE, 57, 1); /* where it came from */
        give(moved);
        for (unsigned k = 0; k < 3; k++)
            parts[k] = take(ORDINARY_COARSE, 20, 1);
        require(parts[0] == moved && parts[2] == moved + 40);
        give(parts[1]);
        cai_purge_all();
        check();
        require(take(ORDINARY_COARSE, 20, 1) == parts[1]);
        check();
    }
}

/* The middle of a hole is mapped first, with no neighbour to join, and then what is left of it. */
CHILD_TEST(test_D9_holes_filled_from_the_middle, 60)
{
    start();
    for (unsigned i = 0; i < 8; i++) {
        struct cai_unit *run = take(ORDINARY_COARSE, 64, 1);
        take(ORDINARY_COARSE, 1, 1);
        give(run);
        cai_purge_all();
        require(take(ORDINARY_COARSE, 1, 32) > run);
        check();
        while (cai_zones[ORDINARY_COARSE].bare.occupied != 0)
            take(ORDINARY_COARSE, 1, 1);
        check();
    }
}

CHILD_TEST(test_D9_what_others_have_counts, 60)
{
    start();
    for (unsigned i = 0; i < 20; i++) {
        struct cai_unit *run = take(ORDINARY_COARSE, 100, 1);
        uintptr_t end = cai_unit_address(run) + length_of(run);
        size_t page = cai_settings->page_bytes;
        cai_os_map(end, page, false); /* where the zone goes on, if it does not already */
        cai_run_grow(run, 200);
    }
    require(cai_zones[ORDINARY_COARSE].skips > 10);
    require(real() + tables <= cai_mappings() + cai_zones[ORDINARY_COARSE].skips);
}

enum { FEW = 100, MANY = 4 * FEW };

CHILD_TEST(test_D9_no_more_hidden_ranges_than_an_eighth, 60)
{
    unsigned hidden = 0;

    start();
    cai_policy_want(CAI_PROTECT_HIDE);
    if ((cai_policy_numbers().impossible & CAI_PROTECT_HIDE) != 0)
        return; /* the kernel has no such memory */
    allow(FEW);
    give(take(MUSTZERO_COARSE, MANY, 1));
    cai_purge_all();
    for (unsigned i = 0; i < MANY; i++) {
        struct cai_unit *run = take(MUSTZERO_COARSE, 1, 1);
        hidden += cai_policy_is_hidden(&cai_zones[MUSTZERO_COARSE], cai_unit_number(run));
        check();
    }
    require(hidden > 10 && hidden < FEW && real() + tables <= FEW);
    require((cai_policy_numbers().refused & CAI_PROTECT_HIDE) != 0);
}

/* Every other run is free: that many holes there cannot be, but the memory goes back all the same. */
CHILD_TEST(test_D9_no_more_holes_than_an_eighth, 60)
{
    struct cai_unit *runs[MANY];

    start();
    allow(FEW);
    for (unsigned i = 0; i < MANY; i++) {
        runs[i] = take(ORDINARY_COARSE, 1 + i % 7, 1);
        require(runs[i] != NULL);
    }
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < MANY; i += 2)
            give(runs[i]);
        require(cai_purge_all() != 0 && cai_zones[ORDINARY_COARSE].dirty_units == 0);
        require(real() + tables <= FEW && cai_mappings() >= FEW);
        check();
        for (unsigned i = 0; i < MANY; i += 2)
            runs[i] = take(ORDINARY_COARSE, 1 + i % 7, 1);
        check();
    }
    /* From the edge on, all can be unmapped without one hole more. */
    for (unsigned i = 0; i < MANY; i++)
        give(runs[i]);
    cai_purge_all();
    require(cai_committed_bytes() == 0 && real() == 0);
}

CHILD_TEST(test_D9_no_more_moves_than_an_eighth, 60)
{
    struct cai_unit *runs[MANY];
    unsigned moved = 0;

    start();
    allow(FEW);
    for (unsigned i = 0; i < MANY; i++) {
        struct cai_unit *run = take(ORDINARY_COARSE, 16, 1);
        runs[i] = move(run);
        moved += runs[i] != run;
        check();
    }
    require(moved > 10 && real() + tables <= FEW && cai_mappings() >= FEW - 1);
    for (unsigned i = 0; i < MANY; i++)
        give(runs[i]);
    cai_purge_all();
    struct cai_unit *run = take(ORDINARY_COARSE, 16, 1);
    require(move(run) != run); /* it can be done again */
    check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D9_the_estimate_is_an_upper_one),
        cmocka_unit_test(test_D9_protection_counts),
        cmocka_unit_test(test_D9_what_is_inherited_joins_nothing),
        cmocka_unit_test(test_D9_a_hole_in_what_was_moved),
        cmocka_unit_test(test_D9_holes_filled_from_the_middle),
        cmocka_unit_test(test_D9_what_others_have_counts),
        cmocka_unit_test(test_D9_no_more_hidden_ranges_than_an_eighth),
        cmocka_unit_test(test_D9_no_more_holes_than_an_eighth),
        cmocka_unit_test(test_D9_no_more_moves_than_an_eighth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
