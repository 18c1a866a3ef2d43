/* A secret where a function takes ordinary memory.
 * c: incompatible type
 * c: 'ca_secret'
 * c: 'ca_block'
 * c++: 'ca_secret' to 'ca_block' */
#include <capalloc/heap.h>

static void take(ca_block block)
{
    ca_deallocate(block);
}

void test_Z1_secret_to_block_parameter(void);
void test_Z1_secret_to_block_parameter(void)
{
    ca_secret memory = ca_unwrap(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate_zeroed(memory);
    take(ca_unwrap(ca_allocate(ca_default_authority(), CA_LAYOUT_OF(int))));
#else
    take(memory);
#endif
}
