/* What a process does beside allocating: it protects its secrets, its helper gives memory back, and the child of a fork
 * repairs what lost threads left.
 */
#include "situation.h"

#include "heaps/claim.h"
#include "heaps/housekeeping.h"
#include "os/process.h"

#include <capalloc/protect.h>

static void nothing(void) {}

/* --- protection --- */

/* Not wiping: the children look for the content of blocks. */
static void protect(void)
{
    ca_protect(CA_PROTECT_NO_DUMP | CA_PROTECT_LOCK, NULL);
}

const struct scenario scenario_protect = {
    .name = "protect", .operation = protect, .addresses_min = 50, .through = {"cai_policy_want", "cai_policy_apply"}};

/* What is hidden already has no content in a child: nothing is kept there. */
static void hide(void)
{
    keep_variety();
    ca_protect(CA_PROTECT_HIDE, NULL);
}

static void use_hidden(void)
{
    ca_secret secret = ca_unwrap(ca_allocate_secret(ca_default_authority(), (ca_layout){3000000, 16}));

    ca_deallocate_zeroed(secret);
    ca_trim();
}

const struct scenario scenario_hidden = {.name = "hidden",
                                         .flags = SCENARIO_ZEROES,
                                         .victim = hide,
                                         .operation = use_hidden,
                                         .addresses_min = 100,
                                         .through = {"cai_policy_map", "cai_purge_all"}};

/* --- the helper --- */

static struct kept *given[3];

static void keep_for_neighbour(void)
{
    keep_variety();
    for (unsigned i = 0; i < 3; i++)
        given[i] = keep(KIND_MALLOC, 100 + 1000 * i);
    situation_dirty(KIND_MALLOC, 3000000);
    situation_dirty(KIND_SECRET, 2000000);
}

/* Untold frees, told ones, and credit of an account. */
static void leave_work(void)
{
    ca_authority root;

    keep_variety();
    for (unsigned i = 0; i < 3; i++)
        kept_give(given[i]);
    require(ca_heap_create(NULL, &root) == CA_OK);
    kept_give(keep_by(root, KIND_SECRET, 100));
    keep_by(root, KIND_NOCAPS, 300);
    situation_orphans(2);
}

static void help(void)
{
    clock_advance(100000);
    cai_housekeeping_purge(cai_os_milliseconds());
    clock_advance(100000);
    cai_housekeeping_purge(cai_os_milliseconds());
}

const struct scenario scenario_helper = {.name = "helper",
                                         .main = keep_for_neighbour,
                                         .neighbour = leave_work,
                                         .victim = nothing,
                                         .operation = help,
                                         .addresses_min = 150,
                                         .through = {"cai_cache_collect", "cai_account_flush", "cai_purge_old"}};

/* --- repair --- */

/* A heap whose thread is nowhere, as the child of a fork has it, and what that thread had claimed. */
static void lose_a_heap(void)
{
    struct cai_thread *own = cai_self;

    cai_self = &cai_thread_none;
    keep_variety();
    kept_give(keep(KIND_MALLOC, 60000));
    kept_give(keep(KIND_SECRET, 90000));
    require(cai_claim(cai_find_live(CAI_PLACE_secret, keep_in_flight(KIND_SECRET, 200)->at)));
    cai_self = own;
    cai_registry_hold(own);
}

/* And locks that such threads held. */
static void lose_locks(void)
{
    static const uint32_t nobody = 1000000;

    keep(KIND_MALLOC, 100);
    cai_registry_first()->next->heap.lock.word = nobody;
    cai_zones[1].lock.word = nobody;
}

static void lose_heap_and_locks(void)
{
    lose_a_heap();
    lose_locks();
}

static void repair(void)
{
    cai_process->state = CAI_PROCESS_NEW;
    cai_process_notice();
}

const struct scenario scenario_repair = {.name = "repair",
                                         .main = lose_a_heap,
                                         .neighbour = nothing,
                                         .victim = lose_locks,
                                         .operation = repair,
                                         .addresses_min = 150,
                                         .through = {"cai_repair", "cai_cache_rebuild", "cai_repair_rest"}};
const struct scenario scenario_handler_repair_alone = {
    .name = "handler_repair_alone",
    .flags = SCENARIO_HANDLER | SCENARIO_ALONE,
    .victim = lose_heap_and_locks,
    .operation = repair,
    .addresses_min = 150,
    .through = {"cai_repair", "cai_cache_rebuild", "cai_repair_rest"}};
