/* Charges: what a node has charged is the sum of its subtree, at every moment, and never more or less than what was
 * charged and taken back.
 */
#include "unit/unit.h"

#include "heaps/charge.h"
#include "heaps/tree.h"
#include "support/grants.h"
#include "support/pages.h"

#include <string.h>

/* A root with a quota, two below it, one below the second; and an account of each. */
static struct cai_grant root, left, right, leaf;
static struct cai_account *of_root, *of_left, *of_right, *of_leaf;

static struct cai_account *account_of(const struct cai_grant *grant)
{
    struct cai_account *account = cai_registry_create_account();

    require(account != NULL);
    account->node = grant->node;
    account->grant = *grant;
    return account;
}

static void start(void)
{
    start_pages();
    root = grant_new(1000);
    left = grant_below(&root, CA_RIGHT_ALL, 600);
    right = grant_below(&root, CA_RIGHT_ALL, SIZE_MAX);
    leaf = grant_below(&right, CA_RIGHT_ALL, 300);
    of_root = account_of(&root);
    of_left = account_of(&left);
    of_right = account_of(&right);
    of_leaf = account_of(&leaf);
}

/* What is charged to each of the four. */
static bool charged(size_t at_root, size_t at_left, size_t at_right, size_t at_leaf)
{
    return cai_node_at(root.node)->charged == at_root && cai_node_at(left.node)->charged == at_left &&
           cai_node_at(right.node)->charged == at_right && cai_node_at(leaf.node)->charged == at_leaf;
}

static void give_back(struct cai_account *account, size_t bytes)
{
    account->uncharged += bytes;
}

CHILD_TEST(test_C6_a_charge_counts_all_the_way_up, 10)
{
    start();
    require(cai_charge(of_leaf, &leaf, 100) == CA_OK && charged(100, 0, 100, 100));
    require(cai_charge(of_left, &left, 50) == CA_OK && charged(150, 50, 100, 100));
    require(cai_charge(of_root, &root, 7) == CA_OK && charged(157, 50, 100, 100));
    require(cai_charge(of_right, &right, 3) == CA_OK && charged(160, 50, 103, 100));
    require(of_leaf->charged == 100 && of_left->charged == 50 && of_root->charged == 7 && of_right->charged == 3);
    give_back(of_leaf, 40);
    require(charged(160, 50, 103, 100)); /* until it is settled */
    require(cai_charge_settle(of_leaf) == 40 && charged(120, 50, 63, 60) && of_leaf->charged == 60);
    require(cai_charge_settle(of_leaf) == 0);
}

CHILD_TEST(test_C6_C7_each_limit_on_the_way_up, 10)
{
    start();
    require(cai_charge(of_leaf, &leaf, 301) == CA_ERROR_QUOTA && charged(0, 0, 0, 0));
    require(cai_charge(of_leaf, &leaf, 300) == CA_OK);
    require(cai_charge(of_leaf, &leaf, 1) == CA_ERROR_QUOTA && charged(300, 0, 300, 300) && of_leaf->charged == 300);
    require(cai_charge(of_right, &right, 701) == CA_ERROR_QUOTA);
    require(cai_charge(of_right, &right, 200) == CA_OK && charged(500, 0, 500, 300));
    require(cai_charge(of_left, &left, 501) == CA_ERROR_QUOTA && charged(500, 0, 500, 300)); /* the root's */
    require(cai_charge(of_left, &left, 500) == CA_OK && charged(1000, 500, 500, 300));
    require(cai_charge(of_right, &right, 1) == CA_ERROR_QUOTA && cai_charge(of_right, &right, 0) == CA_OK);
    require(cai_charge(of_root, &root, SIZE_MAX) == CA_ERROR_QUOTA);
    give_back(of_right, 10); /* is settled before anything is refused, if it is the same account's */
    require(cai_charge(of_right, &right, 10) == CA_OK && charged(1000, 500, 500, 300));
    require(cai_charge(of_right, &right, 1) == CA_ERROR_QUOTA);
}

CHILD_TEST(test_C5_nothing_is_charged_to_the_dead, 10)
{
    start();
    require(cai_charge(of_leaf, &leaf, 100) == CA_OK);
    require(cai_authority_kill(&right, false));
    require(cai_charge(of_leaf, &leaf, 1) == CA_ERROR_NOT_PERMITTED);
    require(cai_charge(of_right, &right, 1) == CA_ERROR_NOT_PERMITTED && charged(100, 0, 100, 100));
    require(cai_charge(of_root, &left, 1) == CA_ERROR_NOT_PERMITTED); /* nor by another node's account */
    require(cai_charge(of_left, &left, 1) == CA_OK);
    give_back(of_leaf, 100); /* what they owe is taken back all the same */
    require(cai_charge_settle(of_leaf) == 100 && charged(1, 1, 0, 0));
}

/* A program that frees while it destroys may count a block twice. */
CHILD_TEST(test_C6_never_below_zero, 10)
{
    start();
    require(cai_charge(of_leaf, &leaf, 100) == CA_OK && cai_charge(of_right, &right, 50) == CA_OK);
    give_back(of_leaf, 130);
    require(cai_charge_settle(of_leaf) == 100 && of_leaf->charged == 0 && of_leaf->uncharged == 0);
    require(charged(50, 0, 50, 0));
    give_back(of_right, 20);
    cai_charge_clear(of_right);
    require(of_right->charged == 0 && of_right->uncharged == 0 && charged(0, 0, 0, 0));
    cai_charge_clear(of_right);
    require(charged(0, 0, 0, 0));
}

