/* The lives of threads and of the process. */
#include "situation.h"

#include "heaps/life.h"
#include "support/pending.h"

static void take(void)
{
    result = ca_malloc(100);
}

static void nothing(void) {}

/* --- beginnings --- */

const struct scenario scenario_first_allocation = {
    .name = "first_allocation",
    .flags = SCENARIO_COLD,
    .operation = take,
    .addresses_min = 150,
    .through = {"cai_settings_start", "cai_pages_start", "cai_meta_start", "cai_os_on_fork"}};

const struct scenario scenario_thread_starts = {.name = "thread_starts",
                                                .victim = nothing,
                                                .operation = take,
                                                .addresses_min = 80,
                                                .through = {"cai_registry_adopt", "cai_meta_allocate"}};

static void leave_an_orphan(void)
{
    keep_variety();
    situation_orphans(1);
}

const struct scenario scenario_thread_adopts = {.name = "thread_adopts",
                                                .neighbour = leave_an_orphan,
                                                .victim = nothing,
                                                .operation = take,
                                                .addresses_min = 18,
                                                .through = {"cai_registry_adopt"}};

/* --- ends --- */

static struct kept *neighbours;

static void keep_for_others(void)
{
    keep_variety();
    neighbours = keep(KIND_MALLOC, 100);
}

static void have_everything(void)
{
    ca_authority root;

    keep_variety();
    require(ca_heap_create(NULL, &root) == CA_OK);
    kept_give(keep_by(root, KIND_SECRET, 100));
    kept_give(keep(KIND_MALLOC, 60000));
    kept_give(keep(KIND_SECRET, 90000));
    kept_give(neighbours);
    require(pending_in(cai_self, NULL) == 1 && cai_self_heap()->kept_units != 0);
}

const struct scenario scenario_thread_ends = {
    .name = "thread_ends",
    .flags = SCENARIO_ENDS | SCENARIO_ZEROES,
    .neighbour = keep_for_others,
    .victim = have_everything,
    .addresses_min = 50,
    .through = {"cai_account_detach", "cai_large_flush", "cai_remote_publish", "cai_registry_orphan"}};

/* So many heaps wait warm already that this one's bins are emptied. */
static void leave_many_orphans(void)
{
    keep_for_others();
    situation_orphans(8);
}

static void have_everything_among_many(void)
{
    have_everything(); /* in one of these heaps */
    situation_orphans(8);
}

const struct scenario scenario_thread_ends_cold = {.name = "thread_ends_cold",
                                                   .flags = SCENARIO_ENDS | SCENARIO_ZEROES,
                                                   .neighbour = leave_many_orphans,
                                                   .victim = have_everything_among_many,
                                                   .addresses_min = 50,
                                                   .through = {"cai_cache_flush_all", "cai_registry_orphan"}};

/* A thread whose heap is gone already, in a late destructor, uses the one that all such threads share. */
static void be_gone(void)
{
    cai_self = &cai_thread_gone;
}

static void take_and_give(void)
{
    void *block = ca_malloc(100);

    ca_free(block);
    ca_free(neighbours->at);
    result = ca_malloc(100000);
}

static void keep_in_flight_for_others(void)
{
    keep_for_others();
    neighbours->in_flight = true;
}

const struct scenario scenario_thread_is_gone = {.name = "thread_is_gone",
                                                 .neighbour = keep_in_flight_for_others,
                                                 .victim = be_gone,
                                                 .operation = take_and_give,
                                                 .addresses_min = 90,
                                                 .through = {"cai_registry_borrow", "cai_remote_publish"}};

/* What belongs to the neighbour is ended or made longer by a thread that has no heap: not any more, or not yet, and
 * then it gets one in the middle. */
static void keep_secret_in_flight(void)
{
    keep_variety();
    operand = keep_in_flight(KIND_SECRET, 200);
}

static void keep_large_in_flight(void)
{
    keep_variety();
    operand = keep_in_flight(KIND_SECRET, 500000);
    keep(KIND_SECRET, 40000); /* behind it: it cannot grow where it is */
}

