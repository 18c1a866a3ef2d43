/* A block that was unwrapped for nothing.
 * c: unused-result
 * c++: unused-result */
#include <capalloc/heap.h>

void test_dropped_unwrap(void);
void test_dropped_unwrap(void)
{
    ca_authority heap = ca_default_authority();
#ifdef CORRECT
    ca_deallocate(ca_unwrap(ca_allocate(heap, CA_LAYOUT_OF(int))));
#else
    ca_unwrap(ca_allocate(heap, CA_LAYOUT_OF(int)));
#endif
}
