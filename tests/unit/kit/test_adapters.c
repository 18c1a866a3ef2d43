/* The adapters: a budget that is exact to the byte, also under threads; counters that return to zero; failures where
 * they were asked for and nowhere else.
 */
#include "unit/unit.h"

#include <capalloc/adapters.h>
#include <capalloc/heap.h>
#include <capalloc/libc.h>

#include "support/content.h"
#include "support/refuse.h"

#include <pthread.h>
#include <string.h>

static ca_layout layout(size_t size, size_t align)
{
    return (ca_layout){.size = size, .align = align};
}

static ca_allocator heap(void)
{
    return ca_heap_allocator(ca_default_authority());
}

static void test_A12_limit_is_exact(void **state)
{
    ca_limit limit;

    (void)state;
    ca_limit_init(&limit, heap(), 1000);
    ca_allocator a = ca_limit_allocator(&limit);
    assert_int_equal(ca_error_of(ca_allocator_allocate(a, layout(1001, 1))), CA_ERROR_QUOTA);
    assert_int_equal(ca_limit_used(&limit), 0);
    ca_block block = ca_unwrap(ca_allocator_allocate(a, layout(600, 8)));
    content_fill(block.ptr, 0, 600, 1);
    assert_int_equal(block.size, 600);
    assert_int_equal(ca_error_of(ca_allocator_allocate_zeroed(a, layout(401, 1))), CA_ERROR_QUOTA);
    assert_int_equal(ca_error_of(ca_allocator_allocate_nocaps(a, layout(401, 1))), CA_ERROR_QUOTA);
    assert_int_equal(ca_error_of(ca_allocator_allocate_mustzero(a, layout(401, 1))), CA_ERROR_QUOTA);
    assert_int_equal(ca_error_of(ca_allocator_grow(a, block, layout(600, 8), layout(1001, 8))), CA_ERROR_QUOTA);
    assert_int_equal(ca_error_of(ca_allocator_grow_zeroed(a, block, layout(600, 8), layout(1001, 8))), CA_ERROR_QUOTA);
    assert_int_equal(ca_limit_used(&limit), 600);
    assert_true(content_holds(block.ptr, 600, 1));
    ca_mustzero secret = ca_unwrap(ca_allocator_allocate_mustzero(a, layout(100, 1)));
    ca_nocaps flat = ca_unwrap(ca_allocator_allocate_nocaps(a, layout(100, 1)));
    block = ca_unwrap(ca_allocator_grow(a, block, layout(600, 8), layout(800, 8)));
    assert_int_equal(ca_limit_used(&limit), 1000);
    assert_int_equal(ca_error_of(ca_allocator_allocate(a, layout(1, 1))), CA_ERROR_QUOTA);
    assert_true(ca_is_ok(ca_allocator_allocate(a, layout(0, 1))));
    ca_allocator_deallocate_zeroed(a, secret, layout(100, 1));
    ca_allocator_deallocate_nocaps(a, flat, layout(100, 1));
    block = ca_unwrap(ca_allocator_shrink(a, block, layout(800, 8), layout(300, 8)));
    assert_int_equal(ca_limit_used(&limit), 300);
    assert_true(content_holds(block.ptr, 300, 1));
    ca_allocator_deallocate(a, block, layout(300, 8));
    assert_int_equal(ca_limit_used(&limit), 0);
}

/* What fails below is not charged. */
static void test_A12_limit_charges_nothing_for_failures(void **state)
{
    ca_limit limit;
    ca_failing failing;

    (void)state;
    ca_failing_init(&failing, heap());
    ca_limit_init(&limit, ca_failing_allocator(&failing), SIZE_MAX);
    ca_allocator a = ca_limit_allocator(&limit);
    ca_block block = ca_unwrap(ca_allocator_allocate(a, layout(64, 8)));
    ca_failing_chance(&failing, 1000000, 0);
    assert_int_equal(ca_error_of(ca_allocator_allocate(a, layout(64, 8))), CA_ERROR_OUT_OF_MEMORY);
    assert_int_equal(ca_error_of(ca_allocator_allocate_zeroed(a, layout(64, 8))), CA_ERROR_OUT_OF_MEMORY);
    assert_int_equal(ca_error_of(ca_allocator_allocate_nocaps(a, layout(64, 8))), CA_ERROR_OUT_OF_MEMORY);
    assert_int_equal(ca_error_of(ca_allocator_allocate_mustzero(a, layout(64, 8))), CA_ERROR_OUT_OF_MEMORY);
    assert_int_equal(ca_error_of(ca_allocator_grow(a, block, layout(64, 8), layout(99, 8))), CA_ERROR_OUT_OF_MEMORY);
    assert_int_equal(ca_error_of(ca_allocator_grow_zeroed(a, block, layout(64, 8), layout(99, 8))),
                     CA_ERROR_OUT_OF_MEMORY);
    assert_int_equal(ca_error_of(ca_allocator_shrink(a, block, layout(64, 8), layout(9, 8))), CA_ERROR_OUT_OF_MEMORY);
    assert_int_equal(ca_limit_used(&limit), 64);
    assert_int_equal(ca_failing_failures(&failing), 7);
    ca_allocator_deallocate(a, block, layout(64, 8));
    assert_int_equal(ca_limit_used(&limit), 0);
}

