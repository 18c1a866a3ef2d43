/* Wiped memory is zero already.
 * c: ca_remedy_a_wiped_block_can_only_be_given_back_'
 * c: '(struct )?ca_wiped \*'
 * c++: (use of|call to) deleted function '.*
 * c++: ca_remedy_a_wiped_block_can_only_be_given_back_
 * c++: ca_wiped \* */
#include <capalloc/heap.h>

void test_Z1_Z9_wiped_to_assume_zero(void);
void test_Z1_Z9_wiped_to_assume_zero(void)
{
    ca_authority authority = ca_default_authority();
    ca_secret block = ca_unwrap(ca_allocate_secret(authority, CA_LAYOUT_OF(int)));
    ca_wiped wiped = ca_wipe(&block);
#ifdef CORRECT
    ca_deallocate(wiped);
#else
    ca_deallocate(ca_assume_zero(authority, &wiped));
#endif
}
