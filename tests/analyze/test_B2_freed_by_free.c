/* The block of a box given to free.
 * gcc: -Wanalyzer-mismatching-deallocation
 * clang: nothing */
#include "box.h"
#include <stdlib.h>

void give_to_free(void);
void give_to_free(void)
{
    account_box box = account_box_new((struct account){5});
    free(account_box_into_raw(&box));
}
