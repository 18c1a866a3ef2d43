/* Why an access through a software capability is refused, in the order of the hardware. */
#include "cap/cap.h"

ca_cap_fault cai_soft_why_not(const cai_cap *via, size_t address, size_t bytes, size_t perms)
{
    ca_cap_fault lacking = ca_cap_lacking_(perms & ~cai_cap_perms_get(via));
    struct cai_bounds bounds;

    if (!cai_cap_tag_get(via))
        return CA_CAP_FAULT_TAG;
    if (cai_cap_is_sealed(via))
        return CA_CAP_FAULT_SEAL;
    if (lacking != CA_CAP_FAULT_NONE)
        return lacking;
    bounds = cai_concentrate_decode(via->high, via->address);
    if (address < bounds.base || (cai_u128)address + bytes > bounds.top)
        return CA_CAP_FAULT_BOUNDS;
    return CA_CAP_FAULT_NONE;
}
