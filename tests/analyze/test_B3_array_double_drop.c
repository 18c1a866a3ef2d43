/* An array and its copy.
 * gcc: -Wanalyzer-double-free
 * clang: unix.Malloc */
#include "box.h"

void test_B3_array_double_drop(void);
void test_B3_array_double_drop(void)
{
    accounts box = accounts_new(3);
    accounts copy = box;
    accounts_drop(&box);
    accounts_drop(&copy);
}
