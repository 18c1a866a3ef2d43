/* A heap has one owner.
 * c++: deleted */
#include <capalloc/heap.hpp>

void test_X5_heap_copied();
void test_X5_heap_copied()
{
    auto heap = ca::heap::make();
#ifdef CORRECT
    auto second = std::move(heap);
#else
    auto second = heap;
#endif
}
