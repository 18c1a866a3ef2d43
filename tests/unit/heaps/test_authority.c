/* Authorities: recognised by their two words alone, killed with all that are below them, and their nodes used again
 * without anybody being mistaken for somebody else.
 */
#include "unit/unit.h"

#include "heaps/authority.h"
#include "heaps/charge.h"
#include "heaps/tree.h"
#include "pages/meta.h"
#include "support/grants.h"
#include "support/pages.h"
#include "support/threads.h"

#include <string.h>

static bool memory_is_short;

void *__real_cai_meta_allocate(size_t bytes);
void *__wrap_cai_meta_allocate(size_t bytes);

void *__wrap_cai_meta_allocate(size_t bytes)
{
    return memory_is_short ? NULL : __real_cai_meta_allocate(bytes);
}

static bool is_found(ca_authority authority)
{
    struct cai_grant grant;

    return cai_authority_find(authority, &grant);
}

/* A root, two below it, and one below the second. */
static struct cai_grant root, left, right, leaf;

static void start(void)
{
    start_pages();
    root = grant_new(1000);
    left = grant_below(&root, CA_RIGHT_ALLOCATE, SIZE_MAX);
    right = grant_below(&root, CA_RIGHT_ALL, SIZE_MAX);
    leaf = grant_below(&right, CA_RIGHT_GROW, 10);
}

/* --- recognised --- */

CHILD_TEST(test_C5_C7_every_other_word_is_refused, 10)
{
    start();
    const struct cai_grant all = grant_default();
    const struct cai_grant *const grants[] = {&root, &left, &right, &leaf, &all};

    for (unsigned i = 0; i < 5; i++) {
        require(is_found(grants[i]->authority));
        for (unsigned bit = 0; bit < 128; bit++) {
            ca_authority altered = grants[i]->authority;
            altered.opaque[bit / 64] ^= UINT64_C(1) << bit % 64;
            require(!is_found(altered));
        }
        for (unsigned k = 0; k < 5; k++)
            require(i == k ||
                    !is_found((ca_authority){{grants[i]->authority.opaque[0], grants[k]->authority.opaque[1]}}));
    }
    require(!is_found((ca_authority){{0, 0}}) && !is_found((ca_authority){{UINT64_MAX, UINT64_MAX}}));
    require(!is_found((ca_authority){{cai_tree.count, 1}}) && !is_found((ca_authority){{cai_sealed.secret, 1}}));
}

CHILD_TEST(test_C5_what_is_found_is_what_was_made, 10)
{
    start();
    require(root.rights == CA_RIGHT_ALL && left.rights == CA_RIGHT_ALLOCATE && leaf.rights == CA_RIGHT_GROW);
    require(root.node != CAI_NODE_DEFAULT && left.node != right.node && right.node != leaf.node);
    require(root.authority.opaque[1] != 0 && left.authority.opaque[1] != right.authority.opaque[1]);
    require(grant_default().node == CAI_NODE_DEFAULT);
    require(grant_default().rights == ((CA_RIGHT_ALL & ~(unsigned)CA_RIGHT_DESTROY) | CA_RIGHT_CLAIM_ZERO));
    require(cai_node_at(leaf.node)->quota == 10 && strcmp(cai_node_at(leaf.node)->name, "test") == 0);
}

CHILD_TEST(test_C5_names_are_cut, 10)
{
    ca_authority made;

    start_pages();
    require(cai_authority_add(NULL, 0, 0, "a name that is longer than thirty-one bytes", &made) == CA_OK);
    require(strcmp(cai_node_at(grant_of(made).node)->name, "a name that is longer than thir") == 0);
    require(cai_authority_add(NULL, 0, 0, NULL, &made) == CA_OK);
    require(cai_node_at(grant_of(made).node)->name[0] == '\0');
}

CHILD_TEST(test_C5_in_one_word, 10)
{
    const struct cai_grant *const grants[] = {&root, &left, &right, &leaf};
    ca_authority back;

    start();
    for (unsigned i = 0; i < 4; i++) {
        uintptr_t token = cai_authority_token(grants[i]);
        require(cai_authority_of_token(token, &back));
        require(back.opaque[0] == grants[i]->authority.opaque[0] && back.opaque[1] == grants[i]->authority.opaque[1]);
        for (unsigned bit = 0; bit < 64; bit++)
            require(!cai_authority_of_token(token ^ (uintptr_t)1 << bit, &back));
    }
    require(!cai_authority_of_token(0, &back) && !cai_authority_of_token(UINTPTR_MAX, &back));
    require(!cai_authority_of_token(cai_tree.count, &back));
    /* Whether it was revoked is asked elsewhere. */
    require(cai_authority_kill(&leaf, false));
    require(cai_authority_of_token(cai_authority_token(&leaf), &back) && !is_found(back));
}

