/* A block that nobody takes.
 * c: unused-result
 * c++: unused-result */
#include <capalloc/heap.h>

void test_dropped_allocate(void);
void test_dropped_allocate(void)
{
    ca_authority heap = ca_default_authority();
#ifdef CORRECT
    ca_deallocate(ca_unwrap(ca_allocate(heap, CA_LAYOUT_OF(int))));
#else
    ca_allocate(heap, CA_LAYOUT_OF(int));
#endif
}
