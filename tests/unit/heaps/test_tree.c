/* Nodes of the tree of authorities: found by number in whatever block they lie, alive under their own words only, and
 * within those above them.
 */
#include "unit/unit.h"

#include "heaps/tree.h"
#include "support/grants.h"
#include "support/pages.h"

CHILD_TEST(test_a_number_is_a_node_in_every_block, 10)
{
    enum { COUNT = 3 * CAI_NODES_PER_BLOCK };
    struct cai_grant grants[COUNT];

    start_pages();
    for (unsigned i = 0; i < COUNT; i++)
        grants[i] = grant_new(i);
    for (unsigned i = 0; i < COUNT; i++) {
        require(grants[i].node == i + 1 && cai_node_at(grants[i].node)->quota == i);
        require(grants[i].node / CAI_NODES_PER_BLOCK < CAI_NODE_BLOCKS);
    }
    require(cai_tree_blocks[2] != NULL && cai_tree_blocks[4] == NULL && cai_tree.count == COUNT + 1);
}

CHILD_TEST(test_C5_a_node_is_who_was_found_while_it_lives, 10)
{
    start_pages();
    struct cai_grant grant = grant_new(SIZE_MAX);
    struct cai_grant stale = grant;
    stale.authority.opaque[0] += UINT64_C(1) << CAI_NODE_BITS; /* another authority with this node */
    require(cai_node_is(&grant) && !cai_node_is(&stale));
    cai_node_at(grant.node)->life = CAI_LIFE_KILLED;
    require(!cai_node_is(&grant));
    cai_node_at(grant.node)->life = CAI_LIFE_DESTROYED;
    require(!cai_node_is(&grant));
    struct cai_grant all = grant_default();
    require(cai_node_is(&all)); /* the default one never ends */
}

CHILD_TEST(test_C5_a_node_is_within_those_above_it, 10)
{
    start_pages();
    struct cai_grant root = grant_new(SIZE_MAX);
    struct cai_grant middle = grant_below(&root, CA_RIGHT_ALL, SIZE_MAX);
    struct cai_grant leaf = grant_below(&middle, CA_RIGHT_ALL, SIZE_MAX);
    struct cai_grant beside = grant_below(&root, CA_RIGHT_ALL, SIZE_MAX);
    require(cai_node_is_within(leaf.node, leaf.node) && cai_node_is_within(leaf.node, middle.node));
    require(cai_node_is_within(leaf.node, root.node) && cai_node_is_within(leaf.node, CAI_NODE_DEFAULT));
    require(!cai_node_is_within(middle.node, leaf.node) && !cai_node_is_within(leaf.node, beside.node));
    require(!cai_node_is_within(CAI_NODE_DEFAULT, root.node));
    require(cai_node_is_within(CAI_NODE_DEFAULT, CAI_NODE_DEFAULT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_number_is_a_node_in_every_block),
        cmocka_unit_test(test_C5_a_node_is_who_was_found_while_it_lives),
        cmocka_unit_test(test_C5_a_node_is_within_those_above_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
