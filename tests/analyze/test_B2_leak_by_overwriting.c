/* A scoped box that gets a second value while it holds the first.
 * gcc: -Wanalyzer-malloc-leak
 * clang: nothing */
#include "box.h"

int test_B2_leak_by_overwriting(void);
int test_B2_leak_by_overwriting(void)
{
    CA_SCOPED(account_box) box = account_box_new((struct account){1});
    if (!account_box_is_ok(&box))
        return 0;
    box = account_box_new((struct account){2});
    return account_box_is_ok(&box) ? account_box_get(&box)->balance : 0;
}
