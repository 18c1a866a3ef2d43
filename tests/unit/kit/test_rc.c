/* Counted owners: the value goes with the last strong one, the block with the last of all, whatever the order and, in
 * the atomic form, whichever the thread. */
#include <capalloc/rc.h>
#include <capalloc/stats.h>
#include <pthread.h>

#include "unit/unit.h"

static _Atomic int closed;

static void number_close(int *value)
{
    (void)value;
    closed++;
}
CA_RC_DEFINE(number_rc, int, number_close)
CA_RC_DEFINE_AS(ca_secret, key_rc, int, number_close)
CA_ARC_DEFINE(shared, int, number_close)
CA_ARC_DEFINE_AS(ca_nocaps, shared_nocaps, int, number_close)

/* A tree whose children know their parent. */
CA_RC_TYPE(node_rc)
struct node {
    int id;
    node_rc child;
    node_rc_weak parent;
};
static void node_close(struct node *node);
CA_RC_FUNCTIONS_AS(ca_block, node_rc, struct node, node_close)
static void node_close(struct node *node)
{
    closed++;
    node_rc_drop(&node->child);
    node_rc_weak_drop(&node->parent);
}

static uint64_t live_blocks(void)
{
    ca_stats stats = CA_STATS_INIT;
    ca_stats_read(&stats);
    return stats.live_blocks;
}

static int set_up(void **state)
{
    (void)state;
    closed = 0;
    return 0;
}

