/* The victim forks itself, in a signal handler, between any two of its instructions: parent and child both go back and
 * finish what was interrupted. With other threads and without.
 */
#include "situation.h"

#include "blocks/cache.h"

enum { SIZE = 250, COARSE = 5000 };

#define FOR_BOTH(what, how, ...)                                                                                       \
    const struct scenario scenario_handler_##what = {                                                                  \
        .name = "handler_" #what, .flags = SCENARIO_HANDLER | (how), .victim = what, __VA_ARGS__};                     \
    const struct scenario scenario_handler_##what##_alone = {.name = "handler_" #what "_alone",                        \
                                                             .flags = SCENARIO_HANDLER | SCENARIO_ALONE | (how),       \
                                                             .victim = what,                                           \
                                                             __VA_ARGS__}

static void take(void)
{
    result = ca_malloc(SIZE);
}

static void give(void)
{
    ca_free(operand->at);
}

static void malloc_fast(void)
{
    keep_variety();
    kept_give(keep(KIND_MALLOC, SIZE));
}
FOR_BOTH(malloc_fast, 0, .operation = take, .addresses_min = 20, .through = {"ca_malloc"});

static void malloc_slab(void)
{
    situation_no_room(KIND_MALLOC, SIZE);
}
FOR_BOTH(malloc_slab, 0, .operation = take, .addresses_min = 260, .through = {"cai_slab_create"});

static void free_fast(void)
{
    keep_variety();
    operand = situation_in_flight(KIND_MALLOC, SIZE);
}
FOR_BOTH(free_fast, 0, .operation = give, .addresses_min = 20, .through = {"ca_free"});

static void free_flush(void)
{
    situation_full_bin(KIND_MALLOC, COARSE, true);
}
FOR_BOTH(free_flush, 0, .operation = give, .addresses_min = 240, .through = {"cai_cache_put_full"});

static void trim_all(void)
{
    ca_trim();
}

static void trim(void)
{
    keep_variety();
    kept_give(keep(KIND_MALLOC, 50000));
    kept_give(keep(KIND_SECRET, 2000000));
}
FOR_BOTH(trim, 0, .operation = trim_all, .addresses_min = 320, .through = {"cai_purge_all"});

/* A short one and a large one. */
static void secrets(void)
{
    keep_variety();
    operand = keep_in_flight(KIND_SECRET, 100);
    keep_in_flight(KIND_SECRET, 100000);
}

static void give_secrets(void)
{
    ca_deallocate_zeroed(((ca_secret){operand[0].at, operand[0].size}));
    ca_deallocate_zeroed(((ca_secret){operand[1].at, operand[1].size}));
}
FOR_BOTH(secrets, SCENARIO_ZEROES, .operation = give_secrets, .addresses_min = 230, .through = {"cai_large_claim"});

static void realloc_large(void)
{
    keep_variety();
    operand = keep_in_flight(KIND_MALLOC, 300000);
    keep(KIND_MALLOC, 40000);
}

static void resize(void)
{
    result = ca_realloc(operand->at, 2000000);
}
FOR_BOTH(realloc_large, 0, .operation = resize, .addresses_min = 250, .through = {"cai_large_move"});

static void first_allocation(void) {}
FOR_BOTH(first_allocation, SCENARIO_COLD | SCENARIO_OURS, .operation = take, .addresses_min = 160,
         .through = {"cai_pages_start"});

/* A thread gets its heap: one that waits for it, with its name in no list for a moment. */
static void starts(void)
{
    situation_orphans(1);
    cai_self = &cai_thread_none;
}
FOR_BOTH(starts, 0, .operation = take, .addresses_min = 18, .through = {"cai_registry_adopt"});

/* Heaps that wait are emptied by somebody else's thread. */
static void cools(void)
{
    keep_variety();
    situation_orphans(2);
}
FOR_BOTH(cools, 0, .operation = trim_all, .addresses_min = 300, .through = {"cai_registry_take_warm"});

static ca_authority part;

static void revokes(void)
{
    ca_authority root;

    keep_variety();
    require(ca_heap_create(NULL, &root) == CA_OK);
    require(ca_authority_derive(root, CA_RIGHT_ALL, 1 << 20, &part) == CA_OK);
    keep_by(part, KIND_SECRET, 100);
    keep_by(part, KIND_NOCAPS, 50000);
    kept_give(keep_by(part, KIND_BLOCK, 3000));
}

static void revoke_part(void)
{
    ca_authority_revoke(part);
}
FOR_BOTH(revokes, 0, .operation = revoke_part, .addresses_min = 200, .through = {"cai_owned_transfer"});
