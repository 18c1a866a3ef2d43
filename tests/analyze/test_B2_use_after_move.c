/* The source of a move is empty, and is followed.
 * gcc: -Wanalyzer-null-dereference
 * clang: core.NullDereference */
#include "box.h"

int test_B2_use_after_move(void);
int test_B2_use_after_move(void)
{
    CA_SCOPED(account_box) box = account_box_new((struct account){5});
    if (!account_box_is_ok(&box))
        return 0;
    CA_SCOPED(account_box) owner = account_box_move(&box);
    return account_box_get(&owner)->balance + account_box_get(&box)->balance;
}
