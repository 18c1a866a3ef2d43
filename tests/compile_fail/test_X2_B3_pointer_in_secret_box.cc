/* A box for a pointer in secret memory.
 * c++: promised to hold no pointers */
#include <capalloc/box.hpp>

void test_X2_B3_pointer_in_secret_box();
void test_X2_B3_pointer_in_secret_box()
{
    int number = 0;
#ifdef CORRECT
    auto box = ca::box<int *, ca_mustzero>::make(&number);
#else
    auto box = ca::box<int *, ca_secret>::make(&number);
#endif
    box.drop();
}
