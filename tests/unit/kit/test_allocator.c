/* The trait: what its doors turn away before an allocator hears of it, and what they make from two methods. The
 * allocator here writes down every call. What every allocator must do is in the conformance suite.
 */
#include "unit/unit.h"

#include <capalloc/allocator.h>

#include "support/content.h"
#include "support/refuse.h"

#include <string.h>

/* Blocks of 256 bytes from an array, in order; 24 more than asked for are handed out. */
enum { SLOT = 256, SLOTS = 16, SPARE = 24 };
static _Alignas(4096) unsigned char memory[SLOTS][SLOT];
static unsigned next, calls, gone;
static bool fails;

static ca_block_result recorded_allocate(void *self, ca_layout layout)
{
    assert_ptr_equal(self, memory);
    assert_true(ca_layout_is_valid(layout) && layout.size > 0);
    calls++;
    if (fails)
        return (ca_block_result){.ptr = NULL, .size_or_error = CA_ERROR_OUT_OF_MEMORY};
    assert_true(next < SLOTS);
    memset(memory[next], 0xcd, SLOT);
    return (ca_block_result){.ptr = memory[next++], .size_or_error = layout.size + SPARE};
}

static void recorded_deallocate(void *self, ca_block block, ca_layout layout)
{
    assert_ptr_equal(self, memory);
    assert_true(layout.size > 0 && layout.size <= block.size);
    calls++;
    gone++;
    assert_true((uintptr_t)block.ptr % SLOT == 0);
}

static const ca_allocator_vtable two_methods = {
    .struct_size = sizeof two_methods, .allocate = recorded_allocate, .deallocate = recorded_deallocate};

static ca_allocator fresh(void)
{
    next = calls = gone = 0;
    fails = false;
    refuse_start();
    return (ca_allocator){.vtable = &two_methods, .self = memory};
}

static ca_layout layout(size_t size, size_t align)
{
    return (ca_layout){.size = size, .align = align};
}

static ca_block take(ca_allocator allocator, ca_layout wanted)
{
    ca_block_result result = ca_allocator_allocate(allocator, wanted);
    assert_true(ca_is_ok(result));
    ca_block block = ca_unwrap(result);
    content_fill(block.ptr, 0, block.size, 7);
    return block;
}

#define assert_error(error, ...) assert_int_equal(ca_error_of(__VA_ARGS__), error)

/* Everything that L1 and L2 forbid. */
static const ca_layout invalid[] = {
    {0, 0},
    {1, 0},
    {16, 3},
    {16, 24},
    {16, SIZE_MAX},
    {1, ((size_t)1 << 63) + 1},
    {SIZE_MAX, 1},
    {SIZE_MAX, 16},
    {(size_t)PTRDIFF_MAX + 1, 1},
    {PTRDIFF_MAX, 2},
    {PTRDIFF_MAX - 6, 8},
    {1, (size_t)1 << 63},
};

static void test_A3_L1_L2_forbidden_layouts_reach_no_allocator(void **state)
{
    ca_allocator a = fresh();
    ca_block block = take(a, layout(40, 8));
    unsigned before = calls;

    (void)state;
    for (unsigned i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        assert_error(CA_ERROR_LAYOUT, ca_allocator_allocate(a, invalid[i]));
        assert_error(CA_ERROR_LAYOUT, ca_allocator_allocate_zeroed(a, invalid[i]));
        assert_error(CA_ERROR_LAYOUT, ca_allocator_allocate_nocaps(a, invalid[i]));
        assert_error(CA_ERROR_LAYOUT, ca_allocator_allocate_mustzero(a, invalid[i]));
        assert_error(CA_ERROR_LAYOUT, ca_allocator_grow(a, block, layout(40, 8), invalid[i]));
        assert_error(CA_ERROR_LAYOUT, ca_allocator_grow_zeroed(a, block, layout(40, 8), invalid[i]));
        assert_error(CA_ERROR_LAYOUT, ca_allocator_shrink(a, block, layout(40, 8), invalid[i]));
        assert_int_equal(refused_calls, 0);
        ca_allocator_deallocate(a, block, invalid[i]);
        assert_true(was_refused("size-mismatch"));
        assert_error(CA_ERROR_INVALID, ca_allocator_grow(a, block, invalid[i], layout(80, 8)));
        assert_true(was_refused("size-mismatch"));
    }
    assert_error(CA_ERROR_LAYOUT, ca_allocator_allocate(a, CA_LAYOUT_ARRAY(long, SIZE_MAX / 4)));
    assert_error(CA_ERROR_LAYOUT, ca_allocator_allocate_zeroed(a, CA_LAYOUT_ARRAY(char, SIZE_MAX)));
    assert_int_equal(calls, before);
    assert_true(content_holds(block.ptr, block.size, 7));
}

