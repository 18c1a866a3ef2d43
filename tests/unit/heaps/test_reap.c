/* The end of authorities: their blocks go back cleared or to an heir, and what is charged goes with them. */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "heaps/tree.h"
#include "support/audit.h"
#include "support/content.h"
#include "support/grants.h"
#include "support/own_heap.h"
#include "support/threads.h"

static bool memory_is_short;

void *__real_cai_meta_allocate(size_t bytes);
void *__wrap_cai_meta_allocate(size_t bytes);

void *__wrap_cai_meta_allocate(size_t bytes)
{
    return memory_is_short ? NULL : __real_cai_meta_allocate(bytes);
}

enum { SIZES = 4, ALL = CAI_PLACES * SIZES };
static const size_t sizes[SIZES] = {40, 500, 5000, 100000};

/* One block of each size in each place. */
struct blocks {
    char *block[CAI_PLACES][SIZES];
};

static struct blocks take_all(const struct cai_grant *grant)
{
    struct blocks blocks;

    for (enum cai_place place = 0; place < CAI_PLACES; place++)
        for (unsigned i = 0; i < SIZES; i++) {
            ca_error error;
            blocks.block[place][i] = cai_allocate_for(grant, place, sizes[i], 8, false, &error);
            require(blocks.block[place][i] != NULL);
            memset(blocks.block[place][i], 0x5a, sizes[i]);
        }
    return blocks;
}

/* How many are live and as they were written, charged to this node; the default one: and no account's. */
static unsigned count(const struct blocks *blocks, uint32_t node)
{
    unsigned live = 0;

    for (enum cai_place place = 0; place < CAI_PLACES; place++)
        for (unsigned i = 0; i < SIZES; i++) {
            const char *block = blocks->block[place][i];
            struct cai_live there = cai_find_live(place, block);
            if (there.state == NULL)
                continue;
            require(block[0] == 0x5a && block[sizes[i] - 1] == 0x5a);
            uint32_t owner = *cai_live_owner(there);
            live += cai_account_node(owner) == node && cai_is_account(owner) == (node != CAI_NODE_DEFAULT);
        }
    return live;
}

static void free_all(const struct blocks *blocks)
{
    for (enum cai_place place = 0; place < CAI_PLACES; place++)
        for (unsigned i = 0; i < SIZES; i++)
            cai_free(place, blocks->block[place][i], "free");
}

static void check(void)
{
    require_null(audit_all());
    require_null(audit_zeros(true));
}

static size_t charged(const struct cai_grant *grant)
{
    return cai_node_at(grant->node)->charged;
}

static struct cai_grant root, left, right, leaf;

static void start(void)
{
    require(cai_life_attach() != NULL);
    root = grant_new(SIZE_MAX);
    left = grant_below(&root, CA_RIGHT_ALL, SIZE_MAX);
    right = grant_below(&root, CA_RIGHT_ALL, SIZE_MAX);
    leaf = grant_below(&right, CA_RIGHT_ALL, SIZE_MAX);
}

static void *take_there(void *grant)
{
    static struct blocks blocks;

    blocks = take_all(grant);
    return &blocks;
}

/* --- free_all: the authority stays --- */

CHILD_TEST(test_C6_Z5_all_blocks_of_a_subtree_go, 20)
{
    start();
    struct blocks of_root = take_all(&root), of_right = take_all(&right), of_leaf = take_all(&leaf);
    pthread_t thread = thread_start(take_there, &leaf);
    void *there;
    require(pthread_join(thread, &there) == 0);
    require(count(there, leaf.node) == ALL && count(&of_leaf, leaf.node) == ALL);
    require(cai_reap_blocks(&right));
    require(count(&of_right, right.node) == 0 && count(&of_leaf, leaf.node) == 0 && count(there, leaf.node) == 0);
    require(count(&of_root, root.node) == ALL && charged(&right) == 0 && charged(&leaf) == 0);
    check();
    of_leaf = take_all(&leaf); /* they go on */
    require(count(&of_leaf, leaf.node) == ALL);
    require(cai_reap_blocks(&root) && charged(&root) == 0);
    check();
}

CHILD_TEST(test_C6_blocks_of_one_that_has_ended_are_not_touched, 20)
{
    start();
    struct blocks of_left = take_all(&left);
    require(cai_authority_kill(&left, false));
    require(!cai_reap_blocks(&left) && count(&of_left, left.node) == ALL);
}

