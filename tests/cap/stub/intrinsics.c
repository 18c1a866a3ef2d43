/* The intrinsics of the stub, on software capabilities. */
#include "cap/cap.h"
#include "cap/soft_atomic.h"
#include "cap/stub/cheriintrin.h"

#include <stdlib.h>
#include <string.h>

#define CAP_BY_VALUE(type, name) type cheri_##name
#include "cap/ops_by_value.h"

struct ca_cap cheri_root(void)
{
    cai_cap root;

    cai_cap_root(&root);
    return root;
}

static void trap_on(ca_cap_fault fault)
{
    if (fault != CA_CAP_FAULT_NONE)
        abort();
}

void cheri_load(void *to, ca_cap via, size_t bytes)
{
    uint64_t number = 0;

    if (bytes == sizeof via) {
        trap_on(cai_cap_load_cap(to, &via, 0));
        return;
    }
    trap_on(cai_cap_load(&via, 0, (unsigned)bytes, &number));
    memcpy(to, &number, bytes);
}

void cheri_store(ca_cap via, const void *from, size_t bytes)
{
    uint64_t number = 0;

    if (bytes == sizeof via) {
        trap_on(cai_cap_store_cap(&via, 0, from));
        return;
    }
    memcpy(&number, from, bytes);
    trap_on(cai_cap_store(&via, 0, (unsigned)bytes, number));
}

void cheri_atomic_load(ca_cap *to, ca_cap via)
{
    trap_on(cai_cap_atomic_load(to, &via, 0));
}

void cheri_atomic_store(ca_cap via, const ca_cap *from)
{
    trap_on(cai_cap_atomic_store(&via, 0, from));
}

void cheri_atomic_exchange(ca_cap via, const ca_cap *from, ca_cap *old)
{
    trap_on(cai_cap_atomic_exchange(&via, 0, from, old));
}

/* As a compiler of today has it: addresses are compared. */
bool cheri_atomic_compare_exchange(ca_cap via, ca_cap *expected, const ca_cap *from)
{
    ca_cap there;
    bool exchanged = false;

    trap_on(cai_cap_atomic_load(&there, &via, 0));
    while (!exchanged && there.address == expected->address)
        trap_on(cai_cap_atomic_compare_exchange(&via, 0, &there, from, &exchanged));
    *expected = there;
    return exchanged;
}
