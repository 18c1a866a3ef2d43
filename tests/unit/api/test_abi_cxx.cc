/* C++ sees the same ABI as C: the numbers of abi.h, values that the calling convention treats as C's, and names that
 * are not mangled. */
#include "unit/api/abi.h"
#include <type_traits>

extern "C" {
#include "unit/unit.h"
}

namespace
{

/* Otherwise a struct would be passed by a hidden address where C passes it in registers. */
#define IS_LIKE_C(type, ...)                                                                                           \
    static_assert(std::is_trivial<type>::value && std::is_standard_layout<type>::value, #type " is a struct of C");
ABI_PAIRS(IS_LIKE_C)
ABI_FIXED(IS_LIKE_C)
ABI_GROWING(IS_LIKE_C)

/* Called by the names of C's functions, not through the overloads. */
void test_what_c_allocates_c_plus_plus_gives_back(void **)
{
    ca_block_result (*volatile allocate)(ca_authority, ca_layout) = (ca_allocate);
    void (*volatile deallocate)(ca_block) = ca_block_deallocate;
    ca_block block = ca_unwrap(allocate(ca_default_authority(), CA_LAYOUT_OF(long[5])));

    assert_int_equal(block.size, 5 * sizeof(long));
    assert_int_equal(ca_check(block), CA_OK);
    deallocate(block);
}

void test_an_old_vtable_is_asked_for_nothing_behind_its_end(void **)
{
    static ca_allocator_vtable vtable = *ca_heap_allocator(ca_default_authority()).vtable;
    ca_allocator allocator = ca_heap_allocator(ca_default_authority());

    /* As of a version that knew allocate and deallocate only; what lies behind it is not to be called. */
    vtable.struct_size = offsetof(ca_allocator_vtable, allocate_zeroed);
    vtable.allocate_zeroed = [](void *, ca_layout) -> ca_block_result { return {nullptr, CA_ERROR_INVALID}; };
    allocator.vtable = &vtable;
    ca_block block = ca_unwrap(ca_allocator_allocate_zeroed(allocator, CA_LAYOUT_OF(long)));
    assert_int_equal(*static_cast<long *>(block.ptr), 0);
    ca_allocator_deallocate(allocator, block, CA_LAYOUT_OF(long));
}

void test_initializers(void **)
{
    ABI_INITS(ABI_INIT_IS)
    static const ca_layout layout = CA_LAYOUT_INIT(long[3]);
    assert_int_equal(layout.size, 3 * sizeof(long));
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_what_c_allocates_c_plus_plus_gives_back),
        cmocka_unit_test(test_an_old_vtable_is_asked_for_nothing_behind_its_end),
        cmocka_unit_test(test_initializers),
    };

    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