/* --- made --- */

CHILD_TEST(test_C5_below_a_dead_one_nothing_is_made, 10)
{
    ca_authority made = {{7, 7}};

    start();
    require(cai_authority_kill(&right, false));
    require(cai_authority_add(&right, 0, 0, NULL, &made) == CA_ERROR_NOT_PERMITTED);
    require(cai_authority_add(&leaf, 0, 0, NULL, &made) == CA_ERROR_NOT_PERMITTED);
    require(made.opaque[0] == 7 && made.opaque[1] == 7);
    require(cai_authority_add(&left, 0, 0, NULL, &made) == CA_OK);
}

CHILD_TEST(test_C5_memory_runs_short, 10)
{
    ca_authority made = {{7, 7}};

    start_pages();
    memory_is_short = true;
    require(cai_authority_add(NULL, 0, 0, NULL, &made) == CA_ERROR_OUT_OF_MEMORY);
    require(made.opaque[0] == 7 && cai_tree.count == 1);
    memory_is_short = false;
    for (unsigned i = 1; i < CAI_NODES_PER_BLOCK; i++)
        grant_new(0);
    memory_is_short = true; /* the next one needs another block */
    require(cai_authority_add(NULL, 0, 0, NULL, &made) == CA_ERROR_OUT_OF_MEMORY);
    require(cai_tree.count == CAI_NODES_PER_BLOCK);
    require(!is_found((ca_authority){{CAI_NODES_PER_BLOCK, 1}})); /* which lies in no block yet */
    memory_is_short = false;
    require(grant_new(0).node == CAI_NODES_PER_BLOCK);
}

/* --- killed --- */

CHILD_TEST(test_C5_killing_takes_the_subtree, 10)
{
    start();
    struct cai_grant all = grant_default();
    require(!cai_authority_kill(&all, false) && !cai_authority_kill(&all, true));
    require(cai_authority_kill(&right, false) && !cai_authority_kill(&right, false));
    require(!is_found(right.authority) && !is_found(leaf.authority));
    require(is_found(left.authority) && is_found(root.authority));
    require(!cai_authority_is(&right) && cai_authority_is(&left) && cai_authority_is(&all));
    require(!cai_authority_is_alive(right.node) && !cai_authority_is_alive(leaf.node));
    require(cai_authority_is_alive(left.node) && cai_authority_is_alive(CAI_NODE_DEFAULT));
    require(!cai_authority_is_destroyed(right.node) && !cai_authority_is_destroyed(left.node));
    require(cai_authority_kill(&root, true)); /* what was dead below it is destroyed, too */
    require(cai_authority_is_destroyed(root.node) && cai_authority_is_destroyed(left.node));
    require(cai_authority_is_destroyed(right.node) && cai_authority_is_destroyed(leaf.node));
    require(!cai_authority_is_destroyed(CAI_NODE_DEFAULT));
}

/* Dead nodes make room once nothing is below them and no account has them; nobody is found by the old words. */
CHILD_TEST(test_C5_nodes_are_used_again_under_new_words, 10)
{
    start();
    struct cai_account *account = cai_registry_create_account();
    account->node = leaf.node;
    require(cai_authority_kill(&right, false));
    cai_authority_drop();
    require(cai_tree.unused == 0 &&
            cai_node_at(right.node)->life == CAI_LIFE_KILLED); /* leaf is served, and below it */
    account->node = CAI_NODE_DEFAULT;
    cai_authority_drop();
    require(cai_node_at(right.node)->life == CAI_LIFE_UNUSED && cai_node_at(leaf.node)->life == CAI_LIFE_UNUSED);
    require(cai_node_at(root.node)->first_child == left.node && cai_node_at(left.node)->next_child == 0);
    struct cai_grant again = grant_below(&left, CA_RIGHT_ALL, SIZE_MAX);
    struct cai_grant more = grant_below(&root, CA_RIGHT_ALL, SIZE_MAX);
    require(again.node == right.node || again.node == leaf.node);
    require(more.node == right.node || more.node == leaf.node);
    require(!is_found(right.authority) && !is_found(leaf.authority));
    require(!cai_authority_is(&right) && !cai_authority_is(&leaf));
    require(again.authority.opaque[0] >> CAI_NODE_BITS > leaf.authority.opaque[0] >> CAI_NODE_BITS);
    require(grant_new(0).node == 5); /* then new ones */
}

