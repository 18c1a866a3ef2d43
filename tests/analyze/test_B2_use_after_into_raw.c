/* So is a box whose value was taken out.
 * gcc: -Wanalyzer-null-dereference
 * clang: core.NullDereference */
#include "box.h"

struct account *test_B2_use_after_into_raw(void);
struct account *test_B2_use_after_into_raw(void)
{
    CA_SCOPED(account_box) box = account_box_new((struct account){5});
    if (!account_box_is_ok(&box))
        return NULL;
    struct account *raw = account_box_into_raw(&box);
    account_box_get(&box)->balance = 6;
    return raw;
}