static void test_A1_size_zero_reaches_no_allocator(void **state)
{
    ca_allocator a = fresh();

    (void)state;
    for (size_t align = 1; align <= (size_t)1 << 62; align *= 2) {
        ca_block_result made = ca_allocator_allocate(a, layout(0, align));
        assert_true(made.ptr == (void *)align && made.size_or_error == 0);
        ca_allocator_deallocate(a, ca_unwrap(made), layout(0, align));
        ca_mustzero_result zero = ca_allocator_allocate_mustzero(a, layout(0, align));
        assert_true(zero.ptr == (void *)align && zero.size_or_error == 0);
        ca_allocator_deallocate_zeroed(a, ca_unwrap(zero), layout(0, align));
        ca_nocaps_result nocaps = ca_allocator_allocate_nocaps(a, layout(0, align));
        assert_true(nocaps.ptr == (void *)align && nocaps.size_or_error == 0);
        ca_allocator_deallocate_nocaps(a, ca_unwrap(nocaps), layout(0, align));
    }
    ca_block_result moved = ca_allocator_grow(a, (ca_block){(void *)8, 0}, layout(0, 8), layout(0, 4096));
    assert_true(moved.ptr == (void *)4096 && moved.size_or_error == 0);
    assert_int_equal(calls, 0);
    ca_block block = ca_unwrap(ca_allocator_grow_zeroed(a, (ca_block){(void *)8, 0}, layout(0, 8), layout(50, 16)));
    assert_true(block.size == 50 + SPARE && content_is_zero(block.ptr, block.size));
    ca_block_result none = ca_allocator_shrink(a, block, layout(50, 16), layout(0, 64));
    assert_true(none.ptr == (void *)64 && none.size_or_error == 0);
    assert_int_equal(gone, 1);
    assert_int_equal(refused_calls, 0);
}

/* A null pointer, a layout of another size or alignment: nothing happens to the block or the allocator. */
static void test_A5_layouts_that_do_not_fit(void **state)
{
    ca_allocator a = fresh();
    ca_block block = take(a, layout(100, 8));
    const ca_layout wrong[] = {{0, 8}, {block.size + 1, 8}, {PTRDIFF_MAX - 7, 8}};
    unsigned before = calls;

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ca_allocator_deallocate(a, block, wrong[i]);
        assert_true(was_refused("size-mismatch"));
        assert_error(CA_ERROR_INVALID, ca_allocator_grow(a, block, wrong[i], layout(PTRDIFF_MAX - 7, 8)));
        assert_true(was_refused("size-mismatch"));
        assert_error(CA_ERROR_INVALID, ca_allocator_grow_zeroed(a, block, wrong[i], layout(PTRDIFF_MAX - 7, 8)));
        assert_true(was_refused("size-mismatch"));
        assert_error(CA_ERROR_INVALID, ca_allocator_shrink(a, block, wrong[i], layout(0, 8)));
        assert_true(was_refused("size-mismatch"));
        ca_allocator_deallocate_nocaps(a, (ca_nocaps){block.ptr, block.size}, wrong[i]);
        assert_true(was_refused("size-mismatch"));
        ca_allocator_deallocate_zeroed(a, (ca_mustzero){block.ptr, block.size}, wrong[i]);
        assert_true(was_refused("size-mismatch"));
    }
    ca_block off = {(char *)block.ptr + 4, 64};
    ca_allocator_deallocate(a, off, layout(64, 8));
    assert_true(was_refused("size-mismatch"));
    ca_allocator_deallocate(a, (ca_block){NULL, 8}, layout(8, 8));
    assert_true(was_refused("invalid-free"));
    assert_int_equal(calls, before);
    assert_true(content_holds(block.ptr, block.size, 7));
    /* What fits is taken: each size from what was asked for to what was returned. */
    for (size_t size = 100; size <= block.size; size++)
        ca_allocator_deallocate(a, block, layout(size, 8));
    assert_int_equal(gone, 1 + SPARE);
    assert_int_equal(refused_calls, 0);
}

