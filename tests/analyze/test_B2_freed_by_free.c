/* The block of a box given to free.
 * gcc: -Wanalyzer-mismatching-deallocation
 * clang: nothing */
#include "box.h"
#include <stdlib.h>

void test_B2_freed_by_free(void);
void test_B2_freed_by_free(void)
{
    account_box box = account_box_new((struct account){5});
    free(account_box_into_raw(&box));
}
