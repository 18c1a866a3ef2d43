/* The result of an allocation grown without looking.
 * c: ca_remedy_take_the_block_out_with_ca_unwrap_first_'
 * c: '(struct )?ca_nocaps_result'
 * c++: (use of|call to) deleted function
 * c++: ca_remedy_take_the_block_out_with_ca_unwrap_first_ */
#include <capalloc/heap.h>

void test_result_to_grow(void);
void test_result_to_grow(void)
{
    ca_authority heap = ca_default_authority();
    ca_nocaps_result text = ca_allocate_nocaps(heap, CA_LAYOUT_ARRAY(char, 10));
#ifdef CORRECT
    ca_deallocate(ca_unwrap(ca_grow(heap, ca_unwrap(text), CA_LAYOUT_ARRAY(char, 20))));
#else
    ca_deallocate(ca_unwrap(ca_grow(heap, text, CA_LAYOUT_ARRAY(char, 20))));
#endif
}
