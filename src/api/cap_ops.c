/* The public operations on software capabilities: those of the list, by value. */
#include <capalloc/cap.h>

#define CAP_BY_VALUE(type, name) CAI_EXPORT type ca_cap_##name
#include "cap/ops_by_value.h"

CAI_EXPORT ca_cap ca_cap_null(void)
{
    ca_cap cap;

    cai_cap_null(&cap);
    return cap;
}

CAI_EXPORT ca_error ca_cap_sealer(ca_cap *out)
{
    cai_cap root;

    cai_cap_root(&root);
    cai_cap_mint(out, &root, 0, (size_t)CAI_CONCENTRATE_UNSEALED + 1,
                 CA_CAP_PERM_GLOBAL | CA_CAP_PERM_SEAL | CA_CAP_PERM_UNSEAL);
    return CA_OK;
}