static void test_A7_A9_wrong_direction(void **state)
{
    ca_allocator a = fresh();
    take(a, layout(1, 1));
    ca_block block = take(a, layout(100, 8)); /* at an odd multiple of 256 */
    unsigned before = calls;

    (void)state;
    assert_error(CA_ERROR_LAYOUT, ca_allocator_grow(a, block, layout(100, 8), layout(99, 8)));
    assert_error(CA_ERROR_LAYOUT, ca_allocator_grow_zeroed(a, block, layout(100, 8), layout(0, 8)));
    assert_error(CA_ERROR_LAYOUT, ca_allocator_shrink(a, block, layout(100, 8), layout(101, 8)));
    assert_int_equal(refused_calls, 0);
    assert_int_equal(calls, before);
    assert_true(content_holds(block.ptr, block.size, 7));
}

static void test_A6_provided_zeroed_covers_all_that_is_returned(void **state)
{
    ca_allocator a = fresh();
    ca_block block = ca_unwrap(ca_allocator_allocate_zeroed(a, layout(33, 8)));

    (void)state;
    assert_int_equal(block.size, 33 + SPARE);
    assert_true(content_is_zero(block.ptr, block.size));
    assert_int_equal(memory[0][33 + SPARE], 0xcd);
}

static void test_A7_A8_provided_grow(void **state)
{
    ca_allocator a = fresh();
    ca_block old = take(a, layout(60, 8));

    (void)state;
    ca_block grown = ca_unwrap(ca_allocator_grow(a, old, layout(60, 8), layout(80, 64)));
    assert_true(grown.ptr == memory[1] && grown.size == 80 + SPARE);
    assert_true(content_holds(grown.ptr, 60, 7));
    assert_int_equal(gone, 1);
    grown = ca_unwrap(ca_allocator_grow_zeroed(a, grown, layout(80, 64), layout(120, 1)));
    assert_true(content_holds(grown.ptr, 60, 7));
    assert_true(content_is_zero((char *)grown.ptr + 80, 40 + SPARE));
    assert_int_equal(gone, 2);
    fails = true;
    content_fill(grown.ptr, 0, grown.size, 9);
    assert_error(CA_ERROR_OUT_OF_MEMORY, ca_allocator_grow(a, grown, layout(120, 1), layout(130, 1)));
    assert_error(CA_ERROR_OUT_OF_MEMORY, ca_allocator_grow_zeroed(a, grown, layout(120, 1), layout(130, 1)));
    assert_error(CA_ERROR_OUT_OF_MEMORY, ca_allocator_shrink(a, grown, layout(120, 1), layout(30, 1)));
    assert_int_equal(gone, 2);
    assert_true(content_holds(grown.ptr, grown.size, 9));
}

static void test_A9_provided_shrink(void **state)
{
    ca_allocator a = fresh();
    ca_block old = take(a, layout(60, 8));
    unsigned before = calls;

    (void)state;
    ca_block same = ca_unwrap(ca_allocator_shrink(a, old, layout(60, 8), layout(60, 8)));
    assert_true(same.ptr == old.ptr && same.size == old.size && calls == before);
    ca_block shrunk = ca_unwrap(ca_allocator_shrink(a, same, layout(60, 8), layout(17, 16)));
    assert_true(content_holds(shrunk.ptr, 17, 7));
    assert_int_equal(shrunk.size, 17 + SPARE);
    assert_int_equal(gone, 1);
}

static void test_A11_Z2_provided_must_zero_is_cleared_to_its_end(void **state)
{
    ca_allocator a = fresh();
    ca_mustzero secret = ca_unwrap(ca_allocator_allocate_mustzero(a, layout(90, 8)));

    (void)state;
    assert_true(content_is_zero(secret.ptr, secret.size));
    memset(secret.ptr, 0x5e, secret.size);
    ca_allocator_deallocate_zeroed(a, secret, layout(90, 8));
    assert_true(content_is_zero(secret.ptr, 90 + SPARE));
    assert_int_equal(memory[0][90 + SPARE], 0xcd);
    assert_int_equal(gone, 1);
    ca_nocaps flat = ca_unwrap(ca_allocator_allocate_nocaps(a, layout(90, 8)));
    ca_allocator_deallocate_nocaps(a, flat, layout(90, 8));
    assert_int_equal(gone, 2);
    assert_int_equal(ca_allocator_promises(a), 0);
}

static ca_block_result never(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    (void)self, (void)block, (void)old_layout, (void)new_layout;
    fail_msg("a method behind the end of the vtable was called");
    return (ca_block_result){0};
}

