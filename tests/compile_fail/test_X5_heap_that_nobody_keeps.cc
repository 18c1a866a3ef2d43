/* A heap that ends at once.
 * c++: unused-result */
#include <capalloc/heap.hpp>

void test_X5_heap_that_nobody_keeps();
void test_X5_heap_that_nobody_keeps()
{
#ifdef CORRECT
    auto heap = ca::heap::make();
#else
    ca::heap::make();
#endif
}
