/* ca_fixed: nothing but the caller's buffer, whatever its address and size, and exact about whose blocks it takes
 * back. */
#include "unit/unit.h"

#include <capalloc/fixed.h>

#include "support/content.h"
#include "support/refuse.h"

#include <string.h>

static ca_layout layout(size_t size, size_t align)
{
    return (ca_layout){.size = size, .align = align};
}

static void test_A12_misaligned_buffer(void **state)
{
    static _Alignas(64) char buffer[256 + 64];
    ca_fixed fixed;

    (void)state;
    for (size_t offset = 0; offset < 64; offset++) {
        memset(buffer, 0x77, sizeof buffer);
        ca_fixed_init(&fixed, buffer + offset, 200);
        ca_allocator a = ca_fixed_allocator(&fixed);
        for (;;) {
            ca_block_result made = ca_allocator_allocate(a, layout(24, 32));
            if (!ca_is_ok(made)) {
                assert_int_equal(ca_error_of(made), CA_ERROR_OUT_OF_MEMORY);
                break;
            }
            assert_true((uintptr_t)made.ptr % 32 == 0);
            assert_true((char *)made.ptr >= buffer + offset && (char *)made.ptr + 24 <= buffer + offset + 200);
            memset(made.ptr, 0, 24);
        }
        for (size_t i = 0; i < offset; i++)
            assert_int_equal(buffer[i], 0x77);
        for (size_t i = offset + 200; i < sizeof buffer; i++)
            assert_int_equal(buffer[i], 0x77);
    }
}

static void test_A3_too_small_or_no_buffer(void **state)
{
    char buffer[8] = "1234567";
    ca_fixed fixed;

    (void)state;
    for (size_t size = 0; size <= sizeof buffer; size++) {
        ca_fixed_init(&fixed, buffer, size);
        ca_allocator a = ca_fixed_allocator(&fixed);
        assert_int_equal(ca_error_of(ca_allocator_allocate(a, layout(size + 1, 1))), CA_ERROR_OUT_OF_MEMORY);
        assert_int_equal(ca_error_of(ca_allocator_allocate_mustzero(a, layout(9, 1))), CA_ERROR_OUT_OF_MEMORY);
        assert_int_equal(ca_fixed_remaining(&fixed), size);
        assert_true(ca_is_ok(ca_allocator_allocate(a, layout(0, 4096))));
    }
    assert_string_equal(buffer, "1234567");
    for (unsigned i = 0; i < 3; i++) {
        ca_fixed_init(&fixed, i < 2 ? NULL : buffer, i == 0 ? 0 : SIZE_MAX - (i == 2 ? 0 : 5));
        assert_int_equal(ca_fixed_remaining(&fixed), 0);
        assert_int_equal(ca_error_of(ca_allocator_allocate(ca_fixed_allocator(&fixed), layout(1, 1))),
                         CA_ERROR_OUT_OF_MEMORY);
        assert_true(ca_is_ok(ca_allocator_allocate(ca_fixed_allocator(&fixed), layout(0, 1))));
    }
}

/* The newest block in place, in both directions; up to the last byte and not beyond. */
static void test_A7_A9_newest_block_stays(void **state)
{
    static _Alignas(16) char buffer[256];
    ca_fixed fixed;

    (void)state;
    ca_fixed_init(&fixed, buffer, sizeof buffer);
    ca_allocator a = ca_fixed_allocator(&fixed);
    ca_block first = ca_unwrap(ca_allocator_allocate(a, layout(32, 16)));
    ca_block block = ca_unwrap(ca_allocator_allocate(a, layout(32, 16)));
    content_fill(first.ptr, 0, 32, 1);
    content_fill(block.ptr, 0, 32, 2);
    block = ca_unwrap(ca_allocator_grow(a, block, layout(32, 16), layout(224, 16)));
    assert_ptr_equal(block.ptr, buffer + 32);
    assert_int_equal(ca_fixed_remaining(&fixed), 0);
    assert_int_equal(ca_error_of(ca_allocator_grow(a, block, layout(224, 16), layout(225, 16))),
                     CA_ERROR_OUT_OF_MEMORY);
    assert_int_equal(ca_error_of(ca_allocator_grow(a, first, layout(32, 16), layout(33, 16))), CA_ERROR_OUT_OF_MEMORY);
    assert_true(content_holds(block.ptr, 32, 2) && content_holds(first.ptr, 32, 1));
    block = ca_unwrap(ca_allocator_shrink(a, block, layout(224, 16), layout(32, 1)));
    assert_int_equal(ca_fixed_remaining(&fixed), 256 - 64);
    first = ca_unwrap(ca_allocator_grow(a, first, layout(32, 16), layout(40, 16)));
    assert_ptr_equal(first.ptr, buffer + 64);
    assert_true(content_holds(first.ptr, 32, 1));
    ca_allocator_deallocate(a, first, layout(40, 16));
    ca_allocator_deallocate(a, block, layout(32, 1));
    assert_int_equal(ca_fixed_remaining(&fixed), 256 - 32);
    ca_fixed_reset(&fixed);
    assert_int_equal(ca_fixed_remaining(&fixed), 256);
}

static void test_A4_A11_blocks_of_others(void **state)
{
    static _Alignas(16) char buffer[128], other[128], copy[128];
    ca_fixed fixed, foreign;

    (void)state;
    ca_fixed_init(&fixed, buffer, sizeof buffer);
    ca_fixed_init(&foreign, other, sizeof other);
    ca_allocator a = ca_fixed_allocator(&fixed);
    ca_block mine = ca_unwrap(ca_allocator_allocate(a, layout(32, 8)));
    ca_block theirs = ca_unwrap(ca_allocator_allocate(ca_fixed_allocator(&foreign), layout(32, 8)));
    content_fill(buffer, 0, sizeof buffer, 3);
    memcpy(copy, buffer, sizeof copy);
    refuse_start();
    ca_allocator_deallocate(a, theirs, layout(32, 8));
    assert_true(was_refused("invalid-free"));
    assert_int_equal(ca_error_of(ca_allocator_grow(a, theirs, layout(32, 8), layout(64, 8))), CA_ERROR_INVALID);
    assert_true(was_refused("invalid-free"));
    assert_int_equal(ca_error_of(ca_allocator_shrink(a, theirs, layout(32, 8), layout(8, 8))), CA_ERROR_INVALID);
    assert_true(was_refused("invalid-free"));
    ca_allocator_deallocate(a, (ca_block){buffer + 32, 8}, layout(8, 8));
    assert_true(was_refused("double-free"));
    ca_allocator_deallocate(a, (ca_block){mine.ptr, 40}, layout(40, 8));
    assert_true(was_refused("double-free"));
    assert_memory_equal(buffer, copy, sizeof copy);
    assert_int_equal(ca_fixed_remaining(&fixed), 96);
    assert_int_equal(ca_fixed_remaining(&foreign), 96);
    ca_allocator_deallocate(a, mine, layout(32, 8));
    ca_allocator_deallocate(a, mine, layout(32, 8));
    assert_true(was_refused("double-free"));
    ca_set_violation_handler(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_A12_misaligned_buffer),
        cmocka_unit_test(test_A3_too_small_or_no_buffer),
        cmocka_unit_test(test_A7_A9_newest_block_stays),
        cmocka_unit_test(test_A4_A11_blocks_of_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
