/* A box that nobody drops: not scoped, not moved.
 * gcc: -Wanalyzer-malloc-leak
 * clang: nothing
 *
 * clang does not follow the cleanup attribute and would take every scoped box for a leak: it is not told what
 * allocates. */
#include "box.h"

int test_B2_leak(void);
int test_B2_leak(void)
{
    account_box box = account_box_new((struct account){5});
    if (!account_box_is_ok(&box))
        return 0;
    return account_box_get(&box)->balance;
}
