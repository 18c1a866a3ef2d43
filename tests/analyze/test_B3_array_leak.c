/* An array that nobody drops.
 * gcc: -Wanalyzer-malloc-leak
 * clang: nothing */
#include "box.h"

int test_B3_array_leak(void);
int test_B3_array_leak(void)
{
    accounts box = accounts_new(3);
    struct account *first = accounts_at(&box, 0);
    return first != NULL ? first->balance : 0;
}
