/* A wiped block that nobody gives back.
 * c: unused-result
 * c++: unused-result */
#include <capalloc/heap.h>

void test_dropped_wipe(void);
void test_dropped_wipe(void)
{
    ca_secret key = ca_unwrap(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate(ca_wipe(&key));
#else
    ca_wipe(&key);
#endif
}
