/* A secret given back by the function that does not clear.
 * c: ca_remedy_give_it_back_with_ca_deallocate_zeroed_'
 * c: '(struct )?ca_secret'
 * c++: (use of|call to) deleted function '.*
 * c++: ca_remedy_give_it_back_with_ca_deallocate_zeroed_
 * c++: ca_secret */
#include <capalloc/heap.h>

void test_Z1_secret_to_deallocate(void);
void test_Z1_secret_to_deallocate(void)
{
    ca_secret block = ca_unwrap(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate_zeroed(block);
#else
    ca_deallocate(block);
#endif
}
