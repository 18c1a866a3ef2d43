/* Atomic loads and stores through a capability in software: one order for all of them, bytes and tag together.
 *
 * Each granule has its accesses one after the other, by its lock; and as releasing a lock comes before taking another
 * on all machines that this runs on, those of one thread to two granules are seen in their order too.
 */
#ifndef CAI_CAP_SOFT_ATOMIC_H
#define CAI_CAP_SOFT_ATOMIC_H

#include "cap/cap.h"
#include "cap/granule.h"

CAI_INLINE uint64_t *cai_soft_words(size_t address)
{
    return CAI_SOFT_MEMORY(address);
}

/* If the memory is not there, the program hears of it before the granule is taken: its handler may jump away. */
CAI_INLINE struct cai_granule *cai_soft_take(size_t address)
{
    (void)cai_load_relaxed(cai_soft_words(address));
    return cai_granule_take(address);
}

/* What is there; without a tag when `via` may not load capabilities. The granule is the calling thread's. */
CAI_INLINE void cai_soft_look(cai_cap *out, const cai_cap *via, size_t address)
{
    out->address = cai_load_relaxed(&cai_soft_words(address)[0]);
    out->high = cai_load_relaxed(&cai_soft_words(address)[1]);
    out->tag = (via->high & CAI_SOFT_HIGH(CA_CAP_PERM_LOAD_CAP)) != 0 && cai_tags_get(address);
}

CAI_INLINE void cai_soft_put(struct cai_granule *granule, size_t address, const cai_cap *value)
{
    const uint64_t words[2] = {value->address, value->high};

    cai_granule_store(granule, address, cai_soft_words(address), words, value->tag != 0);
}

CAI_INLINE ca_cap_fault cai_cap_atomic_load(cai_cap *out, const cai_cap *via, ptrdiff_t offset)
{
    size_t address = via->address + (size_t)offset;
    ca_cap_fault fault = cai_soft_ask(via, offset, CAI_CAP_GRANULE, CA_CAP_PERM_LOAD);

    if (fault == CA_CAP_FAULT_NONE && address % CAI_CAP_GRANULE != 0)
        fault = CA_CAP_FAULT_ALIGNMENT;
    if (fault == CA_CAP_FAULT_NONE) {
        struct cai_granule *granule = cai_soft_take(address);
        cai_soft_look(out, via, address);
        cai_granule_give(granule);
    }
    return fault;
}

/* Stores *value: always, when `expected` is NULL; else where the granule holds *expected to the last bit. *old, unless
 * it is NULL, is what it held. */
CAI_INLINE ca_cap_fault cai_soft_swap(const cai_cap *via, ptrdiff_t offset, const cai_cap *expected,
                                      const cai_cap *value, cai_cap *old, size_t perms, bool *stored)
{
    size_t address = via->address + (size_t)offset;
    ca_cap_fault fault = cai_soft_ask(via, offset, CAI_CAP_GRANULE, perms | cai_soft_perms_to_store(value));
    cai_cap there;

    if (fault == CA_CAP_FAULT_NONE)
        fault = cai_soft_may_hold(address, value);
    if (fault != CA_CAP_FAULT_NONE)
        return fault;
    struct cai_granule *granule = cai_soft_take(address);
    cai_soft_look(&there, via, address);
    *stored = expected == NULL || cai_cap_is_equal_exact(&there, expected);
    if (*stored)
        cai_soft_put(granule, address, value);
    cai_granule_give(granule);
    if (old != NULL)
        *old = there;
    return fault;
}

CAI_INLINE ca_cap_fault cai_cap_atomic_store(const cai_cap *via, ptrdiff_t offset, const cai_cap *value)
{
    bool stored;

    return cai_soft_swap(via, offset, NULL, value, NULL, 0, &stored);
}

CAI_INLINE ca_cap_fault cai_cap_atomic_exchange(const cai_cap *via, ptrdiff_t offset, const cai_cap *value,
                                                cai_cap *old)
{
    bool stored;

    return cai_soft_swap(via, offset, NULL, value, old, CA_CAP_PERM_LOAD, &stored);
}

CAI_INLINE ca_cap_fault cai_cap_atomic_compare_exchange(const cai_cap *via, ptrdiff_t offset, cai_cap *expected,
                                                        const cai_cap *desired, bool *exchanged)
{
    return cai_soft_swap(via, offset, expected, desired, expected, CA_CAP_PERM_LOAD, exchanged);
}

#endif
