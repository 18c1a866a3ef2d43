/* An allocator by an authority, and none is given.
 * c++: no matching (function|constructor)|deleted|default constructor */
#include <capalloc/allocator.hpp>
#include <vector>

void test_X1_without_authority();
void test_X1_without_authority()
{
#ifdef CORRECT
    std::vector<int, ca::allocator_in<int>> numbers(ca_default_authority());
#else
    std::vector<int, ca::allocator_in<int>> numbers;
#endif
    numbers.push_back(1);
}
