/* Wiped memory can only be given back, not shrunk.
 * c: type '(struct )?ca_wiped'.* not compatible with any
 * c++: no matching function for call to 'ca_shrink
 * c++: ca_wiped */
#include <capalloc/heap.h>

void test_Z1_Z9_wiped_to_shrink(void);
void test_Z1_Z9_wiped_to_shrink(void)
{
    ca_secret block = ca_unwrap(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_OF(int)));
    ca_wiped wiped = ca_wipe(&block);
#ifdef CORRECT
    ca_deallocate(wiped);
#else
    ca_shrink(wiped, CA_LAYOUT_OF(char));
#endif
}
