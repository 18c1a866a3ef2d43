/* In the middle of a free a signal handler frees something else: what the thread had claimed before is not forgotten.
 */
#include "situation.h"

#include "heaps/heaps.h"

static struct kept *first, *second, *third;

static void give(const struct kept *block)
{
    ca_deallocate_zeroed(((ca_secret){block->at, block->size}));
}

/* What a handler does. */
static void give_others(void)
{
    result = ca_grow(ca_default_authority(), ((ca_secret){third->at, third->size}), (ca_layout){3000, 8}).ptr;
    give(second);
}

/* The free of the first, with its middle in sight. */
static void free_interrupted(void)
{
    struct cai_live live = cai_find_live(CAI_PLACE_secret, first->at);

    if (cai_claim(live)) {
        give_others();
        cai_free_live(CAI_PLACE_secret, first->at, cai_live_claimed(live));
    }
}

static void keep_three(void)
{
    keep_variety();
    first = keep_in_flight(KIND_SECRET, 200);
    second = keep_in_flight(KIND_SECRET, 100);
    third = keep_in_flight(KIND_SECRET, 1000);
}

const struct scenario scenario_claim_in_claim = {.name = "claim_in_claim",
                                                 .flags = SCENARIO_ZEROES,
                                                 .victim = keep_three,
                                                 .operation = free_interrupted,
                                                 .addresses_min = 100,
                                                 .through = {"cai_stray_take", "cai_claim_moves_to", "cai_stray_give"}};

static void be_gone(void)
{
    cai_self = &cai_thread_gone;
}

const struct scenario scenario_claim_in_claim_gone = {
    .name = "claim_in_claim_gone",
    .flags = SCENARIO_ZEROES,
    .neighbour = keep_three,
    .victim = be_gone,
    .operation = free_interrupted,
    .addresses_min = 100,
    .through = {"cai_stray_take", "cai_claim_moves_to", "cai_stray_give"}};
