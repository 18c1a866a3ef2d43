/* Wiped memory can only be given back, not used as ordinary memory.
 * c: incompatible type
 * c: 'ca_wiped'
 * c: 'ca_block'
 * c++: 'ca_wiped' to 'ca_block' */
#include <capalloc/heap.h>

static void take(ca_block block)
{
    ca_deallocate(block);
}

void test_Z1_Z9_wiped_to_block_parameter(void);
void test_Z1_Z9_wiped_to_block_parameter(void)
{
    ca_secret block = ca_unwrap(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_OF(int)));
    ca_wiped wiped = ca_wipe(&block);
#ifdef CORRECT
    ca_deallocate(wiped);
    take(ca_unwrap(ca_allocate(ca_default_authority(), CA_LAYOUT_OF(int))));
#else
    take(wiped);
#endif
}
