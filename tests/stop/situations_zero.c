/* Must-zero memory, and blocks of the heap's own form that change their size. */
#include "situation.h"

static void in_flight(enum kind kind, size_t size)
{
    keep_variety();
    operand = keep_in_flight(kind, size);
}

static void give_secret(void)
{
    ca_deallocate_zeroed(((ca_secret){operand->at, operand->size}));
}

static void short_secret(void)
{
    keep_variety();
    operand = situation_in_flight(KIND_SECRET, 100);
}

const struct scenario scenario_zero_free_short = {.name = "zero_free_short",
                                                  .flags = SCENARIO_ZEROES,
                                                  .victim = short_secret,
                                                  .operation = give_secret,
                                                  .addresses_min = 4,
                                                  .through = {"ca_secret_deallocate_zeroed"}};

static void longer_secret(void)
{
    keep_variety();
    operand = situation_in_flight(KIND_SECRET, 9000);
}

const struct scenario scenario_zero_free_longer = {.name = "zero_free_longer",
                                                   .flags = SCENARIO_ZEROES,
                                                   .victim = longer_secret,
                                                   .operation = give_secret,
                                                   .addresses_min = 3,
                                                   .through = {"cai_own_deallocate_rest"}};

static void large_secret(void)
{
    in_flight(KIND_SECRET, 200000);
    situation_no_large();
}

const struct scenario scenario_zero_free_large = {.name = "zero_free_large",
                                                  .flags = SCENARIO_ZEROES,
                                                  .victim = large_secret,
                                                  .operation = give_secret,
                                                  .addresses_min = 16,
                                                  .through = {"cai_large_claim", "cai_wipe"}};

static void very_large_secret(void)
{
    in_flight(KIND_SECRET, 2000000);
}

const struct scenario scenario_zero_free_given = {.name = "zero_free_given",
                                                  .flags = SCENARIO_ZEROES,
                                                  .victim = very_large_secret,
                                                  .operation = give_secret,
                                                  .addresses_min = 30,
                                                  .through = {"cai_large_claim", "cai_run_give"}};

static void short_mustzero(void)
{
    keep_variety();
    operand = situation_in_flight(KIND_MUSTZERO, 200);
}

static void wipe_and_give(void)
{
    ca_mustzero block = {operand->at, operand->size};

    ca_deallocate(ca_wipe(&block));
}

const struct scenario scenario_wipe = {.name = "wipe",
                                       .flags = SCENARIO_ZEROES,
                                       .victim = short_mustzero,
                                       .operation = wipe_and_give,
                                       .addresses_min = 16,
                                       .through = {"ca_mustzero_wipe", "ca_wiped_deallocate"}};

static size_t wanted;

static void shrink(void)
{
    result = ca_shrink(((ca_mustzero){operand->at, operand->size}), (ca_layout){wanted, 8}).ptr;
}

static void mustzero_to_shrink(void)
{
    short_mustzero();
    wanted = 70;
}

const struct scenario scenario_shrink = {.name = "shrink",
                                         .flags = SCENARIO_ZEROES,
                                         .victim = mustzero_to_shrink,
                                         .operation = shrink,
                                         .addresses_min = 12,
                                         .through = {"ca_mustzero_shrink", "cai_judge"}};

static void large_mustzero_to_shrink(void)
{
    in_flight(KIND_MUSTZERO, 200000);
    wanted = 50000;
}

const struct scenario scenario_shrink_large = {.name = "shrink_large",
                                               .flags = SCENARIO_ZEROES,
                                               .victim = large_mustzero_to_shrink,
                                               .operation = shrink,
                                               .addresses_min = 30,
                                               .through = {"ca_mustzero_shrink", "cai_run_shrink"}};

static void grow(void)
{
    ca_mustzero block = {operand->at, operand->size};

    result = ca_grow(ca_default_authority(), block, (ca_layout){wanted, 8}).ptr;
}

static void mustzero_to_move(void)
{
    short_mustzero();
    kept_give(keep(KIND_MUSTZERO, 700));
    wanted = 700;
}

const struct scenario scenario_grow_moves = {.name = "grow_moves",
                                             .flags = SCENARIO_ZEROES,
                                             .victim = mustzero_to_move,
                                             .operation = grow,
                                             .addresses_min = 30,
                                             .through = {"ca_mustzero_grow", "cai_free_live"}};

static void mustzero_to_stay(void)
{
    in_flight(KIND_MUSTZERO, 610);
    wanted = 630;
}

const struct scenario scenario_grow_stays = {.name = "grow_stays",
                                             .flags = SCENARIO_ZEROES,
                                             .victim = mustzero_to_stay,
                                             .operation = grow,
                                             .addresses_min = 20,
                                             .through = {"ca_mustzero_grow"}};

static void large_mustzero_to_move(void)
{
    in_flight(KIND_MUSTZERO, 500000);
    keep(KIND_MUSTZERO, 40000);
    wanted = 900000;
}

const struct scenario scenario_grow_large_moves = {.name = "grow_large_moves",
                                                   .flags = SCENARIO_ZEROES,
                                                   .victim = large_mustzero_to_move,
                                                   .operation = grow,
                                                   .addresses_min = 110,
                                                   .through = {"ca_mustzero_grow", "cai_large_move"}};
