/* Allocation for an authority: charged to the last unit, refused for the right reason, and not before credit that lies
 * with others has been found.
 */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "heaps/tree.h"
#include "os/os.h"
#include "support/audit.h"
#include "support/content.h"
#include "support/grants.h"
#include "support/own_heap.h"
#include "support/threads.h"

static const enum cai_place places[] = {CAI_PLACE_ordinary, CAI_PLACE_nocaps, CAI_PLACE_mustzero, CAI_PLACE_secret};

static ca_error error;

static char *take(const struct cai_grant *grant, size_t bytes)
{
    return cai_allocate_for(grant, CAI_PLACE_ordinary, bytes, 8, false, &error);
}

/* How much the authority was charged for what is out, all credit taken back. */
static size_t owed(const struct cai_grant *grant)
{
    cai_account_reclaim(grant->node);
    return cai_node_at(grant->node)->charged;
}

static struct cai_grant start(size_t quota)
{
    require(cai_life_attach() != NULL);
    return grant_new(quota);
}

/* --- who has it, and what it costs --- */

CHILD_TEST_EACH(test_C6_the_slot_or_the_whole_units_are_charged, 20, places)
{
    struct cai_grant grant = start(SIZE_MAX);
    size_t sum = 0;

    for (size_t bytes = 1; bytes < 1000000; bytes = bytes * 3 + 1)
        for (size_t align = 1; align <= 4096; align *= 16) {
            char *block = cai_allocate_for(&grant, value, bytes, align, true, &error);
            require(block != NULL && (uintptr_t)block % align == 0 && content_is_zero(block, bytes));
            struct cai_live live = own_live(value, block);
            require(cai_account_node(*cai_live_owner(live)) == grant.node);
            sum += cai_slot_bytes(live);
            require(owed(&grant) == sum);
        }
    require_null(audit_all());
}

CHILD_TEST_EACH(test_C5_the_default_authority_has_the_threads_heap, 20, places)
{
    struct cai_grant other = start(SIZE_MAX);
    struct cai_grant all = grant_default();

    for (size_t bytes = 1; bytes < 1000000; bytes = bytes * 3 + 1) {
        char *block = cai_allocate_for(&all, value, bytes, 64, true, &error);
        require(block != NULL && (uintptr_t)block % 64 == 0);
        require(*cai_live_owner(own_live(value, block)) == cai_self_heap()->id);
    }
    require(cai_allocate_for(&all, value, PTRDIFF_MAX, 8, false, &error) == NULL && error == CA_ERROR_OUT_OF_MEMORY);
    require(owed(&other) == 0 && cai_registry_first_account() == NULL);
}

/* The next blocks need no lock. */
CHILD_TEST(test_C5_the_fast_path_is_granted, 20)
{
    struct cai_grant grant = start(SIZE_MAX);
    char *block = take(&grant, 100);
    const struct cai_account *account = cai_registry_account(*cai_live_owner(own_live(CAI_PLACE_ordinary, block)));

    require(account->holder == cai_self);
    if (!cai_os_barrier_start())
        return; /* on such a kernel there is none */
    require(cai_bias_enter(cai_self, grant.authority.opaque[0], grant.authority.opaque[1]) == &account->owner.heap);
    cai_bias_leave(cai_self);
}

/* --- refused --- */

CHILD_TEST(test_C6_C7_refused_for_want_of_quota, 20)
{
    static const size_t sizes[] = {16, 1024, 32768, 4 * CAI_UNIT_BYTES};

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct cai_grant grant = start(3 * sizes[i]);
        require(take(&grant, sizes[i] + 1) != NULL || sizes[i] == 16);
        require(cai_reap_blocks(&grant) && owed(&grant) == 0);
        for (unsigned k = 0; k < 3; k++)
            require(take(&grant, sizes[i]) != NULL);
        require(take(&grant, sizes[i]) == NULL && error == CA_ERROR_QUOTA);
        require(take(&grant, 1) == NULL && error == CA_ERROR_QUOTA && owed(&grant) == 3 * sizes[i]);
        require_null(audit_all());
    }
}

