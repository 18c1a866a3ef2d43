/* Accounts: found for whoever uses an authority, one for each thread, charged before they are filled, and what lies in
 * their bins taken back by those who are refused for want of it.
 */
#include "unit/unit.h"

#include "core/settings.h"
#include "heaps/account.h"
#include "heaps/charge.h"
#include "heaps/life.h"
#include "heaps/tree.h"
#include "support/grants.h"
#include "support/own_heap.h"
#include "support/threads.h"

#include <stdlib.h>

enum { CLASS = 3, SLOT = 48 };

static struct cai_grant root, below, other;

static void start(size_t quota)
{
    require(cai_life_attach() != NULL);
    root = grant_new(quota);
    below = grant_below(&root, CA_RIGHT_ALL, SIZE_MAX);
    other = grant_new(SIZE_MAX);
}

/* This thread's account for the authority, not in use. */
static struct cai_account *account_for(const struct cai_grant *grant)
{
    struct cai_account *account = cai_account_use(grant, cai_self);

    require(account != NULL && !cai_lock_try(&account->use));
    require(account->node == grant->node && account->holder == cai_self && account->grant.rights == grant->rights);
    cai_account_return(account);
    require(cai_lock_try(&account->use));
    cai_account_return(account);
    return account;
}

/* Eight slots in its bin, charged and granted to the thread. */
static void fill(struct cai_account *account)
{
    require(cai_lock_try(&account->use));
    require(cai_account_charge_slots(account, 8, SLOT) == 8);
    require(cai_bin_count(own_fill(&account->owner.heap, CAI_PLACE_ordinary, CLASS)) == 8);
    cai_bias_grant(account);
    cai_account_return(account);
}

static size_t charged(const struct cai_grant *grant)
{
    return cai_node_at(grant->node)->charged;
}

/* --- whose account --- */

CHILD_TEST(test_C6_one_account_for_each_authority, 10)
{
    struct cai_grant many[CAI_ACCOUNTS_KNOWN + 1];
    struct cai_account *accounts[CAI_ACCOUNTS_KNOWN + 1];

    start(SIZE_MAX);
    struct cai_account *account = account_for(&root);
    require(account_for(&root) == account && account_for(&below) != account && account_for(&other) != account);
    /* More than the thread remembers: two of them share a place there. */
    for (unsigned i = 0; i <= CAI_ACCOUNTS_KNOWN; i++) {
        many[i] = grant_new(0);
        accounts[i] = account_for(&many[i]);
    }
    for (unsigned i = 0; i <= CAI_ACCOUNTS_KNOWN; i++)
        require(account_for(&many[i]) == accounts[i]);
    require(account_for(&root) == account);
}

static void *use_there(void *before)
{
    require(cai_life_attach() != NULL);
    require(account_for(&root) != before);
    cai_account_detach(cai_self);
    return NULL;
}

CHILD_TEST(test_C6_one_account_for_each_thread, 10)
{
    start(SIZE_MAX);
    struct cai_account *account = account_for(&root);
    in_thread(use_there, account);
    require(account_for(&root) == account);
}

static void *adopt_there(void *left)
{
    require(cai_life_attach() != NULL);
    require(account_for(&root) == left);
    return NULL;
}

/* What a thread leaves is used by the next one that has the authority; nobody in particular may, too. */
CHILD_TEST(test_C6_an_account_that_was_left_is_taken_over, 10)
{
    start(SIZE_MAX);
    struct cai_account *account = account_for(&root);
    cai_account_detach(cai_self);
    require(account->holder == NULL && account->node == root.node);
    in_thread(adopt_there, account);
    require(account->holder == NULL); /* that one has ended, too */
    cai_account_list_take();
    require(cai_account_use_listed(&root) == account && account->holder == NULL);
    cai_account_return(account);
    struct cai_account *nobodys = cai_account_use_listed(&other);
    require(nobodys != account && nobodys->node == other.node && nobodys->holder == NULL);
    cai_account_return(nobodys);
    cai_account_list_give();
    require(account_for(&other) == nobodys && account_for(&root) == account);
}

