/* A capability that nobody takes.
 * c: unused-result
 * c++: unused-result */
#include <capalloc/cap.h>

void test_dropped_capability(void);
void test_dropped_capability(void)
{
    ca_authority heap = ca_default_authority();
#ifdef CORRECT
    ca_cap_deallocate(ca_cap_unwrap(ca_cap_allocate(heap, CA_LAYOUT_OF(int))));
#else
    ca_cap_allocate(heap, CA_LAYOUT_OF(int));
#endif
}
