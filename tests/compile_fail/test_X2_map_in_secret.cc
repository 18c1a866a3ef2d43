/* The nodes of a map have links beside the numbers.
 * c++: promised to hold no pointers */
#include <capalloc/allocator.hpp>
#include <functional>
#include <map>

void test_X2_map_in_secret();
void test_X2_map_in_secret()
{
#ifdef CORRECT
    std::map<int, int, std::less<int>, ca::mustzero_allocator<std::pair<const int, int>>> map;
    map[1] = 2;
#else
    std::map<int, int, std::less<int>, ca::secret_allocator<std::pair<const int, int>>> map;
    map[1] = 2;
#endif
}