/* As compiled when the trait had two methods, and what lies behind is something else. */
static void test_A11_shorter_vtable(void **state)
{
    ca_allocator_vtable old = two_methods;
    ca_allocator a = fresh();
    ca_block block;

    (void)state;
    old.grow = old.grow_zeroed = old.shrink = never;
    old.promises_now = (unsigned (*)(void *))(uintptr_t)1;
    old.promises = CA_PROMISE_VALIDATES;
    old.struct_size = offsetof(ca_allocator_vtable, deallocate) + sizeof old.deallocate;
    a.vtable = &old;
    block = take(a, layout(10, 1));
    block = ca_unwrap(ca_allocator_grow(a, block, layout(10, 1), layout(20, 1)));
    block = ca_unwrap(ca_allocator_grow_zeroed(a, block, layout(20, 1), layout(30, 1)));
    block = ca_unwrap(ca_allocator_shrink(a, block, layout(30, 1), layout(5, 1)));
    assert_true(content_holds(block.ptr, 5, 7));
    assert_int_equal(ca_allocator_promises(a), CA_PROMISE_VALIDATES);
    assert_int_equal(ca_allocator_promises(ca_by_ref(&a)), CA_PROMISE_VALIDATES);
    /* Without its required methods it is no allocator. */
    unsigned before = calls;
    for (unsigned i = 0; i < 3; i++) {
        ca_allocator none = a;
        if (i == 0)
            none.vtable = NULL;
        else if (i == 1)
            old.struct_size = offsetof(ca_allocator_vtable, deallocate);
        else
            old.struct_size = sizeof old, old.allocate = NULL;
        assert_error(CA_ERROR_INVALID, ca_allocator_allocate(none, layout(8, 8)));
        assert_error(CA_ERROR_INVALID, ca_allocator_allocate_mustzero(none, layout(0, 8)));
        assert_error(CA_ERROR_INVALID, ca_allocator_grow(none, block, layout(5, 1), layout(8, 8)));
        assert_error(CA_ERROR_INVALID, ca_allocator_shrink(none, block, layout(5, 1), layout(0, 8)));
        ca_allocator_deallocate(none, block, layout(5, 1));
        assert_int_equal(ca_allocator_promises(none), 0);
    }
    assert_int_equal(calls, before);
}

static ca_block_result in_place(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    (void)self, (void)old_layout;
    return (ca_block_result){.ptr = block.ptr, .size_or_error = new_layout.size + 8};
}

/* An allocator that only has grow: what that adds in place is cleared. */
static void test_A8_grow_zeroed_from_grow(void **state)
{
    ca_allocator_vtable vtable = two_methods;
    ca_allocator a = fresh();

    (void)state;
    vtable.grow = in_place;
    a.vtable = &vtable;
    ca_block block = take(a, layout(60, 8));
    ca_block grown = ca_unwrap(ca_allocator_grow_zeroed(a, block, layout(60, 8), layout(100, 8)));
    assert_ptr_equal(grown.ptr, block.ptr);
    assert_true(content_holds(grown.ptr, 60, 7));
    assert_true(content_is_zero((char *)grown.ptr + 60, 48));
    assert_int_equal(memory[0][108], 0xcd);
}

static void test_A10_by_ref_follows_its_target(void **state)
{
    ca_allocator a = fresh();
    ca_allocator reference = ca_by_ref(&a);
    ca_block block = take(reference, layout(60, 8));

    (void)state;
    block = ca_unwrap(ca_allocator_grow(reference, block, layout(60, 8), layout(70, 8)));
    ca_allocator_deallocate(a, block, layout(70, 8));
    assert_int_equal(gone, 2);
    fails = true;
    assert_error(CA_ERROR_OUT_OF_MEMORY, ca_allocator_allocate(reference, layout(1, 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_A3_L1_L2_forbidden_layouts_reach_no_allocator),
        cmocka_unit_test(test_A1_size_zero_reaches_no_allocator),
        cmocka_unit_test(test_A5_layouts_that_do_not_fit),
        cmocka_unit_test(test_A7_A9_wrong_direction),
        cmocka_unit_test(test_A6_provided_zeroed_covers_all_that_is_returned),
        cmocka_unit_test(test_A7_A8_provided_grow),
        cmocka_unit_test(test_A9_provided_shrink),
        cmocka_unit_test(test_A11_Z2_provided_must_zero_is_cleared_to_its_end),
        cmocka_unit_test(test_A11_shorter_vtable),
        cmocka_unit_test(test_A8_grow_zeroed_from_grow),
        cmocka_unit_test(test_A10_by_ref_follows_its_target),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
