/* Secret memory holds no pointers either.
 * c++: promised to hold no pointers */
#include <capalloc/allocator.hpp>
#include <vector>

void test_X2_pointers_in_secret_vector();
void test_X2_pointers_in_secret_vector()
{
#ifdef CORRECT
    std::vector<int *, ca::mustzero_allocator<int *>> pointers(10);
#else
    std::vector<int *, ca::secret_allocator<int *>> pointers(10);
#endif
}
