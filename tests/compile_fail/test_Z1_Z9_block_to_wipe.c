/* Ordinary memory wiped: it would come back as memory that may be given to another place.
 * c: ca_remedy_only_ca_mustzero_and_ca_secret_can_be_wiped_'
 * c: '(struct )?ca_block \*'
 * c++: (use of|call to) deleted function '.*
 * c++: ca_remedy_only_ca_mustzero_and_ca_secret_can_be_wiped_
 * c++: ca_block \* */
#include <capalloc/heap.h>

void test_Z1_Z9_block_to_wipe(void);
void test_Z1_Z9_block_to_wipe(void)
{
    ca_block block = ca_unwrap(ca_allocate(ca_default_authority(), CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate(block);
#else
    ca_deallocate(ca_wipe(&block));
#endif
}
