/* Wiped memory cleared a second time.
 * c: ca_remedy_give_it_back_with_ca_deallocate_'
 * c: '(struct )?ca_wiped'
 * c++: (use of|call to) deleted function '.*
 * c++: ca_remedy_give_it_back_with_ca_deallocate_
 * c++: ca_wiped */
#include <capalloc/heap.h>

void test_Z1_Z9_wiped_to_deallocate_zeroed(void);
void test_Z1_Z9_wiped_to_deallocate_zeroed(void)
{
    ca_secret block = ca_unwrap(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_OF(int)));
    ca_wiped wiped = ca_wipe(&block);
#ifdef CORRECT
    ca_deallocate(wiped);
#else
    ca_deallocate_zeroed(wiped);
#endif
}
