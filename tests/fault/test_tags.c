/* No memory for the table of tags: the store is refused, the block is as it was, and everything else goes on. */
#include "unit/unit.h"

#include "fault/faults.h"

#include <capalloc/capalloc.h>

static const struct fault nothing = {.functions = 0};
static const struct fault no_mapping = {
    .functions = 1 << FAULT_MAP, .from = 1, .until = 1000, .map_says = CAI_MAP_SHORT};

static ca_cap_result allocate(size_t bytes)
{
    return ca_cap_allocate(ca_default_authority(), (ca_layout){bytes, 16});
}

/* First: later the directory of the table is there. */
static void test_K9_no_table_no_capabilities(void **state)
{
    ca_cap_result nocaps;

    (void)state;
    ca_deallocate(ca_unwrap(ca_allocate(ca_default_authority(), (ca_layout){64, 16}))); /* the library has started */
    nocaps = ca_cap_allocate_nocaps(ca_default_authority(), (ca_layout){64, 16});
    assert_int_equal(ca_cap_deallocate(ca_cap_unwrap(nocaps)), CA_OK);
    fault_set(&no_mapping);
    assert_int_equal(ca_cap_error_of(allocate(64)), CA_ERROR_OUT_OF_MEMORY);
    fault_set(&nothing);
    assert_int_equal(ca_cap_deallocate(ca_cap_unwrap(allocate(64))), CA_OK);
}

static void test_K9_no_memory_for_a_tag_is_a_fault(void **state)
{
    ca_cap block = ca_cap_unwrap(allocate(64 << 20)), got;
    const ptrdiff_t far = 40 << 20;
    uint64_t value = 0;

    (void)state;
    assert_int_equal(ca_cap_store_cap(block, 0, block), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_store_u64(block, far, 77), CA_CAP_FAULT_NONE);
    fault_set(&no_mapping);
    assert_int_equal(ca_cap_store_cap(block, far, block), CA_CAP_FAULT_TAG_MEMORY);
    assert_int_equal(ca_cap_store_cap(block, far, ca_cap_tag_clear(block)), CA_CAP_FAULT_NONE); /* no tag, no need */
    assert_int_equal(ca_cap_store_u64(block, far, 77), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_store_cap(block, far, block), CA_CAP_FAULT_TAG_MEMORY);
    assert_int_equal(ca_cap_atomic_store(block, far, block), CA_CAP_FAULT_TAG_MEMORY);
    assert_int_equal(ca_cap_atomic_exchange(block, far, block, &got), CA_CAP_FAULT_TAG_MEMORY);
    assert_int_equal(ca_cap_load_u64(block, far, &value), CA_CAP_FAULT_NONE);
    assert_int_equal(value, 77);
    assert_int_equal(ca_cap_store_cap(block, 16, block), CA_CAP_FAULT_NONE); /* there is room already */
    fault_set(&nothing);
    assert_int_equal(ca_cap_store_cap(block, far, block), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_load_cap(block, far, &got), CA_CAP_FAULT_NONE);
    assert_true(ca_cap_is_equal_exact(got, block));
    assert_int_equal(ca_cap_deallocate(block), CA_OK);
}

/* Growing needs memory for the tags on their way, and for the block: whatever fails, the capabilities are there. */
static void test_K9_A7_a_grow_that_fails_keeps_the_capabilities(void **state)
{
    static const size_t lengths[] = {64, 4000, 200000, 4 << 20};

    (void)state;
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (unsigned nth = 1; nth <= 6; nth++) {
            struct fault fault = {
                .functions = 1 << FAULT_MAP | 1 << FAULT_MOVE, .from = nth, .until = 1000, .map_says = CAI_MAP_SHORT};
            ca_cap block = ca_cap_unwrap(allocate(lengths[i])), got;
            for (size_t at = 0; at + 16 <= lengths[i]; at += 48)
                assert_int_equal(ca_cap_store_cap(block, (ptrdiff_t)at, block), CA_CAP_FAULT_NONE);
            fault_set(&fault);
            ca_cap_result grown = ca_cap_grow(ca_default_authority(), block, (ca_layout){40 * lengths[i], 16});
            fault_set(&nothing);
            ca_cap now = ca_cap_is_ok(grown) ? grown.cap : block;
            if (!ca_cap_is_ok(grown)) {
                assert_int_equal(ca_cap_error_of(grown), CA_ERROR_OUT_OF_MEMORY);
                assert_int_equal(ca_cap_check(block), CA_OK);
            }
            for (size_t at = 0; at + 16 <= lengths[i]; at += 16) {
                assert_int_equal(ca_cap_load_cap(now, (ptrdiff_t)at, &got), CA_CAP_FAULT_NONE);
                assert_int_equal(ca_cap_tag_get(got), at % 48 == 0);
            }
            assert_int_equal(ca_cap_deallocate(now), CA_OK);
        }
}

/* The same to the granule, and of the neighbours too, where there is certainly no memory for the longer block. */
static void test_C10_a_refused_grow_touches_nothing(void **state)
{
    static const size_t lengths[] = {64, 640, 5120, 98304, 1 << 20};
    enum { ROW = 3 };

    (void)state;
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        ca_cap row[ROW], got;
        for (unsigned k = 0; k < ROW; k++) {
            row[k] = ca_cap_unwrap(allocate(lengths[i]));
            for (size_t at = 0; at < lengths[i]; at += 48)
                assert_int_equal(ca_cap_store_cap(row[k], (ptrdiff_t)at, row[k]), CA_CAP_FAULT_NONE);
        }
        fault_set(&no_mapping);
        ca_cap_result grown = ca_cap_grow(ca_default_authority(), row[1], (ca_layout){(size_t)1 << 30, 16});
        fault_set(&nothing);
        assert_int_equal(ca_cap_error_of(grown), CA_ERROR_OUT_OF_MEMORY);
        for (unsigned k = 0; k < ROW; k++) {
            for (size_t at = 0; at < lengths[i]; at += 16) {
                assert_int_equal(ca_cap_load_cap(row[k], (ptrdiff_t)at, &got), CA_CAP_FAULT_NONE);
                assert_int_equal(ca_cap_tag_get(got), at % 48 == 0);
            }
            assert_int_equal(ca_cap_deallocate(row[k]), CA_OK);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_K9_no_table_no_capabilities),
        cmocka_unit_test(test_K9_no_memory_for_a_tag_is_a_fault),
        cmocka_unit_test(test_K9_A7_a_grow_that_fails_keeps_the_capabilities),
        cmocka_unit_test(test_C10_a_refused_grow_touches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
