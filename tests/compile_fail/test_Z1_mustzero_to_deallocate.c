/* Must-zero memory given back by the function that does not clear.
 * c: ca_remedy_give_it_back_with_ca_deallocate_zeroed_'
 * c: '(struct )?ca_mustzero'
 * c++: (use of|call to) deleted function '.*
 * c++: ca_remedy_give_it_back_with_ca_deallocate_zeroed_
 * c++: ca_mustzero */
#include <capalloc/heap.h>

void test_Z1_mustzero_to_deallocate(void);
void test_Z1_mustzero_to_deallocate(void)
{
    ca_mustzero block = ca_unwrap(ca_allocate_mustzero(ca_default_authority(), CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate_zeroed(block);
#else
    ca_deallocate(block);
#endif
}
