/* Dropped at the end, forgotten on the early return.
 * gcc: -Wanalyzer-malloc-leak
 * clang: nothing */
#include "box.h"

int test_B2_leak_on_one_path(int wanted);
int test_B2_leak_on_one_path(int wanted)
{
    secret_box box = secret_box_new((struct account){5});
    if (!secret_box_is_ok(&box))
        return 0;
    if (!wanted)
        return -1;
    int balance = secret_box_get(&box)->balance;
    secret_box_drop(&box);
    return balance;
}
