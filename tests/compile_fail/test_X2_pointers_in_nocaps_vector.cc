/* A vector of pointers in memory that is promised to hold none.
 * c++: promised to hold no pointers */
#include <capalloc/allocator.hpp>
#include <vector>

void test_X2_pointers_in_nocaps_vector();
void test_X2_pointers_in_nocaps_vector()
{
#ifdef CORRECT
    std::vector<int *, ca::allocator<int *>> pointers(10);
#else
    std::vector<int *, ca::nocaps_allocator<int *>> pointers(10);
#endif
}