CHILD_TEST(test_C5_children_are_unlinked_from_anywhere, 10)
{
    struct cai_grant children[5];

    start_pages();
    root = grant_new(0);
    for (unsigned i = 0; i < 5; i++)
        children[i] = grant_below(&root, 0, 0);
    static const unsigned order[] = {2, 4, 0, 3, 1};
    for (unsigned i = 0; i < 5; i++) {
        require(cai_authority_kill(&children[order[i]], false));
        cai_authority_drop();
        unsigned count = 0;
        for (uint32_t at = cai_node_at(root.node)->first_child; at != 0; at = cai_node_at(at)->next_child)
            count++;
        require(count == 4 - i);
    }
}

/* --- the shape of the tree --- */

CHILD_TEST(test_C6_the_heir_is_the_nearest_that_lives, 10)
{
    struct cai_grant heir;

    start();
    require(cai_authority_heir(leaf.node, &heir) && heir.node == leaf.node);
    require(cai_authority_kill(&leaf, false));
    require(cai_authority_heir(leaf.node, &heir) && heir.node == right.node && heir.rights == CA_RIGHT_ALL);
    require(heir.authority.opaque[0] == right.authority.opaque[0]);
    require(cai_authority_kill(&right, false));
    require(cai_authority_heir(leaf.node, &heir) && heir.node == root.node);
    require(cai_authority_kill(&root, false));
    require(!cai_authority_heir(leaf.node, &heir) && !cai_authority_heir(CAI_NODE_DEFAULT, &heir));
}

CHILD_TEST(test_C5_where_a_node_stands, 10)
{
    start();
    struct cai_grant all = grant_default();
    struct cai_grant derived = grant_below(&all, CA_RIGHT_ALL, 5);
    struct cai_grant under = grant_below(&derived, CA_RIGHT_ALL, 5);
    require(cai_authority_top(leaf.node) == root.node && cai_authority_top(root.node) == root.node);
    require(cai_authority_top(under.node) == derived.node && cai_authority_top(CAI_NODE_DEFAULT) == CAI_NODE_DEFAULT);
    require(cai_authority_heap(leaf.node) == root.node && cai_authority_heap(root.node) == root.node);
    require(cai_authority_heap(derived.node) == CAI_NODE_DEFAULT && cai_authority_heap(under.node) == CAI_NODE_DEFAULT);
    require(cai_authority_heap(CAI_NODE_DEFAULT) == CAI_NODE_DEFAULT);
    require(cai_authority_is_within(leaf.node, right.node) && !cai_authority_is_within(leaf.node, left.node));
}

/* --- fork --- */

/* Whatever a thread that is not there was about to link. */
CHILD_TEST(test_D7_the_tree_is_linked_anew, 10)
{
    start();
    ca_authority below;
    struct cai_grant child;
    require(cai_authority_add(&root, CA_RIGHT_ALL, 100, NULL, &below) == CA_OK && cai_authority_find(below, &child));
    cai_node_at(root.node)->first_child = 0;
    cai_tree.unused = 77;
    cai_tree.lock.word = 1000000; /* a thread there never was */
    require(cai_authority_repair() && cai_tree.lock.word == cai_lock_self());
    cai_charge_repair();
    require(cai_tree.lock.word == CAI_LOCK_FREE);
    require(cai_node_at(root.node)->first_child == child.node && cai_tree.unused == 0);
    require(!cai_authority_repair());
    require(cai_authority_kill(&root, false) && !is_found(below));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C5_C7_every_other_word_is_refused),
        cmocka_unit_test(test_C5_what_is_found_is_what_was_made),
        cmocka_unit_test(test_C5_names_are_cut),
        cmocka_unit_test(test_C5_in_one_word),
        cmocka_unit_test(test_C5_below_a_dead_one_nothing_is_made),
        cmocka_unit_test(test_C5_memory_runs_short),
        cmocka_unit_test(test_C5_killing_takes_the_subtree),
        cmocka_unit_test(test_C5_nodes_are_used_again_under_new_words),
        cmocka_unit_test(test_C5_children_are_unlinked_from_anywhere),
        cmocka_unit_test(test_C6_the_heir_is_the_nearest_that_lives),
        cmocka_unit_test(test_C5_where_a_node_stands),
        cmocka_unit_test(test_D7_the_tree_is_linked_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
