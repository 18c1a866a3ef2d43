/* ca_wipe empties its source, so it wants the address of it.
 * c: ca_remedy_write_the_address_of_the_block_'
 * c: '(struct )?ca_secret'
 * c++: no matching function for call to 'ca_wipe */
#include <capalloc/heap.h>

void test_Z9_wipe_without_address(void);
void test_Z9_wipe_without_address(void)
{
    ca_secret key = ca_unwrap(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate(ca_wipe(&key));
#else
    ca_deallocate(ca_wipe(key));
#endif
}