CHILD_TEST(test_A3_what_nobody_can_have_costs_nothing, 20)
{
    struct cai_grant grant = start(SIZE_MAX);

    require(take(&grant, PTRDIFF_MAX) == NULL && error == CA_ERROR_OUT_OF_MEMORY);
    require(take(&grant, (size_t)1 << 45) == NULL && error == CA_ERROR_OUT_OF_MEMORY && owed(&grant) == 0);
    require(cai_allocate_for(&grant, CAI_PLACE_ordinary, 1, (size_t)1 << 41, false, &error) == NULL);
    require(error == CA_ERROR_OUT_OF_MEMORY && owed(&grant) == 0);
    require_null(audit_all());
}

/* Revoked by somebody else between finding it and using it: the account that was made for it does not stay. */
CHILD_TEST(test_C5_nothing_for_one_that_has_ended, 20)
{
    struct cai_grant grant = start(SIZE_MAX);

    require(cai_authority_kill(&grant, false));
    require(take(&grant, 100) == NULL && error == CA_ERROR_NOT_PERMITTED);
    require(take(&grant, 100000) == NULL && error == CA_ERROR_NOT_PERMITTED);
    const struct cai_account *account = cai_registry_first_account();
    require(account->node == CAI_NODE_DEFAULT && account->holder == NULL && account->next_account == NULL);
    cai_authority_drop();
    require(cai_node_at(grant.node)->life == CAI_LIFE_UNUSED);
}

/* --- credit of others --- */

static struct cai_grant shared;
static struct steps steps = STEPS_INIT;

static void *fill_and_stay(void *unused)
{
    require(cai_life_attach() != NULL && take(&shared, 1000) != NULL);
    step_reach(&steps, 1);
    step_await(&steps, 2);
    return unused;
}

/* A bin of eight slots, of which one is in use: the others pay for seven more here. */
CHILD_TEST(test_C6_credit_of_others_is_found_first, 20)
{
    shared = start(8 * 1024);
    pthread_t thread = thread_start(fill_and_stay, NULL);
    step_await(&steps, 1);
    for (unsigned i = 0; i < 7; i++)
        require(take(&shared, 1000) != NULL);
    require(take(&shared, 1000) == NULL && error == CA_ERROR_QUOTA);
    step_reach(&steps, 2);
    thread_join(thread);
    require_null(audit_all());
}

/* --- growing in place --- */

CHILD_TEST(test_C4_C6_growing_costs_the_difference, 20)
{
    struct cai_grant grant = start(CAI_MIB);
    char *block = take(&grant, 4 * CAI_UNIT_BYTES);
    struct cai_live live = own_live(CAI_PLACE_ordinary, block);

    require(cai_grow_for(&grant, live, 5 * CAI_UNIT_BYTES + 1) && cai_exact_bytes(live) == 5 * CAI_UNIT_BYTES + 1);
    require(owed(&grant) == 6 * CAI_UNIT_BYTES);
    require(cai_grow_for(&grant, live, 6 * CAI_UNIT_BYTES) && owed(&grant) == 6 * CAI_UNIT_BYTES); /* free of charge */
    require(!cai_grow_for(&grant, live, CAI_MIB + 1)); /* more than may be charged */
    require(cai_grow_for(&grant, live, CAI_MIB) && owed(&grant) == CAI_MIB);
    require(!cai_grow_for(&grant, live, PTRDIFF_MAX) && cai_exact_bytes(live) == CAI_MIB);
    require_null(audit_all());
}

CHILD_TEST(test_C6_growing_that_fails_costs_nothing, 20)
{
    struct cai_grant grant = start(SIZE_MAX);
    char *block = take(&grant, 4 * CAI_UNIT_BYTES);
    char *wall = take(&grant, 4 * CAI_UNIT_BYTES);

    require(wall == block + 4 * CAI_UNIT_BYTES);
    require(!cai_grow_for(&grant, own_live(CAI_PLACE_ordinary, block), 5 * CAI_UNIT_BYTES));
    require(owed(&grant) == 8 * CAI_UNIT_BYTES);
}

