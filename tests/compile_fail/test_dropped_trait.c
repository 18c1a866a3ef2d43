/* A block of any allocator that nobody takes.
 * c: unused-result
 * c++: unused-result */
#include <capalloc/allocator.h>
#include <capalloc/heap.h>

void test_dropped_trait(void);
void test_dropped_trait(void)
{
    ca_allocator allocator = ca_heap_allocator(ca_default_authority());
#ifdef CORRECT
    ca_allocator_deallocate(allocator, ca_unwrap(ca_allocator_allocate(allocator, CA_LAYOUT_OF(int))),
                            CA_LAYOUT_OF(int));
#else
    ca_allocator_allocate(allocator, CA_LAYOUT_OF(int));
#endif
}
