/* A box that nobody takes, which nobody will drop.
 * c: unused-result
 * c++: unused-result */
#include <capalloc/box.h>

CA_BOX_DEFINE(number_box, int, CA_NO_DESTRUCTOR)

void test_dropped_box(void);
void test_dropped_box(void)
{
#ifdef CORRECT
    number_box box = number_box_new(7);
    number_box_drop(&box);
#else
    number_box_new(7);
#endif
}
