/* Memory without pointers given to the function that clears.
 * c: type '(struct )?ca_nocaps'.* not compatible with any
 * c++: no matching function for call to 'ca_deallocate_zeroed
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