/* The same story for both forms. */
#define LIFE(rc)                                                                                                       \
    static void life_of_##rc(void)                                                                                     \
    {                                                                                                                  \
        uint64_t before = live_blocks();                                                                               \
        rc one = rc##_new(7);                                                                                          \
        assert_true(rc##_is_ok(&one));                                                                                 \
        assert_int_equal(rc##_strong_count(&one), 1);                                                                  \
        assert_int_equal(rc##_weak_count(&one), 0);                                                                    \
        assert_ptr_equal(rc##_get_unique(&one), rc##_get(&one));                                                       \
        rc two = rc##_clone(&one);                                                                                     \
        rc##_weak weak = rc##_downgrade(&one);                                                                         \
        rc##_weak other = rc##_weak_clone(&weak);                                                                      \
        assert_ptr_equal(rc##_get(&two), rc##_get(&one));                                                              \
        assert_int_equal(rc##_strong_count(&two), 2);                                                                  \
        assert_int_equal(rc##_weak_count(&two), 2);                                                                    \
        assert_null(rc##_get_unique(&one));                                                                            \
        rc##_drop(&one);                                                                                               \
        assert_null(rc##_get(&one));                                                                                   \
        assert_null(rc##_get_unique(&two));                                                                            \
        rc##_weak_drop(&other);                                                                                        \
        rc three = rc##_weak_upgrade(&weak);                                                                           \
        assert_int_equal(*rc##_get(&three), 7);                                                                        \
        rc moved = rc##_move(&three);                                                                                  \
        assert_false(rc##_is_ok(&three));                                                                              \
        rc##_drop(&three);                                                                                             \
        rc##_drop(&two);                                                                                               \
        assert_int_equal(closed, 0);                                                                                   \
        rc##_drop(&moved);                                                                                             \
        assert_int_equal(closed, 1);                                                                                   \
        assert_int_equal(live_blocks(), before + 1);                                                                   \
        rc late = rc##_weak_upgrade(&weak);                                                                            \
        assert_false(rc##_is_ok(&late));                                                                               \
        assert_int_equal(rc##_error_of(&late), CA_ERROR_STALE);                                                        \
        rc##_weak_drop(&weak);                                                                                         \
        rc##_weak_drop(&weak);                                                                                         \
        assert_int_equal(live_blocks(), before);                                                                       \
        assert_int_equal(closed, 1);                                                                                   \
    }                                                                                                                  \
    static void limits_of_##rc(void)                                                                                   \
    {                                                                                                                  \
        CA_SCOPED(rc) one = rc##_new(7);                                                                               \
        CA_SCOPED(rc##_weak) weak = rc##_downgrade(&one);                                                              \
        one.ptr->counts.strong = CA_RC_COUNT_MAX;                                                                      \
        one.ptr->counts.weak = CA_RC_COUNT_MAX;                                                                        \
        rc clone = rc##_clone(&one);                                                                                   \
        assert_int_equal(rc##_error_of(&clone), CA_ERROR_OUT_OF_MEMORY);                                               \
        clone = rc##_weak_upgrade(&weak);                                                                              \
        assert_int_equal(rc##_error_of(&clone), CA_ERROR_OUT_OF_MEMORY);                                               \
        rc##_weak more = rc##_downgrade(&one);                                                                         \
        assert_int_equal(rc##_weak_error_of(&more), CA_ERROR_OUT_OF_MEMORY);                                           \
        more = rc##_weak_clone(&weak);                                                                                 \
        assert_int_equal(rc##_weak_error_of(&more), CA_ERROR_OUT_OF_MEMORY);                                           \
        assert_int_equal(rc##_strong_count(&one), CA_RC_COUNT_MAX);                                                    \
        assert_int_equal(rc##_weak_count(&one), CA_RC_COUNT_MAX - 1);                                                  \
        one.ptr->counts.strong = 1;                                                                                    \
        one.ptr->counts.weak = 2;                                                                                      \
    }                                                                                                                  \
    static void nothing_of_##rc(void)                                                                                  \
    {                                                                                                                  \
        CA_SCOPED(rc) denied = rc##_new_in((ca_authority){{0, 0}}, 7);                                                 \
        assert_int_equal(rc##_error_of(&denied), CA_ERROR_NOT_PERMITTED);                                              \
        assert_null(rc##_get(&denied));                                                                                \
        assert_null(rc##_get_unique(&denied));                                                                         \
        assert_int_equal(rc##_strong_count(&denied), 0);                                                               \
        assert_int_equal(rc##_weak_count(&denied), 0);                                                                 \
        CA_SCOPED(rc) clone = rc##_clone(&denied);                                                                     \
        CA_SCOPED(rc##_weak) weak = rc##_downgrade(&clone);                                                            \
        CA_SCOPED(rc##_weak) other = rc##_weak_clone(&weak);                                                           \
        assert_false(rc##_weak_is_ok(&other));                                                                         \
        CA_SCOPED(rc) upgraded = rc##_weak_upgrade(&other);                                                            \
        assert_int_equal(rc##_error_of(&upgraded), CA_ERROR_STALE);                                                    \
    }
LIFE(number_rc)
LIFE(shared)
LIFE(key_rc)
LIFE(shared_nocaps)

static void test_B4_the_last_strong_owner_destroys_the_last_of_all_frees(void **state)
{
    (void)state;
    life_of_number_rc();
}

static void test_B4_atomic_the_same(void **state)
{
    (void)state;
    life_of_shared();
}

static void test_B4_counted_owners_of_other_intentions(void **state)
{
    (void)state;
    life_of_key_rc();
    closed = 0;
    life_of_shared_nocaps();
}

static void test_B4_a_count_does_not_overflow(void **state)
{
    (void)state;
    limits_of_number_rc();
    limits_of_shared();
    limits_of_key_rc();
    limits_of_shared_nocaps();
    assert_int_equal(closed, 4);
}

static void test_B4_empty_owners_make_empty_owners(void **state)
{
    (void)state;
    nothing_of_number_rc();
    nothing_of_shared();
    nothing_of_key_rc();
    nothing_of_shared_nocaps();
    assert_int_equal(closed, 0);
}

static void test_B4_a_cycle_is_broken_by_a_weak_link(void **state)
{
    (void)state;
    uint64_t before = live_blocks();
    {
        CA_SCOPED(node_rc) parent = node_rc_new((struct node){1, node_rc_empty(), node_rc_weak_empty()});
        CA_SCOPED(node_rc) child = node_rc_new((struct node){2, node_rc_empty(), node_rc_downgrade(&parent)});
        node_rc_get(&parent)->child = node_rc_clone(&child);
        CA_SCOPED(node_rc) up = node_rc_weak_upgrade(&node_rc_get(&child)->parent);
        assert_int_equal(node_rc_get(&up)->id, 1);
    }
    assert_int_equal(closed, 2);
    assert_int_equal(live_blocks(), before);
}

/* A strong cycle is what it is said to be: kept until somebody cuts it. */
static void test_B4_a_strong_cycle_stays(void **state)
{
    (void)state;
    node_rc self = node_rc_new((struct node){1, node_rc_empty(), node_rc_weak_empty()});
    node_rc_get(&self)->child = node_rc_clone(&self);
    struct node *kept = node_rc_get(&self);
    node_rc_drop(&self);
    assert_int_equal(closed, 0);
    node_rc link = node_rc_move(&kept->child);
    node_rc_drop(&link);
    assert_int_equal(closed, 1);
}

enum { THREADS = 4, ROUNDS = 5000 };

struct racer {
    shared own;
    shared_weak weak;
    int upgrades;
};

static void *race(void *argument)
{
    struct racer *racer = (struct racer *)argument;
    for (int i = 0; i < ROUNDS; i++) {
        CA_SCOPED(shared) clone = shared_clone(&racer->own);
        CA_SCOPED(shared_weak) weak = shared_downgrade(&clone);
        CA_SCOPED(shared) up = shared_weak_upgrade(&weak);
        assert_true(shared_is_ok(&up));
        assert_null(shared_get_unique(&up));
        assert_int_equal(*shared_get(&up), 7);
    }
    /* The owners go one by one: who upgrades in time finds the value, who is late finds none. */
    shared_drop(&racer->own);
    for (int i = 0; i < ROUNDS; i++) {
        CA_SCOPED(shared) up = shared_weak_upgrade(&racer->weak);
        if (!shared_is_ok(&up))
            break;
        racer->upgrades += *shared_get(&up) == 7;
    }
    shared_weak_drop(&racer->weak);
    return NULL;
}

static void test_B4_atomic_owners_in_several_threads(void **state)
{
    (void)state;
    uint64_t before = live_blocks();
    pthread_t threads[THREADS];
    struct racer racers[THREADS];
    shared first = shared_new(7);
    for (int i = 0; i < THREADS; i++)
        racers[i] = (struct racer){shared_clone(&first), shared_downgrade(&first), 0};
    shared_drop(&first);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(closed, 1);
    assert_int_equal(live_blocks(), before);
}

static _Atomic int uniques;

/* Each thread changes the value when it is the only owner: with a broken unique test this is a race that the thread
 * sanitizer sees and a value that is wrong. */
static void *change_when_unique(void *argument)
{
    shared *own = (shared *)argument;
    for (int i = 0; i < ROUNDS; i++) {
        shared_weak weak = shared_downgrade(own);
        shared_weak_drop(&weak);
        int *value = shared_get_unique(own);
        if (value != NULL) {
            *value += 1;
            uniques++;
        }
    }
    shared_drop(own);
    return NULL;
}

static void test_B4_atomic_unique_is_exclusive(void **state)
{
    (void)state;
    pthread_t threads[2];
    shared first = shared_new(0);
    CA_SCOPED(shared_weak) weak = shared_downgrade(&first);
    shared owners[2] = {shared_clone(&first), shared_move(&first)};
    shared_weak_drop(&weak);
    uniques = 0;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, change_when_unique, &owners[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(closed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_B4_the_last_strong_owner_destroys_the_last_of_all_frees, set_up),
        cmocka_unit_test_setup(test_B4_atomic_the_same, set_up),
        cmocka_unit_test_setup(test_B4_counted_owners_of_other_intentions, set_up),
        cmocka_unit_test_setup(test_B4_a_count_does_not_overflow, set_up),
        cmocka_unit_test_setup(test_B4_empty_owners_make_empty_owners, set_up),
        cmocka_unit_test_setup(test_B4_a_cycle_is_broken_by_a_weak_link, set_up),
        cmocka_unit_test_setup(test_B4_a_strong_cycle_stays, set_up),
        cmocka_unit_test_setup(test_B4_atomic_owners_in_several_threads, set_up),
        cmocka_unit_test_setup(test_B4_atomic_unique_is_exclusive, set_up),
    };
    return cmocka_run_group_tests_name("rc", tests, NULL, NULL);
}
