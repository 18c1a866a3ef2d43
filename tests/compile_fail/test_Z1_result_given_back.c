/* A result given back without a look at whether there is a block.
 * c: ca_remedy_take_the_block_out_with_ca_unwrap_first_'
 * c: '(struct )?ca_block_result'
 * c++: (use of|call to) deleted function '.*
 * c++: ca_remedy_take_the_block_out_with_ca_unwrap_first_
 * c++: ca_block_result */
#include <capalloc/heap.h>

void test_Z1_result_given_back(void);
void test_Z1_result_given_back(void)
{
    ca_block_result result = ca_allocate(ca_default_authority(), CA_LAYOUT_OF(int));
#ifdef CORRECT
    if (ca_is_ok(result))
        ca_deallocate(ca_unwrap(result));
#else
    ca_deallocate(result);
#endif
}