CHILD_TEST(test_C6_a_retired_account_serves_another_authority, 10)
{
    start(SIZE_MAX);
    struct cai_account *account = account_for(&root);
    require(cai_lock_try(&account->use));
    cai_account_retire(account);
    cai_account_return(account);
    require(account->node == CAI_NODE_DEFAULT && account->holder == NULL && account->grant.rights == 0);
    require(account_for(&other) == account);
    require(account_for(&root) != account);
}

CHILD_TEST(test_C6_who_pays_for_a_unit, 10)
{
    start(SIZE_MAX);
    struct cai_account *account = account_for(&below);
    uint32_t number = account->owner.heap.id;
    require(cai_account_node(number) == below.node);
    require(cai_account_node(0) == CAI_NODE_DEFAULT && cai_account_node(cai_self_heap()->id) == CAI_NODE_DEFAULT);
    require(cai_account_is_within(account, below.node) && cai_account_is_within(account, root.node));
    require(!cai_account_is_within(account, other.node));
    account->node = CAI_NODE_DEFAULT; /* serves nobody */
    require(!cai_account_is_within(account, root.node) && !cai_account_is_within(account, CAI_NODE_DEFAULT));
}

/* --- the owner of a unit, while it stays the owner --- */

static uint32_t entry;
static struct cai_account *first, *second;
static struct steps steps = STEPS_INIT;

static void *ask_there(void *expected)
{
    require(cai_life_attach() != NULL);
    step_reach(&steps, 1);
    struct cai_account *account = cai_account_of(&entry);
    require(account == expected);
    if (account != NULL)
        cai_account_return(account);
    return NULL;
}

CHILD_TEST(test_C6_an_owner_stays_what_it_is_while_it_is_in_use, 10)
{
    start(SIZE_MAX);
    first = account_for(&root);
    second = account_for(&other);
    require(cai_account_of(&entry) == NULL);
    entry = cai_self_heap()->id;
    require(cai_account_of(&entry) == NULL);
    entry = first->owner.heap.id;
    require(cai_account_of(&entry) == first && !cai_lock_try(&first->use));
    cai_account_return(first);
}

static const bool no_yes[] = {false, true};

/* Handed over, or ended, while somebody waits for the account. */
CHILD_TEST_EACH(test_C6_an_owner_that_changes_is_looked_up_anew, 10, no_yes)
{
    start(SIZE_MAX);
    first = account_for(&root);
    second = account_for(&other);
    entry = first->owner.heap.id;
    require(cai_lock_try(&first->use));
    pthread_t thread = thread_start(ask_there, value ? second : NULL);
    step_await(&steps, 1);
    pause_ms(50);
    cai_store_release(&entry, value ? second->owner.heap.id : 0);
    cai_account_return(first);
    thread_join(thread);
    require(cai_lock_try(&first->use));
}

/* --- charging for slots --- */

CHILD_TEST(test_C6_C7_as_many_slots_as_can_be_paid_for, 10)
{
    start(3 * SLOT);
    struct cai_account *account = account_for(&root);
    require(cai_account_charge_slots(account, 8, SLOT) == 2 && account->refused == CA_OK);
    require(cai_account_charge_slots(account, 8, SLOT) == 1 && charged(&root) == 3 * SLOT);
    require(cai_account_charge_slots(account, 8, SLOT) == 0 && account->refused == CA_ERROR_QUOTA);
    cai_account_credit(account, SLOT);
    require(account->uncharged == SLOT);
    require(cai_account_charge_slots(account, 1, SLOT) == 1 && account->refused == CA_OK);
    require(cai_authority_kill(&root, false));
    require(cai_account_charge_slots(account, 1, 0) == 0 && account->refused == CA_ERROR_NOT_PERMITTED);
}

/* --- taking credit back --- */

static void *fill_and_stay(void *unused)
{
    require(cai_life_attach() != NULL);
    fill(account_for(&below));
    step_reach(&steps, 1);
    step_await(&steps, 2);
    return unused;
}

