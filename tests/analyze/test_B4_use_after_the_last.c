/* What the last owner has lent is followed after it was dropped.
 * gcc: -Wanalyzer-use-after-free
 * clang: unix.Malloc */
#include "box.h"

int balance_after_the_last(void);
int balance_after_the_last(void)
{
    account_rc owner = account_rc_new((struct account){5});
    if (!account_rc_is_ok(&owner))
        return 0;
    struct account *lent = account_rc_get(&owner);
    account_rc_drop(&owner);
    return lent->balance;
}
