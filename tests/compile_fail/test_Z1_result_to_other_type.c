/* The result of one intention unwrapped into the type of another.
 * c: 'ca_block'.*'ca_secret'
 * c++: ca_secret'
 * c++: ca_block */
#include <capalloc/heap.h>

void test_Z1_result_to_other_type(void);
void test_Z1_result_to_other_type(void)
{
    ca_block block;
#ifdef CORRECT
    block = ca_unwrap(ca_allocate(ca_default_authority(), CA_LAYOUT_OF(int)));
    ca_deallocate(block);
#else
    block = ca_unwrap(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_OF(int)));
    ca_deallocate(block);
#endif
}