CHILD_TEST(test_C4_C7_only_its_own_authority_grows_a_block, 20)
{
    struct cai_grant grant = start(SIZE_MAX);
    struct cai_grant other = grant_new(SIZE_MAX), below = grant_below(&grant, CA_RIGHT_ALL, SIZE_MAX);
    struct cai_live live = own_live(CAI_PLACE_ordinary, take(&grant, 4 * CAI_UNIT_BYTES));
    struct cai_grant all = grant_default();
    struct cai_live of_thread = own_live(CAI_PLACE_ordinary, take(&all, 4 * CAI_UNIT_BYTES));

    require(!cai_grow_for(&other, live, 5 * CAI_UNIT_BYTES) && !cai_grow_for(&below, live, 5 * CAI_UNIT_BYTES));
    require(!cai_grow_for(&grant, of_thread, 5 * CAI_UNIT_BYTES));
    require(owed(&other) == 0 && owed(&grant) == 4 * CAI_UNIT_BYTES);
    require(cai_authority_kill(&grant, false));
    require(!cai_grow_for(&grant, live, 5 * CAI_UNIT_BYTES));
}

/* Credit in bins pays for growing, too. */
CHILD_TEST(test_C6_credit_is_found_for_growing, 20)
{
    enum { SMALL = 3 * CAI_UNIT_BYTES / 2 / 1024 };
    struct cai_grant grant = start(6 * CAI_UNIT_BYTES);
    char *small[SMALL];

    for (unsigned i = 0; i < SMALL; i++)
        small[i] = take(&grant, 1000);
    struct cai_live live = own_live(CAI_PLACE_ordinary, take(&grant, 4 * CAI_UNIT_BYTES));
    require(!cai_grow_for(&grant, live, 6 * CAI_UNIT_BYTES));
    for (unsigned i = 0; i < SMALL; i++)
        cai_free(CAI_PLACE_ordinary, small[i], "free");
    require(cai_grow_for(&grant, live, 6 * CAI_UNIT_BYTES) && owed(&grant) == 6 * CAI_UNIT_BYTES);
}

/* --- somebody else gives back between the refusal and the look for credit --- */

static bool somebody_else_settles;

bool __real_cai_account_reclaim(uint32_t node);
bool __wrap_cai_account_reclaim(uint32_t node);
bool __wrap_cai_account_reclaim(uint32_t node)
{
    bool found = __real_cai_account_reclaim(node);

    return found && !somebody_else_settles; /* theirs was first, and there is nothing left to find */
}

CHILD_TEST(test_C6_credit_that_others_settle_meanwhile_is_room, 20)
{
    enum { SMALL = 3 * CAI_UNIT_BYTES / 2 / 1024 };
    struct cai_grant grant = start(6 * CAI_UNIT_BYTES);
    char *small[SMALL];

    somebody_else_settles = true;
    struct cai_live live = own_live(CAI_PLACE_ordinary, take(&grant, 4 * CAI_UNIT_BYTES));
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < SMALL; i++)
            require((small[i] = take(&grant, 1000)) != NULL);
        for (unsigned i = 0; i < SMALL; i++)
            cai_free(CAI_PLACE_ordinary, small[i], "free");
        void *large = round == 0 ? take(&grant, 2 * CAI_UNIT_BYTES) : NULL;
        require((large != NULL) == (round == 0));
        cai_free(CAI_PLACE_ordinary, large, "free");
        if (round != 0)
            require(cai_grow_for(&grant, live, 6 * CAI_UNIT_BYTES) && owed(&grant) == 6 * CAI_UNIT_BYTES);
    }
    require(!cai_grow_for(&grant, live, 7 * CAI_UNIT_BYTES)); /* and it ends */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C6_the_slot_or_the_whole_units_are_charged),
        cmocka_unit_test(test_C5_the_default_authority_has_the_threads_heap),
        cmocka_unit_test(test_C5_the_fast_path_is_granted),
        cmocka_unit_test(test_C6_C7_refused_for_want_of_quota),
        cmocka_unit_test(test_A3_what_nobody_can_have_costs_nothing),
        cmocka_unit_test(test_C5_nothing_for_one_that_has_ended),
        cmocka_unit_test(test_C6_credit_of_others_is_found_first),
        cmocka_unit_test(test_C4_C6_growing_costs_the_difference),
        cmocka_unit_test(test_C6_growing_that_fails_costs_nothing),
        cmocka_unit_test(test_C4_C7_only_its_own_authority_grows_a_block),
        cmocka_unit_test(test_C6_credit_is_found_for_growing),
        cmocka_unit_test(test_C6_credit_that_others_settle_meanwhile_is_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
