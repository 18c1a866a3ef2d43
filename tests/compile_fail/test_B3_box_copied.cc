/* A box has one owner.
 * c++: deleted */
#include <capalloc/box.hpp>

void test_B3_box_copied();
void test_B3_box_copied()
{
    auto box = ca::box<int>::make(1);
#ifdef CORRECT
    auto second = std::move(box);
#else
    auto second = box;
#endif
}
