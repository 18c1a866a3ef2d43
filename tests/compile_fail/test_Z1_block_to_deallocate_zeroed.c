/* Ordinary memory given to the function that clears: its place has other rules.
 * c: ca_remedy_give_it_back_with_ca_deallocate_'
 * c: '(struct )?ca_block'
 * c++: (use of|call to) deleted function '.*
 * c++: ca_remedy_give_it_back_with_ca_deallocate_
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
