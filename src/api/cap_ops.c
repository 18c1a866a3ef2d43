/* The public operations on software capabilities: those of the list, by value. */
#include "cap/cap.h"

#include <capalloc/cap.h>

#define CAP_GET(type, name)                                                                                            \
    CAI_EXPORT type ca_cap_##name(ca_cap cap)                                                                          \
    {                                                                                                                  \
        return cai_cap_##name(&cap);                                                                                   \
    }
#define CAP_WITH(type, name)                                                                                           \
    CAI_EXPORT ca_cap ca_cap_##name(ca_cap cap, type value)                                                            \
    {                                                                                                                  \
        cai_cap_##name(&cap, &cap, value);                                                                             \
        return cap;                                                                                                    \
    }
#define CAP_ONE(name)                                                                                                  \
    CAI_EXPORT ca_cap ca_cap_##name(ca_cap cap)                                                                        \
    {                                                                                                                  \
        cai_cap_##name(&cap, &cap);                                                                                    \
        return cap;                                                                                                    \
    }
#define CAP_TWO(name)                                                                                                  \
    CAI_EXPORT ca_cap ca_cap_##name(ca_cap cap, ca_cap other)                                                          \
    {                                                                                                                  \
        cai_cap_##name(&cap, &cap, &other);                                                                            \
        return cap;                                                                                                    \
    }
#define CAP_COMPARE(name)                                                                                              \
    CAI_EXPORT bool ca_cap_##name(ca_cap cap, ca_cap other)                                                            \
    {                                                                                                                  \
        return cai_cap_##name(&cap, &other);                                                                           \
    }
#define CAP_LENGTH(name)                                                                                               \
    CAI_EXPORT size_t ca_cap_##name(size_t length)                                                                     \
    {                                                                                                                  \
        return cai_cap_##name(length);                                                                                 \
    }
#include "cap/ops.def"

#include "cap/ops_end.h"

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