static void give_secret(void)
{
    ca_deallocate_zeroed(((ca_secret){operand->at, operand->size}));
}

static void grow_secret(void)
{
    ca_secret block = {operand->at, operand->size};

    result = ca_grow(ca_default_authority(), block, (ca_layout){2 * block.size, 8}).ptr;
}

const struct scenario scenario_gone_gives_secret = {.name = "gone_gives_secret",
                                                    .flags = SCENARIO_ZEROES,
                                                    .neighbour = keep_secret_in_flight,
                                                    .victim = be_gone,
                                                    .operation = give_secret,
                                                    .addresses_min = 60,
                                                    .through = {"cai_stray_take", "cai_stray_give"}};

const struct scenario scenario_new_gives_secret = {
    .name = "new_gives_secret",
    .flags = SCENARIO_ZEROES,
    .neighbour = keep_secret_in_flight,
    .operation = give_secret,
    .addresses_min = 60,
    .through = {"cai_stray_take", "cai_stray_give", "cai_registry_adopt"}};

const struct scenario scenario_new_grows_secret = {
    .name = "new_grows_secret",
    .flags = SCENARIO_ZEROES,
    .neighbour = keep_secret_in_flight,
    .operation = grow_secret,
    .addresses_min = 60,
    .through = {"cai_stray_take", "cai_stray_give", "cai_claim_moves_to"}};

const struct scenario scenario_new_moves_large = {.name = "new_moves_large",
                                                  .flags = SCENARIO_ZEROES,
                                                  .neighbour = keep_large_in_flight,
                                                  .operation = grow_secret,
                                                  .addresses_min = 60,
                                                  .through = {"cai_stray_take", "cai_stray_give", "cai_large_move"}};

/* A first capability in a chunk of memory: the table of tags gets its pages. */
static ca_cap holder;

static void have_a_capability(void)
{
    keep_variety();
    holder = ca_cap_unwrap(ca_cap_allocate(ca_default_authority(), (ca_layout){64, 16}));
}

static void store_a_capability(void)
{
    ca_cap_store_cap(holder, 0, holder);
}

static void load_it(void)
{
    ca_cap loaded;

    require(ca_cap_store_cap(holder, 16, holder) == CA_CAP_FAULT_NONE);
    require(ca_cap_load_cap(holder, 16, &loaded) == CA_CAP_FAULT_NONE);
}

const struct scenario scenario_tags = {.name = "tags",
                                       .victim = have_a_capability,
                                       .operation = store_a_capability,
                                       .in_child = load_it,
                                       .addresses_min = 11,
                                       .through = {"ca_cap_store_cap"}};

/* A capability takes another's place, the second longer and without a tag, and that one's the first: in the child there
 * is one of the two, and it can be exchanged. */
static ca_cap other;

static void store_atomically(void)
{
    have_a_capability();
    other = ca_cap_tag_clear(ca_cap_unwrap(ca_cap_allocate(ca_default_authority(), (ca_layout){128, 16})));
    require(ca_cap_atomic_store(holder, 0, holder) == CA_CAP_FAULT_NONE);
}

static void exchange_twice(void)
{
    ca_cap old;

    ca_cap_atomic_exchange(holder, 0, other, &old);
    ca_cap_atomic_exchange(holder, 0, holder, &old);
}

static void find_one_of_them(void)
{
    ca_cap there, old;

    require(ca_cap_atomic_load(holder, 0, &there) == CA_CAP_FAULT_NONE);
    require(ca_cap_is_equal_exact(there, holder) || ca_cap_is_equal_exact(there, other));
    require(ca_cap_atomic_exchange(holder, 0, there, &old) == CA_CAP_FAULT_NONE);
    require(ca_cap_is_equal_exact(there, old));
}

const struct scenario scenario_capability_exchanged = {.name = "capability_exchanged",
                                                       .victim = store_atomically,
                                                       .operation = exchange_twice,
                                                       .in_child = find_one_of_them,
                                                       .addresses_min = 30,
                                                       .through = {"cai_granule_store"}};
