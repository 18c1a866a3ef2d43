/* A block where the result of an allocation belongs.
 * c: ca_remedy_this_is_the_block_already_and_no_result_'
 * c: '(struct )?ca_block'
 * c++: (use of|call to) deleted function
 * c++: ca_remedy_this_is_the_block_already_and_no_result_ */
#include <capalloc/heap.h>

void test_block_unwrapped(void);
void test_block_unwrapped(void)
{
    ca_block block = ca_unwrap(ca_allocate(ca_default_authority(), CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate(block);
#else
    ca_deallocate(ca_unwrap(block));
#endif
}
