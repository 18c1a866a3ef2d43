/* Runs: taking, giving, merging, splitting, growing, shrinking, and all of it at random with an audit after each
 * step. */
#include "unit/unit.h"

#include "blocks/state.h"
#include "os/os.h"
#include "pages/commit.h"
#include "pages/move.h"
#include "pages/purge.h"
#include "support/audit.h"
#include "support/content.h"
#include "support/emulated.h"
#include "support/pages.h"
#include "support/rng.h"

#include <string.h>

static struct cai_unit *take(unsigned number, uint32_t units, uint32_t align)
{
    struct cai_unit *run = cai_run_take(&cai_zones[number], units, align, CAI_UNIT_LARGE);

    require(run != NULL && run->kind == CAI_UNIT_BUSY);
    cai_run_publish(run, CAI_UNIT_LARGE, 1);
    require(run->units == units && run->kind == CAI_UNIT_LARGE && run->zone == number);
    require(cai_unit_address(run) % ((size_t)align << CAI_UNIT_SHIFT) == 0);
    require_null(audit_zone(number));
    return run;
}

static void give(struct cai_unit *run)
{
    unsigned number = run->zone;

    cai_run_give(run);
    require_null(audit_zone(number));
}

CHILD_TEST(test_neighbours_merge, 20)
{
    struct cai_zone *zone = &cai_zones[ORDINARY_COARSE];
    struct cai_unit *runs[5];

    start_pages();
    for (unsigned i = 0; i < 5; i++)
        runs[i] = take(ORDINARY_COARSE, 3, 1);
    for (unsigned i = 1; i < 5; i++)
        require(runs[i] == runs[i - 1] + 3);
    give(runs[1]);
    give(runs[3]);
    require(zone->dirty_units == 6 && runs[1]->units == 3 && runs[3]->units == 3);
    give(runs[2]); /* joins both */
    require(runs[1]->units == 9 && runs[1]->kind == CAI_UNIT_DIRTY && zone->oldest == zone->newest);
    struct cai_unit *middle = take(ORDINARY_COARSE, 9, 1); /* dirty memory first, and exactly this */
    require(middle == runs[1] && !middle->zeroed && zone->dirty_units == 0);
    give(middle);
    struct cai_unit *part = take(ORDINARY_COARSE, 4, 1); /* the rest stays */
    require(part == runs[1] && zone->dirty_units == 5);
    give(part);
    require(runs[1]->units == 9);
    give(runs[0]);
    give(runs[4]);
    require(zone->used_units == 0 && runs[0]->units == 15);
    require(cai_run_find(ORDINARY_COARSE, memory_of(runs[0]) + 12 * CAI_UNIT_BYTES + 5) == runs[0]);
    require(cai_run_find(ORDINARY_COARSE, (void *)(cai_view_of(ORDINARY_COARSE)->origin)) == NULL);
}

CHILD_TEST(test_D2_runs_are_aligned, 20)
{
    struct cai_unit *runs[40];
    unsigned count = 0;

    start_pages();
    for (uint32_t align = 1; align <= 4096; align *= 2)
        for (uint32_t units = 1; units <= 3; units++)
            runs[count++] = take(ORDINARY_COARSE, units, align);
    for (unsigned i = 0; i < count; i++)
        give(runs[i]);
    for (uint32_t align = 4096; align >= 1; align /= 2)
        give(take(ORDINARY_COARSE, 2, align));
    require(cai_run_take(&cai_zones[1], UINT32_MAX, 1, CAI_UNIT_LARGE) == NULL);
    require(cai_run_take(&cai_zones[1], 1, 1u << 31, CAI_UNIT_LARGE) == NULL);
    require(cai_run_take(&cai_zones[1], cai_zones[1].units_max, 1, CAI_UNIT_LARGE) == NULL);
    require_null(audit_zone(1));
}

