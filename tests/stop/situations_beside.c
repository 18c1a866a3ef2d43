/* Two threads in the middle of something: the victim forks itself, in a signal handler, while a second thread stands
 * somewhere in what it does to the victim's heap, or to its account. What that one left in the middle is repaired, and
 * what the victim was interrupted in is not touched.
 */
#include "situation.h"

#include "blocks/cache.h"
#include "blocks/large.h"
#include "heaps/account.h"
#include "heaps/remote.h"

enum {
    SIZE = 250,
    COARSE = 5000,
    PART_SIZE = 100,
    POOL = 150,
    ROUNDS = 8,
    LONGER = 12,
    LINGER = 60,
    RECLAIM_EACH = 16
};

/* Blocks that the other one gives back, and how many it has. */
struct pool {
    unsigned first, given;
};
static struct pool of_victim, of_neighbour;

static void fill(struct pool *pool, enum kind kind, size_t size)
{
    pool->first = kept_count;
    for (unsigned i = 0; i < POOL; i++)
        keep_in_flight(kind, size);
}

static void give_one(struct pool *pool)
{
    if (pool->given < POOL)
        kept_give(&kept[pool->first + pool->given++]);
}

/* --- the heap of a thread --- */

static struct cai_heap *heap;

static void have_own(void)
{
    keep_variety();
    fill(&of_victim, KIND_MALLOC, SIZE);
    for (unsigned i = 0; i < 4; i++)
        keep(KIND_MALLOC, SIZE);
    for (unsigned i = 1; i < 4; i++)
        kept_give(&kept[kept_count - i]);
    heap = cai_self_heap();
}

static void take_and_give(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        void *first = ca_malloc(SIZE), *second = ca_malloc(SIZE);
        ca_free(first);
        ca_free(second);
    }
}

/* What it gives back is taken in at once, under the lock of the victim's heap. */
static void give_and_collect(void)
{
    give_one(&of_victim);
    cai_remote_publish(cai_self);
    cai_cache_collect(heap, true);
}

const struct scenario scenario_beside_bins = {.name = "beside_bins",
                                              .flags = SCENARIO_HANDLER,
                                              .victim = have_own,
                                              .operation = take_and_give,
                                              .beside = give_and_collect,
                                              .addresses_min = 40,
                                              .through = {"ca_malloc", "ca_free"}};

/* --- slow paths on both sides --- */

static void have_theirs(void)
{
    keep_variety();
    fill(&of_neighbour, KIND_MALLOC, SIZE);
}

static void have_both(void)
{
    have_own();
    operand = keep_in_flight(KIND_MALLOC, 300000);
    keep(KIND_MALLOC, 40000);
}

static void work_slowly(void)
{
    static void *blocks[LONGER];

    for (unsigned i = 0; i < LONGER; i++) {
        give_one(&of_neighbour);
        blocks[i] = ca_malloc(COARSE);
    }
    cai_remote_publish(cai_self);
    result = ca_realloc(operand->at, 700000);
    for (unsigned i = 0; i < LONGER; i++)
        ca_free(blocks[i]);
}

static void give_and_trim(void)
{
    give_and_collect();
    ca_trim();
}

const struct scenario scenario_beside_slow = {.name = "beside_slow",
                                              .flags = SCENARIO_HANDLER,
                                              .neighbour = have_theirs,
                                              .victim = have_both,
                                              .operation = work_slowly,
                                              .beside = give_and_trim,
                                              .addresses_min = 60,
                                              .through = {"cai_slab_create", "cai_slab_remote_free"}};

/* --- accounts --- */

static const ca_layout part_layout = {PART_SIZE, 8};
static ca_authority part;
static const uint32_t *account_owner; /* the victim's, in the table */

static void have_account(void)
{
    ca_authority root;

    keep_variety();
    require(ca_heap_create(NULL, &root) == CA_OK);
    require(ca_authority_derive(root, CA_RIGHT_ALL, 1 << 20, &part) == CA_OK);
    of_victim.first = kept_count;
    for (unsigned i = 0; i < POOL; i++)
        keep_by(part, KIND_BLOCK, PART_SIZE)->in_flight = true;
    for (unsigned i = 0; i < 4; i++)
        keep_by(part, KIND_BLOCK, PART_SIZE);
    account_owner = cai_live_owner(cai_find_live(CAI_PLACE_ordinary, kept[kept_count - 1].at));
    for (unsigned i = 1; i < 4; i++)
        kept_give(&kept[kept_count - i]);
}

static void take_and_give_paid(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        ca_block first = ca_unwrap(ca_allocate(part, part_layout));
        ca_block second = ca_unwrap(ca_allocate(part, part_layout));
        ca_deallocate(first);
        ca_deallocate(second);
    }
}

/* What is given back is credited to the victim's account, whose lock is held. For a while, so that the stops in the
 * short path of the victim are met: three instructions of it are what this is about. */
static void give_one_paid(void)
{
    give_one(&of_victim);
    struct cai_account *account = cai_account_of(account_owner);
    if (account == NULL)
        return;
    for (volatile unsigned i = 0; i < LINGER; i++) {
    }
    cai_account_return(account);
}

const struct scenario scenario_beside_account = {.name = "beside_account",
                                                 .flags = SCENARIO_HANDLER,
                                                 .victim = have_account,
                                                 .operation = take_and_give_paid,
                                                 .beside = give_one_paid,
                                                 .addresses_min = 40};

/* More than there is: first of all what lies in the victim's bins is taken back, which it waits for. Not always: from
 * then on the victim has no short path until it has taken the long one. */
static void reclaim(void)
{
    static unsigned turns;

    if (turns++ % RECLAIM_EACH == 0)
        result = ca_allocate(part, (ca_layout){1 << 20, 8}).ptr;
}

const struct scenario scenario_beside_reclaim = {.name = "beside_reclaim",
                                                 .flags = SCENARIO_HANDLER,
                                                 .victim = have_account,
                                                 .operation = take_and_give_paid,
                                                 .beside = reclaim,
                                                 .addresses_min = 40,
                                                 .through = {"cai_own_allocate_slow"}};
