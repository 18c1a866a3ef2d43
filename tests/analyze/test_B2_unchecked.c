/* Nobody looked whether there was memory.
 * gcc: -Wanalyzer-null-dereference
 * clang: core.NullDereference */
#include "box.h"

int test_B2_unchecked(void);
int test_B2_unchecked(void)
{
    CA_SCOPED(account_box) box = account_box_new((struct account){5});
    account_box_get(&box)->balance += 1;
    return account_box_get(&box)->balance;
}
