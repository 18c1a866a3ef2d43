/* What a library of the native model would have: no handler is registered here. */
#include <capalloc/cap.h>

ca_cap_fault ca_cap_faulted_(ca_cap_fault fault, const char *function, ca_cap via, ptrdiff_t offset, size_t bytes)
{
    (void)function;
    (void)via;
    (void)offset;
    (void)bytes;
    return fault;
}