enum { THREADS = 4, STEPS = 20000, BUDGET = 400 };

static void *press(void *limit)
{
    ca_allocator a = ca_limit_allocator(limit);

    for (unsigned i = 0; i < STEPS; i++) {
        ca_layout wanted = layout(1 + i % 199, 1);
        ca_block_result made = ca_allocator_allocate(a, wanted);
        if (ca_limit_used(limit) > BUDGET)
            return "over budget";
        if (ca_is_ok(made))
            ca_allocator_deallocate(a, ca_unwrap(made), wanted);
        else if (ca_error_of(made) != CA_ERROR_QUOTA)
            return "another error";
    }
    return NULL;
}

static void test_A12_limit_under_threads(void **state)
{
    ca_limit limit;
    ca_counting counting;
    ca_counts counts = {.struct_size = sizeof counts};
    pthread_t thread[THREADS];

    (void)state;
    ca_counting_init(&counting, heap());
    ca_limit_init(&limit, ca_counting_allocator(&counting), BUDGET);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, press, &limit), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        void *wrong;
        assert_int_equal(pthread_join(thread[i], &wrong), 0);
        assert_null(wrong);
    }
    ca_counting_read(&counting, &counts);
    assert_int_equal(ca_limit_used(&limit), 0);
    assert_true(counts.live_bytes == 0 && counts.live_blocks == 0);
    assert_true(counts.live_bytes_peak <= BUDGET && counts.live_bytes_peak > 0);
    assert_int_equal(counts.calls[CA_METHOD_ALLOCATE], counts.calls[CA_METHOD_DEALLOCATE]);
}

static void test_A12_counting_counts(void **state)
{
    ca_counting counting;
    ca_counts counts = {.struct_size = sizeof counts};

    (void)state;
    ca_counting_init(&counting, heap());
    ca_allocator a = ca_counting_allocator(&counting);
    ca_block block = ca_unwrap(ca_allocator_allocate(a, layout(100, 8)));
    block = ca_unwrap(ca_allocator_grow(a, block, layout(100, 8), layout(300, 8)));
    block = ca_unwrap(ca_allocator_grow_zeroed(a, block, layout(300, 8), layout(400, 8)));
    block = ca_unwrap(ca_allocator_shrink(a, block, layout(400, 8), layout(50, 8)));
    ca_mustzero secret = ca_unwrap(ca_allocator_allocate_mustzero(a, layout(10, 8)));
    ca_nocaps flat = ca_unwrap(ca_allocator_allocate_nocaps(a, layout(20, 8)));
    ca_counting_read(&counting, &counts);
    assert_int_equal(counts.live_bytes, 80);
    assert_int_equal(counts.live_blocks, 3);
    assert_int_equal(counts.live_bytes_peak, 400);
    ca_allocator_deallocate_nocaps(a, flat, layout(20, 8));
    ca_allocator_deallocate_zeroed(a, secret, layout(10, 8));
    ca_block none = ca_unwrap(ca_allocator_shrink(a, block, layout(50, 8), layout(0, 8)));
    ca_allocator_deallocate(a, none, layout(0, 8));
    assert_false(ca_is_ok(ca_allocator_allocate(a, layout(PTRDIFF_MAX, 1))));
    assert_false(ca_is_ok(ca_allocator_allocate(a, layout(1, 3))));
    ca_counting_read(&counting, &counts);
    assert_true(counts.live_bytes == 0 && counts.live_blocks == 0 && counts.live_bytes_peak == 400);
    const uint64_t calls[CA_METHODS] = {2, 1, 0, 1, 1, 1, 1, 1, 1, 1};
    for (unsigned i = 0; i < CA_METHODS; i++) {
        assert_int_equal(counts.calls[i], calls[i]);
        assert_int_equal(counts.failures[i], i == CA_METHOD_ALLOCATE);
    }
    /* A reader from when there was less to tell. */
    ca_counts old = {.struct_size = offsetof(ca_counts, live_blocks), .live_blocks = 77};
    ca_counting_read(&counting, &old);
    assert_int_equal(old.live_bytes_peak, 400);
    assert_int_equal(old.live_blocks, 77);
}

