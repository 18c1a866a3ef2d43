/* Operations that are wrong on purpose for some instructions, so that the harness can show that it finds such things;
 * and one that is right and makes a fork wait.
 */
#include "situation.h"

#include "blocks/find.h"
#include "pages/zone.h"

#include <pthread.h>
#include <unistd.h>

static struct kept *block;

static void keep_one(void)
{
    keep_variety();
    block = keep(KIND_MALLOC, 100);
}

/* The content of a block that lives on is not there for a moment. */
static void change_content(void)
{
    volatile char *first = block->at;
    char before = *first;

    *first = (char)~before;
    *first = before;
}

const struct scenario scenario_wrong_content = {
    .name = "wrong_content", .flags = SCENARIO_WRONG, .victim = keep_one, .operation = change_content};

/* A block is in a bin and in use at the same time. */
static void hand_out_twice(void)
{
    struct cai_live live = cai_find_live(CAI_PLACE_ordinary, block->at);
    uint8_t before = *live.state;

    __atomic_store_n(live.state, CAI_STATE_IN_SLAB, __ATOMIC_RELAXED);
    __atomic_store_n(live.state, before, __ATOMIC_RELAXED);
}

const struct scenario scenario_wrong_twice = {
    .name = "wrong_twice", .flags = SCENARIO_WRONG, .victim = keep_one, .operation = hand_out_twice};

/* A list is broken for a moment. */
static void break_a_list(void)
{
    struct cai_zone *zone = &cai_zones[cai_zone_number(CAI_PLACE_ordinary, CAI_COARSE)];
    size_t before = zone->dirty_units;

    __atomic_store_n(&zone->dirty_units, before + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&zone->dirty_units, before, __ATOMIC_RELAXED);
}

const struct scenario scenario_wrong_counter = {
    .name = "wrong_counter", .flags = SCENARIO_WRONG, .victim = keep_one, .operation = break_a_list};

/* A lock that no fork waits for: who needs it in the child waits for ever. */
static volatile uint32_t lock;

static void hold_a_lock(void)
{
    lock = 1;
    lock = 0;
}

static void wait_for_the_lock(void)
{
    while (lock != 0)
        usleep(1000);
}

const struct scenario scenario_wrong_lock = {.name = "wrong_lock",
                                             .flags = SCENARIO_WRONG,
                                             .victim = keep_one,
                                             .operation = hold_a_lock,
                                             .in_child = wait_for_the_lock};

/* Memory that must be zero is not, and nobody uses it. */
static char *secret;

static void give_a_secret(void)
{
    keep_variety();
    struct kept *given = keep(KIND_SECRET, 100);
    secret = given->at;
    kept_give(given);
}

static void write_after_free(void)
{
    *(volatile char *)secret = 1;
    *(volatile char *)secret = 0;
}

const struct scenario scenario_wrong_secret = {.name = "wrong_secret",
                                               .flags = SCENARIO_WRONG | SCENARIO_ZEROES,
                                               .victim = give_a_secret,
                                               .operation = write_after_free};

/* A fork that waits for a lock which its own thread holds. */
static void let_fork_wait(void)
{
    keep_variety();
    require(pthread_atfork(wait_for_the_lock, NULL, NULL) == 0);
}

const struct scenario scenario_wrong_in_handler = {.name = "wrong_in_handler",
                                                   .flags = SCENARIO_WRONG | SCENARIO_HANDLER | SCENARIO_ALONE,
                                                   .victim = let_fork_wait,
                                                   .operation = hold_a_lock};

/* The same between two threads is over when the victim goes on. */
const struct scenario scenario_fork_waits = {
    .name = "fork_waits", .main = let_fork_wait, .victim = keep_variety, .operation = hold_a_lock, .locked_min = 1};
