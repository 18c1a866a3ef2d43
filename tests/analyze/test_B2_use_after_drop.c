/* What a box has lent is followed after the box was dropped.
 * gcc: -Wanalyzer-use-after-free
 * clang: unix.Malloc */
#include "box.h"

int test_B2_use_after_drop(void);
int test_B2_use_after_drop(void)
{
    account_box box = account_box_new((struct account){5});
    if (!account_box_is_ok(&box))
        return 0;
    struct account *lent = account_box_get(&box);
    account_box_drop(&box);
    return lent->balance;
}
