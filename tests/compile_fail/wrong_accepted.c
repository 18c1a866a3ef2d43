/* Has no mistake: the runner must say that nothing was refused.
 * c: ca_secret
 * c++: ca_secret */
#include <capalloc/heap.h>

void give(void);
void give(void)
{
    ca_deallocate_zeroed(ca_unwrap(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_OF(int))));
}