static void test_A12_failing_nth(void **state)
{
    ca_failing failing;

    (void)state;
    ca_failing_init(&failing, heap());
    ca_allocator a = ca_failing_allocator(&failing);
    assert_int_equal(ca_allocator_promises(a), ca_allocator_promises(heap()));
    for (unsigned n = 1; n < 8; n++) {
        ca_failing_nth(&failing, n);
        for (unsigned call = 1; call < 12; call++) {
            ca_block_result made = ca_allocator_allocate(a, layout(32, 8));
            assert_int_equal(ca_is_ok(made), call != n);
            if (ca_is_ok(made))
                ca_allocator_deallocate(a, ca_unwrap(made), layout(32, 8));
        }
    }
    assert_int_equal(ca_failing_calls(&failing), 7 * 11);
    assert_int_equal(ca_failing_failures(&failing), 7);
    ca_block block = ca_unwrap(ca_allocator_allocate(a, layout(32, 8)));
    content_fill(block.ptr, 0, 32, 1);
    ca_failing_nth(&failing, 1);
    assert_int_equal(ca_error_of(ca_allocator_grow(a, block, layout(32, 8), layout(64, 8))), CA_ERROR_OUT_OF_MEMORY);
    ca_failing_nth(&failing, 1);
    assert_int_equal(ca_error_of(ca_allocator_shrink(a, block, layout(32, 8), layout(4, 8))), CA_ERROR_OUT_OF_MEMORY);
    assert_true(content_holds(block.ptr, 32, 1));
    ca_failing_nth(&failing, 1);
    ca_failing_nth(&failing, 0);
    block = ca_unwrap(ca_allocator_grow(a, block, layout(32, 8), layout(64, 8)));
    ca_allocator_deallocate(a, block, layout(64, 8));
}

static uint64_t pattern(uint64_t seed, uint32_t per_million, unsigned *failures)
{
    ca_failing failing;
    uint64_t bits = 0;

    ca_failing_init(&failing, heap());
    ca_failing_chance(&failing, per_million, seed);
    for (unsigned i = 0; i < 4000; i++) {
        ca_block_result made = ca_allocator_allocate(ca_failing_allocator(&failing), layout(8, 8));
        bits = bits * 31 + !ca_is_ok(made);
        if (ca_is_ok(made))
            ca_allocator_deallocate(heap(), ca_unwrap(made), layout(8, 8));
    }
    *failures = (unsigned)ca_failing_failures(&failing);
    return bits;
}

static void test_A12_failing_by_chance_is_repeatable(void **state)
{
    unsigned failures;

    (void)state;
    uint64_t first = pattern(42, 250000, &failures);
    assert_in_range(failures, 850, 1150);
    assert_true(pattern(42, 250000, &failures) == first);
    assert_true(pattern(43, 250000, &failures) != first);
    assert_int_equal(pattern(42, 0, &failures), 0);
    assert_int_equal(failures, 0);
    pattern(42, 1000000, &failures);
    assert_int_equal(failures, 4000);
}

static void test_A12_libc(void **state)
{
    ca_allocator a = ca_libc();

    (void)state;
    for (size_t align = 1; align <= 4096; align *= 2) {
        ca_block block = ca_unwrap(ca_allocator_allocate_zeroed(a, layout(100, align)));
        assert_true((uintptr_t)block.ptr % align == 0 && content_is_zero(block.ptr, block.size));
        content_fill(block.ptr, 0, 100, align);
        block = ca_unwrap(ca_allocator_grow(a, block, layout(100, align), layout(5000, align)));
        assert_true((uintptr_t)block.ptr % align == 0 && content_holds(block.ptr, 100, align));
        block = ca_unwrap(ca_allocator_shrink(a, block, layout(5000, align), layout(100, align)));
        assert_true((uintptr_t)block.ptr % align == 0 && content_holds(block.ptr, 100, align));
        ca_allocator_deallocate(a, block, layout(100, align));
    }
}

/* The heap sees that a block is not its own, also through adapters that do not look. */
static void test_A11_blocks_of_others_reach_the_heap(void **state)
{
    ca_failing failing;

    (void)state;
    ca_failing_init(&failing, heap());
    ca_block theirs = ca_unwrap(ca_allocator_allocate(ca_libc(), layout(64, 8)));
    content_fill(theirs.ptr, 0, 64, 1);
    refuse_start();
    ca_allocator_deallocate(ca_failing_allocator(&failing), theirs, layout(64, 8));
    assert_true(was_refused("invalid-free"));
    assert_true(content_holds(theirs.ptr, 64, 1));
    ca_set_violation_handler(NULL);
    ca_allocator_deallocate(ca_libc(), theirs, layout(64, 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_A12_limit_is_exact),
        cmocka_unit_test(test_A12_limit_charges_nothing_for_failures),
        cmocka_unit_test(test_A12_limit_under_threads),
        cmocka_unit_test(test_A12_counting_counts),
        cmocka_unit_test(test_A12_failing_nth),
        cmocka_unit_test(test_A12_failing_by_chance_is_repeatable),
        cmocka_unit_test(test_A12_libc),
        cmocka_unit_test(test_A11_blocks_of_others_reach_the_heap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
