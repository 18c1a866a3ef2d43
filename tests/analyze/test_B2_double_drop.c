/* A copy instead of a move: two owners, and both drop.
 * gcc: -Wanalyzer-double-free
 * clang: unix.Malloc */
#include "box.h"

void test_B2_double_drop(void);
void test_B2_double_drop(void)
{
    account_box box = account_box_new((struct account){5});
    account_box copy = box;
    account_box_drop(&box);
    account_box_drop(&copy);
}
