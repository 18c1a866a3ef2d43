/* A class of which nobody has said that it holds no pointers.
 * c++: promised to hold no pointers */
#include <capalloc/allocator.hpp>
#include <vector>

struct point {
    int x, y;
};
#ifdef CORRECT
template <> struct ca::no_pointers<point> : std::true_type {
};
#endif

void test_X2_class_of_which_nobody_said_so();
void test_X2_class_of_which_nobody_said_so()
{
#ifdef CORRECT
    std::vector<point, ca::nocaps_allocator<point>> points(10);
#else
    std::vector<point, ca::nocaps_allocator<point>> points(10);
#endif
}
