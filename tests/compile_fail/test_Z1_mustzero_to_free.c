/* Must-zero memory given to free.
 * c: incompatible type
 * c: 'ca_mustzero'
 * c++: 'ca_mustzero' to 'void ?\*' */
#include <capalloc/heap.h>
#include <stdlib.h>

void test_Z1_mustzero_to_free(void);
void test_Z1_mustzero_to_free(void)
{
    ca_mustzero block = ca_unwrap(ca_allocate_mustzero(ca_default_authority(), CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate_zeroed(block);
#else
    free(block);
#endif
}
