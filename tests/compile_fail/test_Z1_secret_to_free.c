/* A secret given to free.
 * c: incompatible type
 * c: 'ca_secret'
 * c++: 'ca_secret' to 'void ?\*' */
#include <capalloc/heap.h>
#include <stdlib.h>

void test_Z1_secret_to_free(void);
void test_Z1_secret_to_free(void)
{
    ca_secret block = ca_unwrap(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_OF(int)));
#ifdef CORRECT
    ca_deallocate_zeroed(block);
#else
    free(block);
#endif
}
