/* The intrinsics of the stub, on software capabilities. */
#include "cap/stub/cheriintrin.h"

#include "cap/cap.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(cai_cap) == sizeof(cheri_stub_pointer), "the same words");

static cai_cap inside(cheri_stub_pointer pointer)
{
    return (cai_cap){.address = pointer.address, .high = pointer.high, .tag = pointer.tag};
}

static cheri_stub_pointer outside(cai_cap cap)
{
    return (cheri_stub_pointer){.address = cap.address, .high = cap.high, .tag = cap.tag};
}

#define CAP_GET(type, name)                                                                                            \
    type cheri_stub_##name(cheri_stub_pointer pointer)                                                                 \
    {                                                                                                                  \
        cai_cap cap = inside(pointer);                                                                                 \
        return cai_cap_##name(&cap);                                                                                   \
    }
#define CAP_WITH(type, name)                                                                                           \
    cheri_stub_pointer cheri_stub_##name(cheri_stub_pointer pointer, type value)                                       \
    {                                                                                                                  \
        cai_cap cap = inside(pointer);                                                                                 \
        cai_cap_##name(&cap, &cap, value);                                                                             \
        return outside(cap);                                                                                           \
    }
#define CAP_ONE(name)                                                                                                  \
    cheri_stub_pointer cheri_stub_##name(cheri_stub_pointer pointer)                                                   \
    {                                                                                                                  \
        cai_cap cap = inside(pointer);                                                                                 \
        cai_cap_##name(&cap, &cap);                                                                                    \
        return outside(cap);                                                                                           \
    }
#define CAP_TWO(name)                                                                                                  \
    cheri_stub_pointer cheri_stub_##name(cheri_stub_pointer pointer, cheri_stub_pointer other)                         \
    {                                                                                                                  \
        cai_cap cap = inside(pointer);                                                                                 \
        cai_cap second = inside(other);                                                                                \
        cai_cap_##name(&cap, &cap, &second);                                                                           \
        return outside(cap);                                                                                           \
    }
#define CAP_COMPARE(name)                                                                                              \
    bool cheri_stub_##name(cheri_stub_pointer pointer, cheri_stub_pointer other)                                       \
    {                                                                                                                  \
        cai_cap cap = inside(pointer);                                                                                 \
        cai_cap second = inside(other);                                                                                \
        return cai_cap_##name(&cap, &second);                                                                          \
    }
#define CAP_LENGTH(name)                                                                                               \
    size_t cheri_stub_##name(size_t length)                                                                            \
    {                                                                                                                  \
        return cai_cap_##name(length);                                                                                 \
    }
#include "cap/ops.def"

#include "cap/ops_end.h"

cheri_stub_pointer cheri_stub_root(void)
{
    cai_cap root;

    cai_cap_root(&root);
    return outside(root);
}

static void trap_on(ca_cap_fault fault)
{
    if (fault != CA_CAP_FAULT_NONE)
        abort();
}

void cheri_stub_load(void *to, cheri_stub_pointer via, size_t bytes)
{
    cai_cap cap = inside(via);

    if (bytes == sizeof(cheri_stub_pointer)) {
        cai_cap loaded;
        trap_on(cai_cap_load_cap(&loaded, &cap, 0));
        *(cheri_stub_pointer *)to = outside(loaded);
    } else {
        uint64_t number = 0;
        trap_on(cai_cap_load(&cap, 0, (unsigned)bytes, &number));
        memcpy(to, &number, bytes);
    }
}

void cheri_stub_store(cheri_stub_pointer via, const void *from, size_t bytes)
{
    cai_cap cap = inside(via);

    if (bytes == sizeof(cheri_stub_pointer)) {
        cai_cap value = inside(*(const cheri_stub_pointer *)from);
        trap_on(cai_cap_store_cap(&cap, 0, &value));
    } else {
        uint64_t number = 0;
        memcpy(&number, from, bytes);
        trap_on(cai_cap_store(&cap, 0, (unsigned)bytes, number));
    }
}
