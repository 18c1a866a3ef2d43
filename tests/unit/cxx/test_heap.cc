/* ca::heap and ca::authority: what ends with its owner. */
#include <capalloc/allocator.hpp>
#include <capalloc/box.hpp>
#include <capalloc/heap.hpp>
#include <type_traits>
#include <vector>

#include "cxx.h"

static_assert(!std::is_copy_constructible<ca::heap>::value && !std::is_copy_assignable<ca::authority>::value,
              "one owner");
static_assert(std::is_nothrow_move_constructible<ca::heap>::value && std::is_nothrow_move_assignable<ca::heap>::value,
              "moved");
static_assert(!std::is_convertible<ca::heap, ca_authority>::value &&
                  std::is_convertible<const ca::heap &, ca_authority>::value,
              "an authority is lent by an owner that stays");
static_assert(!std::is_convertible<ca::heap, ca::authority>::value, "two kinds of end");

static ca_error allocates(ca_authority authority)
{
    ca_block_result result = ca_allocate(authority, ca_layout{100, 8});
    if (ca_is_ok(result))
        ca_deallocate(ca_unwrap(result));
    return ca_error_of(result);
}

static void test_X5_C6_a_heap_ends_with_its_owner(void **)
{
    std::uint64_t before = live_blocks();
    ca_authority root;
    {
        auto heap = ca::heap::make(1 << 20, "of a test");
        assert_true(static_cast<bool>(heap) && heap.error() == CA_OK);
        root = heap.get();
        for (int i = 0; i < 100; i++)
            assert_true(ca_is_ok(ca_allocate(heap, ca_layout{100, 8})));
        ca_secret key = ca_unwrap(ca_allocate_secret(heap, ca_layout{100, 8}));
        assert_int_equal(heap.charged(), 101 * 112);
        assert_int_equal(heap.quota_remaining(), (1 << 20) - 101 * 112);
        memset(key.ptr, 1, 100);
        assert_int_equal(heap.free_all(), CA_OK);
        assert_int_equal(heap.charged(), 0);
        assert_true(ca_is_ok(ca_allocate(heap, ca_layout{100, 8})));
    }
    assert_int_equal(allocates(root), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(live_blocks(), before);
}

static void test_X5_C5_a_derived_authority_is_revoked(void **)
{
    auto heap = ca::heap::make(1 << 20);
    ca_authority lent;
    ca_block block;
    {
        auto lesser = heap.derive(CA_RIGHT_ALLOCATE, 1000);
        lent = lesser.get();
        block = ca_unwrap(ca_allocate(lesser, ca_layout{900, 8}));
        assert_int_equal(ca_error_of(ca_allocate(lesser, ca_layout{900, 8})), CA_ERROR_QUOTA);
        assert_int_equal(lesser.derive(CA_RIGHT_ALLOCATE).error(), CA_ERROR_NOT_PERMITTED);
        assert_int_equal(lesser.free_all(), CA_ERROR_NOT_PERMITTED);
        assert_false(static_cast<bool>(lesser.derive(CA_RIGHT_ALLOCATE)));
    }
    assert_int_equal(allocates(lent), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_check(block), CA_OK);
    assert_true(heap.charged() >= 900);
    ca_deallocate(block);
    assert_int_equal(heap.charged(), 0);
    auto of_default = ca::authority::derive_from(ca_default_authority(), CA_RIGHT_ALLOCATE, 5000);
    assert_int_equal(of_default.quota_remaining(), 5000);
}

static void test_X5_moved_swapped_and_handed_over(void **)
{
    auto first = ca::heap::make(1 << 20), second = ca::heap::make(2 << 20);
    ca_authority one = first.get(), two = second.get();
    swap(first, second);
    assert_int_equal(first.quota_remaining(), 2 << 20);
    first = std::move(second); /* ends the heap that it had */
    assert_int_equal(allocates(two), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(allocates(one), CA_OK);
    assert_false(static_cast<bool>(second));
    assert_int_equal(allocates(second), CA_ERROR_NOT_PERMITTED);
    ca_authority raw = first.into_raw();
    first.drop();
    assert_int_equal(allocates(raw), CA_OK);
    first = ca::heap::from_raw(raw);
    ca::heap moved(std::move(first));
    moved.drop();
    assert_int_equal(allocates(raw), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca::heap::make(0).quota_remaining(), 0);
}

static void test_X5_containers_and_boxes_live_in_it(void **)
{
    auto heap = ca::heap::make(1 << 20);
    auto box = ca::box<std::vector<int, ca::allocator_in<int>>>::make_in(heap, ca::allocator_in<int>(heap));
    box->assign(1000, 7);
    assert_true(heap.charged() >= 4000);
    box.drop();
    assert_int_equal(heap.charged(), 0);
}

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_X5_C6_a_heap_ends_with_its_owner),
        cmocka_unit_test(test_X5_C5_a_derived_authority_is_revoked),
        cmocka_unit_test(test_X5_moved_swapped_and_handed_over),
        cmocka_unit_test(test_X5_containers_and_boxes_live_in_it),
    };
    return cmocka_run_group_tests_name("cxx.heap", tests, nullptr, nullptr);
}
