/* Heaps with an authority of their own: made, used, ended, with their blocks handed over or gone. */
#include "situation.h"

static ca_authority root, part;

/* What the operation takes back is in flight. */
static bool is_part_in_flight;

static void make(void)
{
    require(ca_heap_create(NULL, &root) == CA_OK);
    require(ca_authority_derive(root, CA_RIGHT_ALL, (size_t)1 << 24, &part) == CA_OK);
}

/* By two threads: each has accounts. */
static void use(void)
{
    keep_variety();
    for (unsigned i = 0; i < 8; i++) {
        keep_by(root, (enum kind)(1 + i % (KINDS - 1)), 100 + 200 * (i / 4));
        keep_by(part, (enum kind)(1 + i % (KINDS - 1)), i == 5 ? 60000 : 100)->in_flight = is_part_in_flight;
    }
}

static void make_and_use(void)
{
    make();
    use();
}

/* The child goes on with them. */
static void go_on(void)
{
    unsigned first = kept_count;
    unsigned rights = 0;
    ca_authority_info info = CA_AUTHORITY_INFO_INIT;

    if (ca_authority_describe(part, &info) == CA_OK)
        rights = info.rights;
    for (unsigned i = 0; (rights & CA_RIGHT_ALLOCATE) != 0 && i < 8; i++)
        keep_by(part, (enum kind)(1 + i % (KINDS - 1)), 150);
    kept_verify_apart();
    while (first < kept_count)
        kept_give(&kept[first++]);
}

static void life(void)
{
    static const size_t sizes[] = {30, 100, 100, 700, 60000};
    ca_authority other;

    if (ca_heap_create(NULL, &other) != CA_OK)
        return;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        result = ca_allocate(other, (ca_layout){sizes[i], 8}).ptr;
        result = ca_allocate_secret(other, (ca_layout){sizes[i], 8}).ptr;
    }
    ca_heap_destroy(other);
}

static void use_and_more(void)
{
    use();
    life(); /* an account to be used again */
}

const struct scenario scenario_heap_life = {.name = "heap_life",
                                            .flags = SCENARIO_ZEROES,
                                            .main = make_and_use,
                                            .neighbour = use,
                                            .victim = use_and_more,
                                            .operation = life,
                                            .in_child = go_on,
                                            .addresses_min = 190,
                                            .through = {"ca_heap_create", "ca_heap_destroy", "cai_owned_discard"}};

static void first_life(void)
{
    keep_variety();
}

const struct scenario scenario_heap_first_life = {.name = "heap_first_life",
                                                  .victim = first_life,
                                                  .operation = life,
                                                  .addresses_min = 210,
                                                  .through = {"cai_registry_create_account", "cai_os_barrier_start"}};

static void use_fast(void)
{
    ca_block block = {ca_allocate(part, (ca_layout){100, 8}).ptr, 100};
    ca_deallocate(block);
    result = ca_allocate(root, (ca_layout){100, 8}).ptr;
}

static void in_bins(void)
{
    use();
    kept_give(keep_by(root, KIND_BLOCK, 100));
    kept_give(keep_by(part, KIND_BLOCK, 100));
}

const struct scenario scenario_account_fast = {.name = "account_fast",
                                               .main = make_and_use,
                                               .neighbour = use,
                                               .victim = in_bins,
                                               .operation = use_fast,
                                               .in_child = go_on,
                                               .addresses_min = 30,
                                               .through = {"cai_bias_switch"}};

static void use_slow(void)
{
    result = ca_allocate_secret(part, (ca_layout){5000, 8}).ptr;
    result = ca_allocate(part, (ca_layout){100000, 8}).ptr;
}

const struct scenario scenario_account_slow = {.name = "account_slow",
                                               .main = make_and_use,
                                               .neighbour = use,
                                               .victim = use,
                                               .operation = use_slow,
                                               .in_child = go_on,
                                               .addresses_min = 110,
                                               .through = {"cai_charge", "cai_account_use", "cai_large_take"}};

/* Blocks that `part` pays for, in flight, of a thread that the child has (the main one) and of one that it has not. */
static unsigned in_flight;
static size_t charged; /* to `part`, without them */

static size_t charged_now(void)
{
    ca_authority_info info = CA_AUTHORITY_INFO_INIT;

    require(ca_authority_describe(part, &info) == CA_OK);
    return info.charged_bytes;
}

static void leave_in_flight(void)
{
    size_t before = charged_now();

    in_flight = kept_count;
    struct kept *small = keep_by(part, KIND_BLOCK, 100);
    struct kept *large = keep_by(part, KIND_BLOCK, 70000);
    small->in_flight = large->in_flight = true;
    charged -= charged_now() - before;
}