/* Of whoever has a limit in common, other threads' too. */
CHILD_TEST(test_C6_credit_is_taken_back_from_the_whole_tree, 10)
{
    start(SIZE_MAX);
    struct cai_account *beside = account_for(&other);
    fill(beside);
    fill(account_for(&root));
    pthread_t thread = thread_start(fill_and_stay, NULL);
    step_await(&steps, 1);
    require(charged(&root) == 2 * 8 * SLOT && charged(&other) == 8 * SLOT);
    require(cai_account_reclaim(below.node));
    require(charged(&root) == 0 && charged(&below) == 0);
    require(charged(&other) == 8 * SLOT && cai_charge_credit(beside) == 8 * SLOT);
    require(!cai_account_reclaim(below.node)); /* there is none left */
    step_reach(&steps, 2);
    thread_join(thread);
}

CHILD_TEST(test_D6_flushing_all_or_what_is_idle, 10)
{
    start(SIZE_MAX);
    struct cai_account *busy = account_for(&root), *idle = account_for(&other), *in_use = account_for(&below);
    fill(busy);
    fill(idle);
    fill(in_use);
    require(cai_lock_try(&in_use->use));
    cai_account_flush(true); /* the first look */
    busy->owner.heap.bins[CAI_PLACE_ordinary][CLASS].countdown--;
    cai_account_flush(true);
    require(cai_charge_credit(busy) == 8 * SLOT && cai_charge_credit(idle) == 0 && charged(&other) == 0);
    cai_account_flush(false);
    require(cai_charge_credit(busy) == 0 && cai_charge_credit(in_use) == 8 * SLOT);
    require(charged(&root) == 8 * SLOT && charged(&below) == 8 * SLOT);
    cai_account_return(in_use);
    cai_account_flush(false);
    require(charged(&root) == 0);
}

CHILD_TEST(test_C6_a_thread_that_ends_leaves_its_credit, 10)
{
    start(SIZE_MAX);
    struct cai_account *account = account_for(&root), *second_one = account_for(&other);
    fill(account);
    fill(second_one);
    cai_account_detach(cai_self);
    require(account->holder == NULL && second_one->holder == NULL && account->owner.key[0] == 0);
    require(cai_cache_bytes(&account->owner.heap) == 0 && account->uncharged == 8 * SLOT);
    require(cai_self->owner.recent == 0);
}

/* --- fork --- */

static void *fill_and_stop_inside(void *unused)
{
    require(cai_life_attach() != NULL);
    second = account_for(&below);
    fill(second);
    cai_bias_step_inside(cai_self);
    step_reach(&steps, 1);
    step_await(&steps, 2);
    cai_bias_leave(cai_self);
    return unused;
}

/* In a child, a holder that is not there may have stopped inside: it is not waited for. */
CHILD_TEST(test_D3_C6_accounts_of_threads_that_are_not_there, 10)
{
    start(SIZE_MAX);
    first = account_for(&root);
    fill(first);
    pthread_t thread = thread_start(fill_and_stop_inside, NULL);
    step_await(&steps, 1);
    cai_registry_repair();
    cai_account_repair();
    cai_account_repair_rest();
    require(second->holder == NULL && second->owner.key[0] == 0 && second->uncharged == 8 * SLOT);
    require(first->holder == cai_self && first->owner.key[0] == 0 && first->uncharged == 0); /* granted when used */
    step_reach(&steps, 2);
    thread_join(thread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C6_one_account_for_each_authority),
        cmocka_unit_test(test_C6_one_account_for_each_thread),
        cmocka_unit_test(test_C6_an_account_that_was_left_is_taken_over),
        cmocka_unit_test(test_C6_a_retired_account_serves_another_authority),
        cmocka_unit_test(test_C6_who_pays_for_a_unit),
        cmocka_unit_test(test_C6_an_owner_stays_what_it_is_while_it_is_in_use),
        cmocka_unit_test(test_C6_an_owner_that_changes_is_looked_up_anew),
        cmocka_unit_test(test_C6_C7_as_many_slots_as_can_be_paid_for),
        cmocka_unit_test(test_C6_credit_is_taken_back_from_the_whole_tree),
        cmocka_unit_test(test_D6_flushing_all_or_what_is_idle),
        cmocka_unit_test(test_C6_a_thread_that_ends_leaves_its_credit),
        cmocka_unit_test(test_D3_C6_accounts_of_threads_that_are_not_there),
    };

    setenv(CAI_SETTINGS_ENV, "decay=3600000", 1); /* so that nothing goes back by itself meanwhile */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
