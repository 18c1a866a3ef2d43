/* The nodes of a list have links beside the numbers.
 * c++: promised to hold no pointers */
#include <capalloc/allocator.hpp>
#include <list>
#include <vector>

void test_X2_nodes_in_nocaps();
void test_X2_nodes_in_nocaps()
{
#ifdef CORRECT
    std::vector<int, ca::nocaps_allocator<int>> numbers;
    numbers.push_back(1);
#else
    std::list<int, ca::nocaps_allocator<int>> numbers;
    numbers.push_back(1);
#endif
}