CHILD_TEST(test_growing_and_shrinking, 20)
{
    start_pages();
    struct cai_unit *run = take(ORDINARY_COARSE, 2, 1);
    memory_of(run)[0] = 7;
    require(cai_run_grow(run, 5)); /* into fresh memory */
    require(run->units == 5 && memory_of(run)[0] == 7);
    require_null(audit_zone(1));
    struct cai_unit *rest = run + 5; /* whatever is mapped beyond */
    if (cai_unit_number(rest) < cai_zones[1].frontier)
        require(cai_run_grow(run, 5 + rest->units));
    require(cai_run_grow(run, 500)); /* beyond the frontier */
    memory_of(run)[length_of(run) - 1] = 7;
    require_null(audit_zone(1));
    cai_purge_all();
    struct cai_unit *wall = take(ORDINARY_COARSE, 1, 1);
    require(wall == run + 500);
    cai_run_shrink(run, 490);
    require(run->units == 490 && cai_zones[1].dirty_units == 10);
    require_null(audit_zone(1));
    require(!cai_run_grow(run, 501)); /* eleven where ten are free */
    require(run->units == 490);
    require(cai_run_grow(run, 495)); /* into dirty memory, in part */
    require(!run->zeroed && cai_zones[1].dirty_units == 5);
    require_null(audit_zone(1));
    require(cai_run_grow(run, 500)); /* all of it */
    require(cai_zones[1].dirty_units == 0 && run + 500 == wall);
    require(!cai_run_grow(run, 501));
    require_null(audit_zone(1));
    cai_run_shrink(run, 1);
    require_null(audit_zone(1));
    give(run);
    give(wall);
}

/* What a slab left in the state table goes when its memory becomes a slab again, on whatever way. */
CHILD_TEST(test_moved_runs_leave_nothing, 20)
{
    start_pages();
    struct cai_unit *run = take(ORDINARY_COARSE, 8, 1);
    struct cai_unit *wall = take(ORDINARY_COARSE, 1, 1);
    memset(state_of(run), CAI_STATE_IN_SLAB, state_bytes(run));
    content_fill(memory_of(run), 0, 1000, 5);
    struct cai_unit *to = take(ORDINARY_COARSE, 50, 1);
    require(cai_run_move(run, to));
    cai_run_give_addresses(run);
    require(content_holds(memory_of(to), 1000, 5));
    require_null(audit_zone(1));
    for (unsigned i = 0; i < 20; i++) {
        struct cai_unit *slab = cai_run_take(&cai_zones[1], 3, 1, CAI_UNIT_SLAB);
        require(slab != NULL && content_is_zero(state_of(slab), state_bytes(slab)));
        cai_run_publish(slab, CAI_UNIT_SLAB, 1);
        for (uint32_t k = 1; k < 3; k++)
            require(slab[k].kind == CAI_UNIT_INNER && slab[k].head == cai_unit_number(slab));
    }
    require_null(audit_zone(1));
    give(to);
    give(wall);
}

/* --- at random --- */

enum { SLOTS = 60 };

struct taken {
    struct cai_unit *run;
    uint64_t seed;
};

static void sign(const struct taken *taken, uint32_t from)
{
    for (uint32_t i = from; i < taken->run->units; i++)
        content_fill(memory_of(taken->run) + ((size_t)i << CAI_UNIT_SHIFT), 0, 64, taken->seed + i);
}

static void check_signed(const struct taken *taken, uint32_t units)
{
    for (uint32_t i = 0; i < units; i++)
        require(content_holds(memory_of(taken->run) + ((size_t)i << CAI_UNIT_SHIFT), 64, taken->seed + i));
}

static void random_take(struct rng *rng, unsigned number, struct taken *taken)
{
    uint32_t units = 1 + (uint32_t)rng_below(rng, rng_below(rng, 10) == 0 ? 200 : 20);
    uint32_t align = 1u << rng_below(rng, rng_below(rng, 4) == 0 ? 7 : 1);
    bool slab = rng_below(rng, 2) == 0;

    taken->run = cai_run_take(&cai_zones[number], units, align, slab ? CAI_UNIT_SLAB : CAI_UNIT_LARGE);
    taken->seed = rng_next(rng);
    require(taken->run != NULL && taken->run->units == units);
    require(cai_unit_address(taken->run) % ((size_t)align << CAI_UNIT_SHIFT) == 0);
    for (uint32_t i = 0; taken->run->zeroed && i < units; i++)
        require(content_is_zero(memory_of(taken->run) + ((size_t)i << CAI_UNIT_SHIFT), 64));
    if (slab) {
        require(content_is_zero(state_of(taken->run), state_bytes(taken->run)));
        memset(state_of(taken->run), CAI_STATE_IN_SLAB, state_bytes(taken->run));
    } else {
        *state_of(taken->run) = CAI_STATE_CACHED;
    }
    cai_run_publish(taken->run, slab ? CAI_UNIT_SLAB : CAI_UNIT_LARGE, 1);
    sign(taken, 0);
}

