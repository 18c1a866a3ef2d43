/* The operations of ops.def by value, as functions on ca_cap, made of those by address. CAP_BY_VALUE(type, name), which
 * whoever includes this defines, is how a function begins that returns this type. */
#ifndef CAI_CAP_OPS_BY_VALUE_H
#define CAI_CAP_OPS_BY_VALUE_H

#include "cap/cap.h"

#define CAP_GET(type, name)                                                                                            \
    CAP_BY_VALUE(type, name)(ca_cap cap)                                                                               \
    {                                                                                                                  \
        return cai_cap_##name(&cap);                                                                                   \
    }
#define CAP_WITH(type, name)                                                                                           \
    CAP_BY_VALUE(ca_cap, name)(ca_cap cap, type value)                                                                 \
    {                                                                                                                  \
        cai_cap_##name(&cap, &cap, value);                                                                             \
        return cap;                                                                                                    \
    }
#define CAP_ONE(name)                                                                                                  \
    CAP_BY_VALUE(ca_cap, name)(ca_cap cap)                                                                             \
    {                                                                                                                  \
        cai_cap_##name(&cap, &cap);                                                                                    \
        return cap;                                                                                                    \
    }
#define CAP_TWO(name)                                                                                                  \
    CAP_BY_VALUE(ca_cap, name)(ca_cap cap, ca_cap other)                                                               \
    {                                                                                                                  \
        cai_cap_##name(&cap, &cap, &other);                                                                            \
        return cap;                                                                                                    \
    }
#define CAP_COMPARE(name)                                                                                              \
    CAP_BY_VALUE(bool, name)(ca_cap cap, ca_cap other)                                                                 \
    {                                                                                                                  \
        return cai_cap_##name(&cap, &other);                                                                           \
    }
#define CAP_LENGTH(name)                                                                                               \
    CAP_BY_VALUE(size_t, name)(size_t length)                                                                          \
    {                                                                                                                  \
        return cai_cap_##name(length);                                                                                 \
    }
#include "cap/ops.def"

#endif
