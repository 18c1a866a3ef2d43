/* A pointer where a block belongs.
 * c: ca_remedy_not_a_block_'
 * c: '(void|int) ?\*'
 * c++: no matching function for call to 'ca_deallocate */
#include <capalloc/heap.h>

void test_pointer_to_deallocate(void);
void test_pointer_to_deallocate(void)
{
    ca_block block = ca_unwrap(ca_allocate(ca_default_authority(), CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate(block);
#else
    ca_deallocate(block.ptr);
#endif
}