static void random_give(struct taken *taken)
{
    check_signed(taken, taken->run->units);
    if (cai_place_zeroes((enum cai_place)(taken->run->zone / CAI_GRAINS)))
        memset(memory_of(taken->run), 0, length_of(taken->run));
    cai_run_give(taken->run);
    taken->run = NULL;
}

static void random_resize(struct rng *rng, struct taken *taken)
{
    uint32_t before = taken->run->units;
    uint32_t units = 1 + (uint32_t)rng_below(rng, before + 10);

    if (taken->run->kind != CAI_UNIT_LARGE || units == before)
        return;
    if (units > before) {
        if (cai_run_grow(taken->run, units)) {
            check_signed(taken, before);
            sign(taken, before);
        }
        return;
    }
    if (cai_place_zeroes((enum cai_place)(taken->run->zone / CAI_GRAINS)))
        memset(memory_of(taken->run) + ((size_t)units << CAI_UNIT_SHIFT), 0,
               (size_t)(before - units) << CAI_UNIT_SHIFT);
    cai_run_shrink(taken->run, units);
    check_signed(taken, units);
}

static void random_move(struct rng *rng, struct taken *taken)
{
    struct cai_unit *from = taken->run;
    uint32_t before = from->units;
    uint32_t units = before + (uint32_t)rng_below(rng, 20);

    if (from->kind != CAI_UNIT_LARGE)
        return;
    struct cai_unit *to = cai_run_take(&cai_zones[from->zone], units, 1, CAI_UNIT_LARGE);
    require(to != NULL);
    if (!cai_run_move(from, to)) {
        cai_run_give(to); /* the mappings of the source are several */
        return;
    }
    cai_run_give_addresses(from);
    cai_run_publish(to, CAI_UNIT_LARGE, 1);
    taken->run = to;
    check_signed(taken, before);
    sign(taken, 0);
}

static const unsigned zones[] = {ORDINARY_FINE, ORDINARY_COARSE, MUSTZERO_COARSE};

CHILD_TEST_EACH(test_random_steps, 100, zones)
{
    struct rng rng = rng_start(5 + value);
    struct taken slots[SLOTS] = {{NULL, 0}};

    start_pages();
    for (unsigned step = 0; step < FEWER(2000, 300); step++) {
        struct taken *taken = &slots[rng_below(&rng, SLOTS)];
        unsigned what = (unsigned)rng_below(&rng, 100);
        if (what == 0)
            cai_purge_all();
        else if (what == 1)
            cai_purge_old(cai_os_milliseconds() + 2 * cai_settings->decay_ms);
        else if (taken->run == NULL)
            random_take(&rng, value, taken);
        else if (what < 40)
            random_resize(&rng, taken);
        else if (what < 50)
            random_move(&rng, taken);
        else
            random_give(taken);
        require_null(audit_zone(value));
    }
    for (unsigned i = 0; i < SLOTS; i++)
        if (slots[i].run != NULL)
            random_give(&slots[i]);
    require(cai_zones[value].used_units == 0);
    require_null(audit_zeros(false));
    cai_purge_all();
    require_null(audit_zone(value));
    require(cai_committed_bytes() == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neighbours_merge),      cmocka_unit_test(test_D2_runs_are_aligned),
        cmocka_unit_test(test_growing_and_shrinking), cmocka_unit_test(test_moved_runs_leave_nothing),
        cmocka_unit_test(test_random_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
