/* Boxes: dropped on each way out of a scope, empty after a move, in all intentions. Compiled with -fexceptions,
 * without which pthread_exit passes scopes by. The destructors write down what they ran on, and live blocks are
 * counted. */
#include <capalloc/box.h>
#include <capalloc/stats.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/unit.h"

struct item {
    int id;
    void *other;
};

enum { LOG_MAX = 64 };
static int log_ids[LOG_MAX];
static size_t log_count;

static void item_close(struct item *item)
{
    assert_true(log_count < LOG_MAX);
    log_ids[log_count++] = item->id;
}

CA_BOX_DEFINE(item_box, struct item, item_close)
CA_BOX_DEFINE_AS(ca_nocaps, number_box, int, CA_NO_DESTRUCTOR)
CA_BOX_DEFINE_AS(ca_mustzero, zero_box, struct item, item_close)
CA_BOX_ARRAY_DEFINE(item_boxes, struct item, item_close)

struct key {
    unsigned char bytes[100];
};
static struct key key_seen;
static void key_close(struct key *key)
{
    key_seen = *key;
}
CA_BOX_DEFINE_AS(ca_secret, key_box, struct key, key_close)
CA_BOX_ARRAY_DEFINE_AS(ca_secret, key_boxes, struct key, CA_NO_DESTRUCTOR)
CA_BOX_ARRAY_DEFINE_AS(ca_nocaps, number_boxes, double, CA_NO_DESTRUCTOR)
CA_BOX_ARRAY_DEFINE_AS(ca_mustzero, zero_boxes, struct item, item_close)

struct wide {
    _Alignas(256) char bytes[256];
};
CA_BOX_DEFINE(wide_box, struct wide, CA_NO_DESTRUCTOR)

struct huge {
    char bytes[(size_t)1 << 46];
};
CA_BOX_DEFINE(huge_box, struct huge, CA_NO_DESTRUCTOR)

static uint64_t live_blocks(void)
{
    ca_stats stats = CA_STATS_INIT;
    ca_stats_read(&stats);
    return stats.live_blocks;
}

static item_box item_new(int id)
{
    item_box box = item_box_new((struct item){id, NULL});
    assert_true(item_box_is_ok(&box));
    return box;
}

