/* The intrinsics of the stub, on software capabilities. */
#include "cap/cap.h"
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
