/* The heap is destroyed before anybody can use its authority.
 * c++: deleted */
#include <capalloc/heap.hpp>

void test_X5_authority_of_a_heap_that_ends();
void test_X5_authority_of_a_heap_that_ends()
{
#ifdef CORRECT
    auto heap = ca::heap::make();
    ca_authority authority = heap;
#else
    ca_authority authority = ca::heap::make();
#endif
    (void)authority;
}
