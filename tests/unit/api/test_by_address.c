/* What a hook that gives back an address alone relies on: a block that was asked for with its spare room is as long as
 * ca_malloc_usable_size says, and goes back to whom it was charged. docs/intentions.md tells users so. */
#include "unit/unit.h"

#include <capalloc/capalloc.h>

static void test_C1_C2_C6_spare_room_is_the_usable_size(void **state)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority heap;

    (void)state;
    options.quota_bytes = 8 << 20;
    assert_int_equal(ca_heap_create(&options, &heap), CA_OK);
    for (size_t size = 1; size < 4000000; size += size < 70000 ? 1 + size / 500 : 100003) {
        ca_block block = ca_unwrap(ca_allocate_at_least(heap, (ca_layout){size, 8}));
        assert_true(block.size >= size);
        assert_int_equal(ca_malloc_usable_size(block.ptr), block.size);
        ca_deallocate((ca_block){block.ptr, ca_malloc_usable_size(block.ptr)});
    }
    assert_int_equal(ca_authority_quota_remaining(heap), 8 << 20);
    assert_int_equal(ca_heap_destroy(heap), CA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C1_C2_C6_spare_room_is_the_usable_size),
    };
    return cmocka_run_group_tests_name("api.by_address", tests, NULL, NULL);
}