/* --- revoked: an heir has the blocks --- */

CHILD_TEST(test_C5_C6_blocks_of_the_revoked_are_their_parents, 20)
{
    start();
    struct blocks of_right = take_all(&right), of_leaf = take_all(&leaf), of_left = take_all(&left);
    cai_reap(); /* nobody is dead */
    require(count(&of_right, right.node) == ALL && count(&of_leaf, leaf.node) == ALL);
    size_t before = charged(&root) - charged(&left);
    require(cai_authority_kill(&right, false));
    cai_reap();
    require(count(&of_right, root.node) == ALL && count(&of_leaf, root.node) == ALL);
    require(count(&of_left, left.node) == ALL);
    require(cai_node_at(right.node)->life == CAI_LIFE_UNUSED && cai_node_at(leaf.node)->life == CAI_LIFE_UNUSED);
    require(charged(&root) - charged(&left) <= before); /* without what lay in bins */
    check();
    free_all(&of_right);
    free_all(&of_leaf);
    struct cai_account *heir = cai_account_use(&root, cai_self);
    cai_charge_settle(heir);
    cai_account_return(heir);
    require(charged(&root) == charged(&left));
    check();
}

/* Of a heap's root nobody is the heir: the heap that threads share has them, and nobody pays. */
CHILD_TEST(test_C5_C6_blocks_of_a_revoked_root_are_everybodys, 20)
{
    start();
    struct blocks of_root = take_all(&root), of_leaf = take_all(&leaf);
    require(cai_authority_kill(&root, false));
    cai_reap();
    require(count(&of_root, CAI_NODE_DEFAULT) == ALL && count(&of_leaf, CAI_NODE_DEFAULT) == ALL);
    require(cai_node_at(root.node)->life == CAI_LIFE_UNUSED);
    check();
    free_all(&of_root);
    free_all(&of_leaf);
    check();
}

static const bool no_yes[] = {false, true};

/* No memory for the heir's account, or for the heap that threads share: they stay until the next time. */
CHILD_TEST_EACH(test_C6_without_memory_for_an_heir_they_wait, 20, no_yes)
{
    start();
    struct cai_grant dead = value ? root : leaf;
    struct blocks of_dead = take_all(&dead);
    size_t before = charged(&dead);
    require(cai_authority_kill(&dead, false));
    memory_is_short = true;
    cai_reap();
    require(count(&of_dead, dead.node) == ALL && cai_node_at(dead.node)->life == CAI_LIFE_KILLED);
    require(charged(&dead) == before);
    memory_is_short = false;
    cai_reap();
    require(count(&of_dead, value ? CAI_NODE_DEFAULT : right.node) == ALL);
    require(cai_node_at(dead.node)->life == CAI_LIFE_UNUSED);
    check();
}

/* --- destroyed: the blocks end --- */

CHILD_TEST(test_C6_Z5_blocks_of_the_destroyed_go, 20)
{
    start();
    struct blocks of_right = take_all(&right), of_leaf = take_all(&leaf), of_left = take_all(&left);
    pthread_t thread = thread_start(take_there, &right);
    void *there;
    require(pthread_join(thread, &there) == 0);
    require(cai_authority_kill(&right, true));
    cai_reap();
    require(count(&of_right, right.node) == 0 && count(&of_leaf, leaf.node) == 0 && count(there, right.node) == 0);
    require(count(&of_left, left.node) == ALL && charged(&root) == charged(&left));
    check();
    struct cai_grant again = grant_below(&root, CA_RIGHT_ALL, SIZE_MAX); /* its accounts serve others */
    struct cai_account *accounts = cai_registry_first_account();
    take_all(&again);
    require(cai_registry_first_account() == accounts);
    check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C6_Z5_all_blocks_of_a_subtree_go),
        cmocka_unit_test(test_C6_blocks_of_one_that_has_ended_are_not_touched),
        cmocka_unit_test(test_C5_C6_blocks_of_the_revoked_are_their_parents),
        cmocka_unit_test(test_C5_C6_blocks_of_a_revoked_root_are_everybodys),
        cmocka_unit_test(test_C6_without_memory_for_an_heir_they_wait),
        cmocka_unit_test(test_C6_Z5_blocks_of_the_destroyed_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
