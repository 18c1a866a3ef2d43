/* A box that is dropped at once.
 * c++: unused-result */
#include <capalloc/box.hpp>

void test_B3_box_that_nobody_keeps();
void test_B3_box_that_nobody_keeps()
{
#ifdef CORRECT
    auto box = ca::box<int>::make(1);
#else
    ca::box<int>::make(1);
#endif
}
