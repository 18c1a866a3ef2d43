/* The raw pointer of a scoped box becomes a second box without leaving the first.
 * gcc: -Wanalyzer-double-free
 * clang: nothing
 *
 * clang does not follow the cleanup attribute. */
#include "box.h"

void test_B2_double_drop_scoped(void);
void test_B2_double_drop_scoped(void)
{
    CA_SCOPED(secret_box) box = secret_box_new((struct account){5});
    CA_SCOPED(secret_box) other = secret_box_from_raw(secret_box_get(&box));
    (void)other;
}
