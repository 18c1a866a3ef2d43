/* A secret that nobody takes.
 * c: unused-result
 * c++: unused-result */
#include <capalloc/heap.h>

void test_dropped_allocate_secret(void);
void test_dropped_allocate_secret(void)
{
    ca_authority heap = ca_default_authority();
#ifdef CORRECT
    ca_deallocate_zeroed(ca_unwrap(ca_allocate_secret(heap, CA_LAYOUT_OF(int))));
#else
    ca_allocate_secret(heap, CA_LAYOUT_OF(int));
#endif
}
