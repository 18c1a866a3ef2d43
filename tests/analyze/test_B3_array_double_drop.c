/* An array and its copy.
 * gcc: -Wanalyzer-double-free
 * clang: unix.Malloc */
#include "box.h"

void drop_array_twice(void);
void drop_array_twice(void)
{
    accounts box = accounts_new(3);
    accounts copy = box;
    accounts_drop(&box);
    accounts_drop(&copy);
}
