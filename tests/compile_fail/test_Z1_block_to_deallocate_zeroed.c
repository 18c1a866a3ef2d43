/* Ordinary memory given to the function that clears: its place has other rules.
 * c: type '(struct )?ca_block'.* not compatible with any
 * c++: no matching function for call to 'ca_deallocate_zeroed
 * c++: ca_block */
#include <capalloc/heap.h>

void test_Z1_block_to_deallocate_zeroed(void);
void test_Z1_block_to_deallocate_zeroed(void)
{
    ca_block block = ca_unwrap(ca_allocate(ca_default_authority(), CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate(block);
#else
    ca_deallocate_zeroed(block);
#endif
}
