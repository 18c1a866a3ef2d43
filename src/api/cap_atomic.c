/* Atomic loads and stores of software capabilities, as a program calls them. */
#include "api/cap_access.h"
#include "cap/soft_atomic.h"

#include <capalloc/cap.h>

CAI_EXPORT ca_cap_fault ca_cap_atomic_load(ca_cap via, ptrdiff_t offset, ca_cap *out)
{
    ca_cap_fault fault = cai_cap_atomic_load(out, &via, offset);

    return CAI_CAP_DONE(fault, "ca_cap_atomic_load", CA_CAP_BYTES);
}

CAI_EXPORT ca_cap_fault ca_cap_atomic_store(ca_cap via, ptrdiff_t offset, ca_cap value)
{
    ca_cap_fault fault = cai_cap_atomic_store(&via, offset, &value);

    return CAI_CAP_DONE(fault, "ca_cap_atomic_store", CA_CAP_BYTES);
}

CAI_EXPORT ca_cap_fault ca_cap_atomic_exchange(ca_cap via, ptrdiff_t offset, ca_cap value, ca_cap *old)
{
    ca_cap_fault fault = cai_cap_atomic_exchange(&via, offset, &value, old);

    return CAI_CAP_DONE(fault, "ca_cap_atomic_exchange", CA_CAP_BYTES);
}

CAI_EXPORT ca_cap_fault ca_cap_atomic_compare_exchange(ca_cap via, ptrdiff_t offset, ca_cap *expected, ca_cap desired,
                                                       bool *exchanged)
{
    ca_cap_fault fault = cai_cap_atomic_compare_exchange(&via, offset, expected, &desired, exchanged);

    return CAI_CAP_DONE(fault, "ca_cap_atomic_compare_exchange", CA_CAP_BYTES);
}
