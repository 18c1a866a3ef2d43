/* Has no mistake and expects one: the runner must say no.
 * gcc: -Wanalyzer-malloc-leak
 * clang: nothing */
#include "box.h"

int balance_of_scoped(void);
int balance_of_scoped(void)
{
    CA_SCOPED(account_box) box = account_box_new((struct account){5});
    return account_box_is_ok(&box) ? account_box_get(&box)->balance : 0;
}
