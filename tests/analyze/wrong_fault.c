/* Has a mistake and expects none: the runner must say no.
 * gcc: nothing
 * clang: nothing */
#include "box.h"

void leave_open(void);
void leave_open(void)
{
    account_box box = account_box_new((struct account){5});
    (void)box;
}
