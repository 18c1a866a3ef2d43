/* Must-zero memory where a function takes ordinary memory.
 * c: incompatible type
 * c: 'ca_mustzero'
 * c: 'ca_block'
 * c++: 'ca_mustzero' to 'ca_block' */
#include <capalloc/heap.h>

static void take(ca_block block)
{
    ca_deallocate(block);
}

void test_Z1_mustzero_to_block_parameter(void);
void test_Z1_mustzero_to_block_parameter(void)
{
    ca_mustzero memory = ca_unwrap(ca_allocate_mustzero(ca_default_authority(), CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate_zeroed(memory);
    take(ca_unwrap(ca_allocate(ca_default_authority(), CA_LAYOUT_OF(int))));
#else
    take(memory);
#endif
}
