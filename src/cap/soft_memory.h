/* Loads and stores through a capability in software.
 *
 * Every access asks in the order of the hardware: tag, seal, permission, what is stored, bounds, alignment. Invariant:
 * the tag of a granule is cleared before a byte of it changes and set after the last has, so that bytes that were not
 * stored as a capability never carry a tag of their own thread's making.
 */
#ifndef CAI_CAP_SOFT_MEMORY_H
#define CAI_CAP_SOFT_MEMORY_H

#include "cap/quick.h"
#include "cap/soft.h"

/* Why `via` does not give access to [address, address + bytes) with these permissions, or NONE. */
ca_cap_fault cai_soft_why_not(const cai_cap *via, size_t address, size_t bytes, size_t perms);

/* Permissions below the software's lie at bit 48 of the high word; a type of all zero is unsealed. */
#define CAI_SOFT_HIGH(perms) ((uint64_t)(perms) << 48)
#define CAI_SOFT_HIGH_TYPE ((uint64_t)CAI_CONCENTRATE_UNSEALED << 27)

/* The same; answers at once where there is nothing to find. */
CAI_INLINE ca_cap_fault cai_soft_ask(const cai_cap *via, ptrdiff_t offset, size_t bytes, size_t perms)
{
    struct cai_reach reach;
    uint64_t wanted = CAI_SOFT_HIGH(perms);

    if (CAI_LIKELY(((via->high & (CAI_SOFT_HIGH_TYPE | wanted)) == wanted) & (via->tag == 1)) &&
        CAI_LIKELY(cai_quick_reach(via->high, via->address, &reach)) && CAI_LIKELY(bytes <= reach.length) &&
        CAI_LIKELY(reach.from_base + (size_t)offset <= reach.length - bytes))
        return CA_CAP_FAULT_NONE;
    return cai_soft_why_not(via, via->address + (size_t)offset, bytes, perms);
}

/* What storing this value asks for besides STORE. */
CAI_INLINE size_t cai_soft_perms_to_store(const cai_cap *value)
{
    if (value->tag == 0)
        return CA_CAP_PERM_STORE;
    return CA_CAP_PERM_STORE | CA_CAP_PERM_STORE_CAP |
           ((value->high & CAI_SOFT_HIGH(CA_CAP_PERM_GLOBAL)) != 0 ? 0 : CA_CAP_PERM_STORE_LOCAL);
}

CAI_INLINE ca_cap_fault cai_cap_load(const cai_cap *via, ptrdiff_t offset, unsigned bytes, uint64_t *value)
{
    size_t address = via->address + (size_t)offset;
    ca_cap_fault fault = cai_soft_ask(via, offset, bytes, CA_CAP_PERM_LOAD);

    if (CAI_LIKELY(fault == CA_CAP_FAULT_NONE)) {
        *value = 0;
        __builtin_memcpy(value, CAI_SOFT_MEMORY(address), bytes); /* little-endian, as all that this runs on */
    }
    return fault;
}

CAI_INLINE ca_cap_fault cai_cap_store(const cai_cap *via, ptrdiff_t offset, unsigned bytes, uint64_t value)
{
    size_t address = via->address + (size_t)offset;
    ca_cap_fault fault = cai_soft_ask(via, offset, bytes, CA_CAP_PERM_STORE);

    if (CAI_LIKELY(fault == CA_CAP_FAULT_NONE)) {
        cai_tags_clear(address, bytes);
        __builtin_memcpy(CAI_SOFT_MEMORY(address), &value, bytes);
    }
    return fault;
}

CAI_INLINE ca_cap_fault cai_cap_load_cap(cai_cap *out, const cai_cap *via, ptrdiff_t offset)
{
    size_t address = via->address + (size_t)offset;
    ca_cap_fault fault = cai_soft_ask(via, offset, CAI_CAP_GRANULE, CA_CAP_PERM_LOAD);
    bool keeps;
    uint64_t words[2];

    if (CAI_UNLIKELY(fault != CA_CAP_FAULT_NONE))
        return fault;
    if (CAI_UNLIKELY(address % CAI_CAP_GRANULE != 0))
        return CA_CAP_FAULT_ALIGNMENT;
    keeps = (via->high & CAI_SOFT_HIGH(CA_CAP_PERM_LOAD_CAP)) != 0 && cai_tags_get(address);
    __builtin_memcpy(words, CAI_SOFT_MEMORY(address), sizeof words);
    *out = (cai_cap){.address = words[0], .high = words[1], .tag = keeps};
    return CA_CAP_FAULT_NONE;
}