static void assert_log(const int *ids, size_t count)
{
    assert_int_equal(log_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(log_ids[i], ids[i]);
    log_count = 0;
}
#define ASSERT_LOG(...) assert_log((int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int))

static void test_B1_end_of_scope_drops_in_reverse_order(void **state)
{
    (void)state;
    uint64_t before = live_blocks();
    {
        CA_SCOPED(item_box) outer = item_new(1);
        {
            CA_SCOPED(item_box) inner = item_new(2);
            CA_SCOPED(item_box) last = item_new(3);
            assert_int_equal(live_blocks(), before + 3);
            (void)inner, (void)last;
        }
        ASSERT_LOG(3, 2);
        (void)outer;
    }
    ASSERT_LOG(1);
    assert_int_equal(live_blocks(), before);
}

static int leave_by(int way)
{
    CA_SCOPED(item_box) outer = item_new(10);
    for (int i = 0; i < 3; i++) {
        CA_SCOPED(item_box) each = item_new(20 + i);
        if (i == 0)
            continue;
        if (way == 'r')
            return item_box_get(&each)->id;
        if (way == 'b')
            break;
        if (way == 'g')
            goto out;
    }
    item_box_get(&outer)->id = 11;
out:
    return item_box_get(&outer)->id;
}

static void test_B1_return_break_continue_and_goto_drop(void **state)
{
    (void)state;
    uint64_t before = live_blocks();
    assert_int_equal(leave_by('r'), 21);
    ASSERT_LOG(20, 21, 10);
    assert_int_equal(leave_by('b'), 11);
    ASSERT_LOG(20, 21, 11);
    assert_int_equal(leave_by('g'), 10);
    ASSERT_LOG(20, 21, 10);
    assert_int_equal(leave_by('n'), 11);
    ASSERT_LOG(20, 21, 22, 11);
    assert_int_equal(live_blocks(), before);
}

static void inner_that_exits(void)
{
    CA_SCOPED(item_box) box = item_new(31);
    (void)box;
    pthread_exit(NULL);
}

static void *thread_that_exits(void *unused)
{
    (void)unused;
    CA_SCOPED(item_box) box = item_new(30);
    inner_that_exits();
    return item_box_get(&box);
}

static void test_B1_pthread_exit_drops(void **state)
{
    (void)state;
    pthread_t thread;
    uint64_t before = live_blocks();
    assert_int_equal(pthread_create(&thread, NULL, thread_that_exits, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    ASSERT_LOG(31, 30);
    assert_int_equal(live_blocks(), before);
}

static void *thread_that_waits(void *pipe_end)
{
    CA_SCOPED(item_box) box = item_new(32);
    char byte;
    while (read(*(int *)pipe_end, &byte, 1) != 0)
        ;
    return item_box_get(&box);
}

static void test_B1_cancellation_drops(void **state)
{
    (void)state;
    pthread_t thread;
    void *result;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_create(&thread, NULL, thread_that_waits, &ends[0]), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(pthread_cancel(thread), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, PTHREAD_CANCELED);
    (void)close(ends[0]);
    (void)close(ends[1]);
    /* Cancelled before it began, it had no box. */
    if (log_count != 0)
        ASSERT_LOG(32);
}

static jmp_buf away;
static struct item *left_behind;

static void leave_by_longjmp(void)
{
    CA_SCOPED(item_box) box = item_new(40);
    left_behind = item_box_get(&box);
    longjmp(away, 1);
}

static void test_B1_longjmp_does_not_drop(void **state)
{
    (void)state;
    if (setjmp(away) == 0)
        leave_by_longjmp();
    assert_int_equal(log_count, 0);
    item_box box = item_box_from_raw(left_behind);
    item_box_drop(&box);
    ASSERT_LOG(40);
}

static void exit_7(int *unused)
{
    (void)unused;
    _exit(7);
}
CA_BOX_DEFINE(fatal_box, int, exit_7)

static void test_B1_exit_does_not_drop(void **state)
{
    (void)state;
    int status = -1;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        CA_SCOPED(fatal_box) box = fatal_box_new(1);
        exit(fatal_box_is_ok(&box) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A failure leaves an empty box: nothing to drop, and the value stays with the caller. */
static void test_B1_no_memory_is_a_value(void **state)
{
    (void)state;
    {
        CA_SCOPED(item_box) denied = item_box_new_in((ca_authority){{0, 0}}, (struct item){1, NULL});
        assert_false(item_box_is_ok(&denied));
        assert_null(item_box_get(&denied));
        assert_int_equal(item_box_error_of(&denied), CA_ERROR_NOT_PERMITTED);

        CA_SCOPED(huge_box) huge = huge_box_new_zeroed();
        assert_int_equal(huge_box_error_of(&huge), CA_ERROR_OUT_OF_MEMORY);

        CA_SCOPED(item_boxes) overflow = item_boxes_new(SIZE_MAX / 8);
        assert_false(item_boxes_is_ok(&overflow));
        assert_int_equal(item_boxes_error_of(&overflow), CA_ERROR_LAYOUT);
        assert_int_equal(item_boxes_count(&overflow), 0);
        assert_null(item_boxes_at(&overflow, 0));

        CA_SCOPED(item_boxes) too_many = item_boxes_new((size_t)1 << 44);
        assert_int_equal(item_boxes_error_of(&too_many), CA_ERROR_OUT_OF_MEMORY);
    }
    assert_int_equal(log_count, 0);
}

static void test_B2_move_empties_the_source(void **state)
{
    (void)state;
    {
        CA_SCOPED(item_box) source = item_new(1);
        struct item *value = item_box_get(&source);
        CA_SCOPED(item_box) target = item_box_move(&source);
        assert_null(item_box_get(&source));
        assert_false(item_box_is_ok(&source));
        assert_int_equal(item_box_error_of(&source), CA_OK);
        assert_ptr_equal(item_box_get(&target), value);
        CA_SCOPED(item_box) nothing = item_box_move(&source);
        assert_false(item_box_is_ok(&nothing));
    }
    ASSERT_LOG(1);
}

static item_box moved_out(int id)
{
    CA_SCOPED(item_box) box = item_new(id);
    item_box_get(&box)->id += 1;
    return item_box_move(&box);
}

static void test_B2_a_scoped_box_can_be_returned(void **state)
{
    (void)state;
    CA_SCOPED(item_box) box = item_box_empty();
    box = moved_out(5);
    assert_int_equal(log_count, 0);
    item_box_drop(&box);
    ASSERT_LOG(6);
    item_box_drop(&box);
    assert_int_equal(log_count, 0);
}

/* Seen from its own destructor the box is already empty: one that drops it again does no harm. */
static void drop_again(struct item *item);
CA_BOX_DEFINE(reentrant_box, struct item, drop_again)

static reentrant_box reentered;
static void drop_again(struct item *item)
{
    assert_null(reentrant_box_get(&reentered));
    reentrant_box_drop(&reentered);
    item_close(item);
}

static void test_B2_a_box_is_empty_before_its_destructor_runs(void **state)
{
    (void)state;
    reentered = reentrant_box_new((struct item){9, NULL});
    reentrant_box_drop(&reentered);
    ASSERT_LOG(9);
}

static void test_B3_boxes_of_all_intentions(void **state)
{
    (void)state;
    uint64_t before = live_blocks();
    {
        CA_SCOPED(number_box) number = number_box_new(42);
        CA_SCOPED(zero_box) zero = zero_box_new((struct item){2, NULL});
        CA_SCOPED(key_box) key = key_box_new_zeroed();
        CA_SCOPED(wide_box) wide = wide_box_new_zeroed();
        assert_int_equal(*number_box_get(&number), 42);
        assert_int_equal(((uintptr_t)wide_box_get(&wide)) % 256, 0);
        for (size_t i = 0; i < sizeof(struct key); i++) {
            assert_int_equal(key_box_get(&key)->bytes[i], 0);
            key_box_get(&key)->bytes[i] = 0x5a;
        }
        assert_int_equal(ca_check((ca_nocaps){number_box_get(&number), sizeof(int)}), CA_OK);
        assert_int_equal(ca_check((ca_mustzero){zero_box_get(&zero), sizeof(struct item)}), CA_OK);
        assert_int_equal(ca_check((ca_secret){key_box_get(&key), sizeof(struct key)}), CA_OK);
    }
    assert_int_equal(live_blocks(), before);
    assert_int_equal(key_seen.bytes[99], 0x5a);
    ASSERT_LOG(2);
}

static void test_B3_into_raw_and_back(void **state)
{
    (void)state;
    CA_SCOPED(item_box) box = item_new(3);
    struct item *raw = item_box_into_raw(&box);
    assert_false(item_box_is_ok(&box));
    assert_int_equal(ca_check((ca_block){raw, sizeof *raw}), CA_OK);
    box = item_box_from_raw(raw);
    assert_ptr_equal(item_box_get(&box), raw);
    item_box_drop(&box);
    ASSERT_LOG(3);
    assert_int_equal(ca_check((ca_block){raw, sizeof *raw}), CA_ERROR_STALE);

    /* A raw pointer is a block, and a block of the right size can become a box. */
    ca_block block = ca_unwrap(ca_allocate(ca_default_authority(), CA_LAYOUT_OF(struct item)));
    *(struct item *)block.ptr = (struct item){4, NULL};
    box = item_box_from_raw((struct item *)block.ptr);
    raw = item_box_into_raw(&box);
    ca_deallocate((ca_block){raw, sizeof *raw});
    assert_null(item_box_into_raw(&box));
    assert_int_equal(log_count, 0);
}

static void test_B3_a_leaked_value_stays(void **state)
{
    (void)state;
    uint64_t before = live_blocks();
    struct item *leaked;
    {
        CA_SCOPED(item_box) box = item_new(8);
        leaked = item_box_leak(&box);
        assert_false(item_box_is_ok(&box));
    }
    assert_int_equal(log_count, 0);
    assert_int_equal(leaked->id, 8);
    assert_int_equal(live_blocks(), before + 1);
    ca_deallocate((ca_block){leaked, sizeof *leaked});
}

static void test_B3_arrays_are_zero_and_dropped_from_the_end(void **state)
{
    (void)state;
    {
        CA_SCOPED(item_boxes) items = item_boxes_new(4);
        assert_int_equal(item_boxes_count(&items), 4);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(item_boxes_get(&items)[i].id, 0);
            item_boxes_at(&items, (size_t)i)->id = i + 1;
        }
        assert_null(item_boxes_at(&items, 4));
        CA_SCOPED(item_boxes) target = item_boxes_move(&items);
        assert_int_equal(item_boxes_count(&items), 0);
        assert_int_equal(item_boxes_count(&target), 4);
        size_t count;
        struct item *raw = item_boxes_into_raw(&target, &count);
        assert_int_equal(count, 4);
        assert_int_equal(ca_check((ca_block){raw, 4 * sizeof *raw}), CA_OK);
        target = item_boxes_from_raw(raw, count);
        CA_SCOPED(item_boxes) none = item_boxes_new(0);
        assert_true(item_boxes_is_ok(&none));
        assert_int_equal(item_boxes_count(&none), 0);
    }
    ASSERT_LOG(4, 3, 2, 1);
}

static void test_B3_arrays_of_all_intentions(void **state)
{
    (void)state;
    uint64_t before = live_blocks();
    {
        CA_SCOPED(number_boxes) numbers = number_boxes_new(1000);
        CA_SCOPED(key_boxes) keys = key_boxes_new(3);
        CA_SCOPED(zero_boxes) zeros = zero_boxes_new(2);
        number_boxes_get(&numbers)[999] = 1.5;
        memset(key_boxes_get(&keys), 1, 3 * sizeof(struct key));
        assert_int_equal(ca_check((ca_nocaps){number_boxes_get(&numbers), 1000 * sizeof(double)}), CA_OK);
        assert_int_equal(ca_check((ca_secret){key_boxes_get(&keys), 3 * sizeof(struct key)}), CA_OK);
        assert_int_equal(ca_check((ca_mustzero){zero_boxes_get(&zeros), 2 * sizeof(struct item)}), CA_OK);
    }
    ASSERT_LOG(0, 0);
    assert_int_equal(live_blocks(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_B1_end_of_scope_drops_in_reverse_order),
        cmocka_unit_test(test_B1_return_break_continue_and_goto_drop),
        cmocka_unit_test(test_B1_pthread_exit_drops),
        cmocka_unit_test(test_B1_cancellation_drops),
        cmocka_unit_test(test_B1_longjmp_does_not_drop),
        cmocka_unit_test(test_B1_exit_does_not_drop),
        cmocka_unit_test(test_B1_no_memory_is_a_value),
        cmocka_unit_test(test_B2_move_empties_the_source),
        cmocka_unit_test(test_B2_a_scoped_box_can_be_returned),
        cmocka_unit_test(test_B2_a_box_is_empty_before_its_destructor_runs),
        cmocka_unit_test(test_B3_boxes_of_all_intentions),
        cmocka_unit_test(test_B3_into_raw_and_back),
        cmocka_unit_test(test_B3_a_leaked_value_stays),
        cmocka_unit_test(test_B3_arrays_are_zero_and_dropped_from_the_end),
        cmocka_unit_test(test_B3_arrays_of_all_intentions),
    };
    return cmocka_run_group_tests_name("box", tests, NULL, NULL);
}