/* Blocks that pass to the parent: its own charge grows, and nothing above it notices. */
CHILD_TEST(test_C6_what_is_handed_over_is_owed_by_the_heir, 10)
{
    start();
    require(cai_charge(of_leaf, &leaf, 100) == CA_OK && cai_charge(of_right, &right, 50) == CA_OK);
    give_back(of_leaf, 30);
    cai_charge_transfer(of_leaf, of_right);
    require(of_leaf->charged == 0 && of_leaf->uncharged == 0 && of_right->charged == 120);
    require(charged(120, 0, 120, 70)); /* the node that ended is not looked at any more */
    give_back(of_right, 120);
    require(cai_charge_settle(of_right) == 120 && charged(0, 0, 0, 70));
}

CHILD_TEST(test_C6_what_remains_is_the_least_on_the_way_up, 10)
{
    start();
    struct cai_grant all = grant_default();
    struct cai_grant free = grant_new(SIZE_MAX);
    require(cai_charge_quota(leaf.node) == 300 && cai_charge_quota(right.node) == 1000);
    require(cai_charge_quota(left.node) == 600 && cai_charge_quota(free.node) == SIZE_MAX);
    require(cai_charge_quota(CAI_NODE_DEFAULT) == SIZE_MAX);
    require(cai_charge(of_left, &left, 550) == CA_OK && cai_charge(of_right, &right, 250) == CA_OK);
    require(cai_charge_remaining(&left) == 50 && cai_charge_remaining(&right) == 200);
    require(cai_charge_remaining(&leaf) == 200 && cai_charge_remaining(&root) == 200);
    require(cai_charge_remaining(&all) == SIZE_MAX && cai_charge_remaining(&free) == SIZE_MAX);
    give_back(of_left, 20); /* credit remains */
    require(cai_charge_credit(of_left) == 20 && cai_charge_credit(of_right) == 0);
    require(cai_charge_remaining(&left) == 70 && cai_charge_remaining(&root) == 220);
    give_back(of_left, 10000);
    require(cai_charge_remaining(&left) == 600 && cai_charge_remaining(&leaf) == 300);
    require(cai_authority_kill(&left, false));
    require(cai_charge_remaining(&left) == 0);
}

/* What lies in bins is charged, and is credit. */
CHILD_TEST(test_C6_credit_is_what_lies_in_bins_too, 10)
{
    start();
    require(cai_charge(of_left, &left, 500) == CA_OK);
    static void *slots[5];
    of_left->owner.heap.bins[CAI_PLACE_ordinary][3] =
        (struct cai_bin){.base = slots, .top = slots + 5, .end = slots + 5};
    of_left->owner.heap.bins[CAI_PLACE_secret][1] = (struct cai_bin){.base = slots, .top = slots + 1, .end = slots + 5};
    give_back(of_left, 100);
    require(cai_charge_credit(of_left) == 5 * 48 + 16 + 100);
    require(cai_charge_remaining(&left) == 600 - 500 + 5 * 48 + 16 + 100);
}

CHILD_TEST(test_C5_description, 10)
{
    union {
        ca_authority_info info;
        unsigned char bytes[sizeof(ca_authority_info)];
    } shorter;
    ca_authority_info info = CA_AUTHORITY_INFO_INIT;

    start();
    struct cai_grant all = grant_default();
    require(cai_charge(of_leaf, &leaf, 100) == CA_OK);
    give_back(of_leaf, 30);
    require(cai_charge_describe(&right, &info));
    require(info.struct_size == sizeof info && info.rights == CA_RIGHT_ALL && info.quota_bytes == SIZE_MAX);
    require(info.charged_bytes == 70 && strcmp(info.name, "test") == 0); /* its heap's name */
    require(cai_charge_describe(&all, &info));
    require(info.rights == ((CA_RIGHT_ALL & ~(unsigned)CA_RIGHT_DESTROY) | CA_RIGHT_CLAIM_ZERO) &&
            info.quota_bytes == SIZE_MAX);
    require(info.charged_bytes == 0 && info.name[0] == '\0');
    memset(&shorter, 0xa5, sizeof shorter);
    shorter.info.struct_size = offsetof(ca_authority_info, charged_bytes);
    require(cai_charge_describe(&leaf, &shorter.info) && shorter.info.quota_bytes == 300);
    for (size_t i = offsetof(ca_authority_info, charged_bytes); i < sizeof shorter; i++)
        require(shorter.bytes[i] == 0xa5);
    require(cai_authority_kill(&leaf, false));
    shorter.info.quota_bytes = 5;
    require(!cai_charge_describe(&leaf, &shorter.info) && shorter.info.quota_bytes == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C6_a_charge_counts_all_the_way_up),
        cmocka_unit_test(test_C6_C7_each_limit_on_the_way_up),
        cmocka_unit_test(test_C5_nothing_is_charged_to_the_dead),
        cmocka_unit_test(test_C6_never_below_zero),
        cmocka_unit_test(test_C6_what_is_handed_over_is_owed_by_the_heir),
        cmocka_unit_test(test_C6_what_remains_is_the_least_on_the_way_up),
        cmocka_unit_test(test_C6_credit_is_what_lies_in_bins_too),
        cmocka_unit_test(test_C5_description),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