/* Can *value lie at this address, which `via` gives access to? */
CAI_INLINE ca_cap_fault cai_soft_may_hold(size_t address, const cai_cap *value)
{
    if (CAI_UNLIKELY(address % CAI_CAP_GRANULE != 0))
        return CA_CAP_FAULT_ALIGNMENT;
    if (value->tag != 0 && CAI_UNLIKELY(cai_tags_word(address) == NULL)) {
        /* Memory that cannot hold tags behaves as one that does not permit storing them. */
        if (CAI_UNLIKELY(!cai_tags_held(address)))
            return CA_CAP_FAULT_PERMIT_STORE_CAPABILITY;
        if (CAI_UNLIKELY(!cai_tags_make_room(address)))
            return CA_CAP_FAULT_TAG_MEMORY;
    }
    return CA_CAP_FAULT_NONE;
}

CAI_INLINE ca_cap_fault cai_cap_store_cap(const cai_cap *via, ptrdiff_t offset, const cai_cap *value)
{
    size_t address = via->address + (size_t)offset;
    uint64_t words[2] = {value->address, value->high};
    bool tag = value->tag != 0;
    ca_cap_fault fault = cai_soft_ask(via, offset, CAI_CAP_GRANULE, cai_soft_perms_to_store(value));

    if (CAI_LIKELY(fault == CA_CAP_FAULT_NONE))
        fault = cai_soft_may_hold(address, value);
    if (CAI_UNLIKELY(fault != CA_CAP_FAULT_NONE))
        return fault;
    cai_tags_clear(address, CAI_CAP_GRANULE);
    __builtin_memcpy(CAI_SOFT_MEMORY(address), words, sizeof words);
    if (tag)
        cai_tags_set(address);
    return CA_CAP_FAULT_NONE;
}

/* The tags of the granules that lie whole in a range that begins with one, in words of 64. */
CAI_INLINE ca_cap_fault cai_cap_tags_load_range(const cai_cap *via, ptrdiff_t offset, size_t bytes, uint64_t *tags)
{
    size_t address = via->address + (size_t)offset;
    size_t whole = bytes / CAI_CAP_GRANULE * CAI_CAP_GRANULE;
    ca_cap_fault fault = cai_soft_ask(via, offset, bytes, CA_CAP_PERM_LOAD | CA_CAP_PERM_LOAD_CAP);

    if (CAI_UNLIKELY(fault != CA_CAP_FAULT_NONE))
        return fault;
    if (CAI_UNLIKELY(address % CAI_CAP_GRANULE != 0))
        return CA_CAP_FAULT_ALIGNMENT;
    __builtin_memset(tags, 0, (whole / CAI_CAP_GRANULE + 63) / 64 * sizeof *tags);
    cai_tags_copy_out(address, whole, tags);
    return CA_CAP_FAULT_NONE;
}

CAI_INLINE ca_cap_fault cai_cap_tags_load(const cai_cap *via, size_t *tags)
{
    ca_cap_fault fault = cai_soft_ask(via, 0, CAI_CAP_TAGS_BYTES, CA_CAP_PERM_LOAD | CA_CAP_PERM_LOAD_CAP);

    if (CAI_UNLIKELY(fault != CA_CAP_FAULT_NONE))
        return fault;
    if (CAI_UNLIKELY(via->address % CAI_CAP_TAGS_BYTES != 0))
        return CA_CAP_FAULT_ALIGNMENT;
    *tags = cai_tags_read(via->address, CAI_CAP_TAGS_BYTES / CAI_CAP_GRANULE);
    return CA_CAP_FAULT_NONE;
}

#endif
