/* Memory without pointers where a function takes memory that may hold them.
 * c: incompatible type
 * c: 'ca_nocaps'
 * c: 'ca_block'
 * c++: 'ca_nocaps' to 'ca_block' */
#include <capalloc/heap.h>

static void take(ca_block block)
{
    ca_deallocate(block);
}

void test_Z1_N1_nocaps_to_block_parameter(void);
void test_Z1_N1_nocaps_to_block_parameter(void)
{
    ca_nocaps memory = ca_unwrap(ca_allocate_nocaps(ca_default_authority(), CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate(memory);
    take(ca_unwrap(ca_allocate(ca_default_authority(), CA_LAYOUT_OF(int))));
#else
    take(memory);
#endif
}
