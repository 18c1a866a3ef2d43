/* The native model, which users include by value, under the names and with the arguments of src/cap/cap.h. */
#ifndef TESTS_CAP_NATIVE_H
#define TESTS_CAP_NATIVE_H

#include <capalloc/cap.h>

typedef ca_cap cai_cap;

CAI_INLINE void cai_cap_root(cai_cap *out)
{
    *out = cheri_root();
}

CAI_INLINE void cai_cap_null(cai_cap *out)
{
    *out = ca_cap_null();
}

CAI_INLINE void cai_cap_copy(cai_cap *out, const cai_cap *cap)
{
    *out = *cap;
}

#define CAP_GET(type, name)                                                                                            \
    CAI_INLINE type cai_cap_##name(const cai_cap *cap)                                                                 \
    {                                                                                                                  \
        return ca_cap_##name(*cap);                                                                                    \
    }
#define CAP_WITH(type, name)                                                                                           \
    CAI_INLINE void cai_cap_##name(cai_cap *out, const cai_cap *cap, type value)                                       \
    {                                                                                                                  \
        *out = ca_cap_##name(*cap, value);                                                                             \
    }
#define CAP_ONE(name)                                                                                                  \
    CAI_INLINE void cai_cap_##name(cai_cap *out, const cai_cap *cap)                                                   \
    {                                                                                                                  \
        *out = ca_cap_##name(*cap);                                                                                    \
    }
#define CAP_TWO(name)                                                                                                  \
    CAI_INLINE void cai_cap_##name(cai_cap *out, const cai_cap *cap, const cai_cap *other)                             \
    {                                                                                                                  \
        *out = ca_cap_##name(*cap, *other);                                                                            \
    }
#define CAP_COMPARE(name)                                                                                              \
    CAI_INLINE bool cai_cap_##name(const cai_cap *cap, const cai_cap *other)                                           \
    {                                                                                                                  \
        return ca_cap_##name(*cap, *other);                                                                            \
    }
#define CAP_LENGTH(name)                                                                                               \
    CAI_INLINE size_t cai_cap_##name(size_t length)                                                                    \
    {                                                                                                                  \
        return ca_cap_##name(length);                                                                                  \
    }
#include "cap/ops.def"

CAI_INLINE ca_cap_fault cai_cap_load(const cai_cap *via, ptrdiff_t offset, unsigned bytes, uint64_t *value)
{
    return ca_cap_load(*via, offset, bytes, value);
}

CAI_INLINE ca_cap_fault cai_cap_store(const cai_cap *via, ptrdiff_t offset, unsigned bytes, uint64_t value)
{
    return ca_cap_store(*via, offset, bytes, value);
}

CAI_INLINE ca_cap_fault cai_cap_load_cap(cai_cap *out, const cai_cap *via, ptrdiff_t offset)
{
    return ca_cap_load_cap(*via, offset, out);
}

CAI_INLINE ca_cap_fault cai_cap_store_cap(const cai_cap *via, ptrdiff_t offset, const cai_cap *value)
{
    return ca_cap_store_cap(*via, offset, *value);
}

CAI_INLINE ca_cap_fault cai_cap_tags_load(const cai_cap *via, size_t *tags)
{
    return ca_cap_tags_load(*via, tags);
}

CAI_INLINE ca_cap_fault cai_cap_tags_load_range(const cai_cap *via, ptrdiff_t offset, size_t bytes, uint64_t *tags)
{
    return ca_cap_tags_load_range(*via, offset, bytes, tags);
}

CAI_INLINE ca_cap_fault cai_cap_atomic_load(cai_cap *out, const cai_cap *via, ptrdiff_t offset)
{
    return ca_cap_atomic_load(*via, offset, out);
}

CAI_INLINE ca_cap_fault cai_cap_atomic_store(const cai_cap *via, ptrdiff_t offset, const cai_cap *value)
{
    return ca_cap_atomic_store(*via, offset, *value);
}

CAI_INLINE ca_cap_fault cai_cap_atomic_exchange(const cai_cap *via, ptrdiff_t offset, const cai_cap *value,
                                                cai_cap *old)
{
    return ca_cap_atomic_exchange(*via, offset, *value, old);
}

CAI_INLINE ca_cap_fault cai_cap_atomic_compare_exchange(const cai_cap *via, ptrdiff_t offset, cai_cap *expected,
                                                        const cai_cap *desired, bool *exchanged)
{
    return ca_cap_atomic_compare_exchange(*via, offset, expected, *desired, exchanged);
}

#endif
