/* ca_assume_zero empties its source, so it wants the address of it.
 * c: ca_remedy_write_the_address_of_the_block_'
 * c: '(struct )?ca_secret'
 * c++: no matching function for call to 'ca_assume_zero */
#include <capalloc/heap.h>

void test_Z9_claim_without_address(void);
void test_Z9_claim_without_address(void)
{
    ca_authority authority = ca_default_authority();
    ca_secret key = ca_unwrap(ca_allocate_secret(authority, CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate(ca_assume_zero(authority, &key));
#else
    ca_deallocate(ca_assume_zero(authority, key));
#endif
}
