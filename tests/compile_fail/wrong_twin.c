/* Is refused in its corrected form, too: the runner must say so.
 * c: ca_secret
 * c++: ca_secret */
#include <capalloc/heap.h>

void give(void);
void give(void)
{
    ca_deallocate(ca_unwrap(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_OF(int))));
}
