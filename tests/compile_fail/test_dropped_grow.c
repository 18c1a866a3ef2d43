/* A grown block that nobody takes: the old one is dead.
 * c: unused-result
 * c++: unused-result */
#include <capalloc/heap.h>

void test_dropped_grow(void);
void test_dropped_grow(void)
{
    ca_authority heap = ca_default_authority();
    ca_block block = ca_unwrap(ca_allocate(heap, CA_LAYOUT_OF(int)));
#ifdef CORRECT
    block = ca_unwrap(ca_grow(heap, block, CA_LAYOUT_ARRAY(int, 2)));
    ca_deallocate(block);
#else
    ca_grow(heap, block, CA_LAYOUT_ARRAY(int, 2));
    ca_deallocate(block);
#endif
}
