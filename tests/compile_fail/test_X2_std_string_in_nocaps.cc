/* Strings of the standard library have pointers in them.
 * c++: promised to hold no pointers */
#include <capalloc/allocator.hpp>
#include <string>
#include <vector>

void test_X2_std_string_in_nocaps();
void test_X2_std_string_in_nocaps()
{
#ifdef CORRECT
    std::vector<std::string, ca::allocator<std::string>> texts(10);
#else
    std::vector<std::string, ca::nocaps_allocator<std::string>> texts(10);
#endif
}
