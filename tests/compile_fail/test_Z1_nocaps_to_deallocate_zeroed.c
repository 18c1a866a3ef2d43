/* Memory without pointers given to the function that clears.
 * c: ca_remedy_give_it_back_with_ca_deallocate_'
 * c: '(struct )?ca_nocaps'
 * c++: (use of|call to) deleted function '.*
 * c++: ca_remedy_give_it_back_with_ca_deallocate_
 * c++: ca_nocaps */
#include <capalloc/heap.h>

void test_Z1_nocaps_to_deallocate_zeroed(void);
void test_Z1_nocaps_to_deallocate_zeroed(void)
{
    ca_nocaps block = ca_unwrap(ca_allocate_nocaps(ca_default_authority(), CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate(block);
#else
    ca_deallocate_zeroed(block);
#endif
}
