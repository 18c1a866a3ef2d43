/* Is refused with another message than it says: the runner must say so.
 * c: ca_mustzero
 * c++: ca_mustzero */
#include <capalloc/heap.h>

void give(void);
void give(void)
{
#ifndef CORRECT
    ca_deallocate(ca_unwrap(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_OF(int))));
#endif
}