static void use_and_leave(void)
{
    leave_in_flight();
    use();
}

static void make_use_and_leave(void)
{
    make_and_use();
    leave_in_flight();
}

static void use_too(void)
{
    use();
    charged += charged_now();
}

static void give_others(void)
{
    ca_deallocate(((ca_block){kept[in_flight].at, 100}));
    ca_deallocate(((ca_block){kept[in_flight + 1].at, 70000}));
}

/* What was given back, by the operation or since, is not paid for any more. */
static void nothing_too_much(void)
{
    require(charged_now() == charged);
    go_on();
}

const struct scenario scenario_account_remote_free = {.name = "account_remote_free",
                                                      .main = make_and_use,
                                                      .neighbour = use_and_leave,
                                                      .victim = use_too,
                                                      .operation = give_others,
                                                      .in_child = nothing_too_much,
                                                      .addresses_min = 40,
                                                      .through = {"cai_account_use_owner", "cai_large_give"}};

const struct scenario scenario_account_free_to_main = {.name = "account_free_to_main",
                                                       .main = make_use_and_leave,
                                                       .neighbour = use,
                                                       .victim = use_too,
                                                       .operation = give_others,
                                                       .in_child = nothing_too_much,
                                                       .addresses_min = 40,
                                                       .through = {"cai_account_use_owner", "cai_large_give"}};

/* A block that shrinks gives its rest back. */
static void shrink_others(void)
{
    result = ca_shrink(((ca_block){kept[in_flight + 1].at, 70000}), (ca_layout){34000, 8}).ptr;
}

static void shorter_too(void)
{
    ca_block shorter = {kept[in_flight + 1].was_at, 34000};

    if (ca_check(shorter) == CA_OK)
        ca_deallocate(shorter);
    nothing_too_much();
}

const struct scenario scenario_account_shrink = {.name = "account_shrink",
                                                 .main = make_use_and_leave,
                                                 .neighbour = use,
                                                 .victim = use_too,
                                                 .operation = shrink_others,
                                                 .in_child = shorter_too,
                                                 .addresses_min = 40,
                                                 .through = {"cai_account_use_owner", "cai_large_shrink"}};

static void revoke_part(void)
{
    ca_authority_revoke(part);
}

const struct scenario scenario_revoke = {.name = "revoke",
                                         .main = make_and_use,
                                         .neighbour = use,
                                         .victim = use,
                                         .operation = revoke_part,
                                         .in_child = go_on,
                                         .addresses_min = 80,
                                         .through = {"cai_reap", "cai_owned_transfer", "cai_charge_transfer"}};

static void revoke_root(void)
{
    ca_authority_revoke(root);
}

const struct scenario scenario_revoke_root = {.name = "revoke_root",
                                              .main = make_and_use,
                                              .neighbour = use,
                                              .victim = use,
                                              .operation = revoke_root,
                                              .in_child = go_on,
                                              .addresses_min = 80,
                                              .through = {"cai_reap", "cai_owned_transfer", "cai_registry_borrow"}};

static void make_for_a_while(void)
{
    is_part_in_flight = true;
    make_and_use();
}

static void free_all(void)
{
    ca_free_all(part);
}

const struct scenario scenario_free_all = {.name = "free_all",
                                           .flags = SCENARIO_ZEROES,
                                           .main = make_for_a_while,
                                           .neighbour = use,
                                           .victim = use,
                                           .operation = free_all,
                                           .in_child = go_on,
                                           .addresses_min = 60,
                                           .through = {"cai_reap_blocks", "cai_owned_discard"}};

/* The quota is used up; the neighbour's bin has what it does not need. */
static void make_tight(void)
{
    keep_variety();
    require(ca_heap_create(NULL, &root) == CA_OK);
    require(ca_authority_derive(root, CA_RIGHT_ALL, (size_t)32 << 10, &part) == CA_OK);
}

static void take_more_than_needed(void)
{
    keep_variety();
    keep_by(part, KIND_BLOCK, 1000);
}

static void use_up(void)
{
    keep_variety();
    keep_by(part, KIND_BLOCK, 5000);
}

static void take_from_others(void)
{
    result = ca_allocate(part, (ca_layout){9000, 8}).ptr;
}

const struct scenario scenario_account_reclaim = {.name = "account_reclaim",
                                                  .main = make_tight,
                                                  .neighbour = take_more_than_needed,
                                                  .victim = use_up,
                                                  .operation = take_from_others,
                                                  .addresses_min = 130,
                                                  .through = {"cai_account_reclaim", "cai_charge_settle"}};
