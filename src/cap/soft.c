/* Why an access through a software capability is refused, in the order of the hardware. */
#include "cap/cap.h"

ca_cap_fault cai_soft_why_not(const cai_cap *via, size_t address, size_t bytes, size_t perms)
{
    /* Which of several missing permissions is told. */
    static const struct {
        size_t perm;
        ca_cap_fault fault;
    } permits[] = {{CA_CAP_PERM_LOAD, CA_CAP_FAULT_PERMIT_LOAD},
                   {CA_CAP_PERM_STORE, CA_CAP_FAULT_PERMIT_STORE},
                   {CA_CAP_PERM_LOAD_CAP, CA_CAP_FAULT_PERMIT_LOAD_CAPABILITY},
                   {CA_CAP_PERM_STORE_CAP, CA_CAP_FAULT_PERMIT_STORE_CAPABILITY},
                   {CA_CAP_PERM_STORE_LOCAL, CA_CAP_FAULT_PERMIT_STORE_LOCAL}};
    size_t lacking = perms & ~cai_cap_perms_get(via);
    struct cai_bounds bounds;

    if (!cai_cap_tag_get(via))
        return CA_CAP_FAULT_TAG;
    if (cai_cap_is_sealed(via))
        return CA_CAP_FAULT_SEAL;
    for (unsigned i = 0; i < sizeof permits / sizeof *permits; i++)
        if ((lacking & permits[i].perm) != 0)
            return permits[i].fault;
    bounds = cai_concentrate_decode(via->high, via->address);
    if (address < bounds.base || (cai_u128)address + bytes > bounds.top)
        return CA_CAP_FAULT_BOUNDS;
    return CA_CAP_FAULT_NONE;
}
