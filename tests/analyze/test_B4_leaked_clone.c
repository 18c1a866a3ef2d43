/* A counted owner whose clone is not dropped.
 * gcc: -Wanalyzer-malloc-leak
 * clang: nothing */
#include "box.h"

int balance_of_clone(void);
int balance_of_clone(void)
{
    CA_SCOPED(account_rc) owner = account_rc_new((struct account){5});
    if (!account_rc_is_ok(&owner))
        return 0;
    account_rc clone = account_rc_clone(&owner);
    return account_rc_is_ok(&clone) ? account_rc_get(&clone)->balance : 0;
}
