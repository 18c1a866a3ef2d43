/* Loads and stores through software capabilities, as a program calls them, and what is told about those that are
 * refused.
 */
#include "cap/cap.h"

#include "base/bits.h"

#include <capalloc/cap.h>
#include <string.h>

/* Read by every thread that faults; changed by exchange. */
static ca_cap_fault_handler handler;

CAI_EXPORT ca_cap_fault_handler ca_cap_set_fault_handler(ca_cap_fault_handler now)
{
    return cai_exchange_acq_rel(&handler, now);
}

CAI_EXPORT const char *ca_cap_fault_name(ca_cap_fault fault)
{
    switch (fault) {
    case CA_CAP_FAULT_NONE:
        return "none";
    case CA_CAP_FAULT_BOUNDS:
        return "bounds";
    case CA_CAP_FAULT_TAG:
        return "tag";
    case CA_CAP_FAULT_SEAL:
        return "seal";
    case CA_CAP_FAULT_TYPE:
        return "type";
    case CA_CAP_FAULT_PERMIT_LOAD:
        return "permit-load";
    case CA_CAP_FAULT_PERMIT_STORE:
        return "permit-store";
    case CA_CAP_FAULT_PERMIT_LOAD_CAPABILITY:
        return "permit-load-capability";
    case CA_CAP_FAULT_PERMIT_STORE_CAPABILITY:
        return "permit-store-capability";
    case CA_CAP_FAULT_PERMIT_STORE_LOCAL:
        return "permit-store-local";
    case CA_CAP_FAULT_ALIGNMENT:
        return "alignment";
    case CA_CAP_FAULT_TAG_MEMORY:
        return "tag-memory";
    case CA_CAP_FAULT_OTHER:
    case CA_CAP_FAULT_MAKE_32_BITS:
        break;
    }
    return "other";
}

static CAI_COLD ca_cap_fault refuse(ca_cap_fault fault, const char *function, const ca_cap *via, ptrdiff_t offset,
                                    size_t bytes)
{
    ca_cap_fault_handler told = cai_load_acquire(&handler);

    if (told != NULL)
        told(&(ca_cap_fault_info){.struct_size = sizeof(ca_cap_fault_info),
                                  .fault = fault,
                                  .name = ca_cap_fault_name(fault),
                                  .function = function,
                                  .address = via->address + (size_t)offset,
                                  .bytes = bytes,
                                  .via = via});
    return fault;
}

/* An access of `bytes` bytes, told of when it was refused. */
#define DONE(fault, function, bytes)                                                                                   \
    (CAI_LIKELY((fault) == CA_CAP_FAULT_NONE) ? CA_CAP_FAULT_NONE : refuse((fault), (function), &via, offset, (bytes)))

CAI_EXPORT ca_cap_fault ca_cap_load(ca_cap via, ptrdiff_t offset, unsigned bytes, uint64_t *value)
{
    ca_cap_fault fault = cai_cap_load(&via, offset, bytes, value);

    return DONE(fault, "ca_cap_load", bytes);
}

CAI_EXPORT ca_cap_fault ca_cap_store(ca_cap via, ptrdiff_t offset, unsigned bytes, uint64_t value)
{
    ca_cap_fault fault = cai_cap_store(&via, offset, bytes, value);

    return DONE(fault, "ca_cap_store", bytes);
}

CAI_EXPORT ca_cap_fault ca_cap_load_bytes(ca_cap via, ptrdiff_t offset, void *to, size_t bytes)
{
    size_t address = via.address + (size_t)offset;
    ca_cap_fault fault = cai_soft_why_not(&via, address, bytes, CA_CAP_PERM_LOAD);

    if (fault == CA_CAP_FAULT_NONE)
        memcpy(to, CAI_SOFT_MEMORY(address), bytes);
    return DONE(fault, "ca_cap_load_bytes", bytes);
}

CAI_EXPORT ca_cap_fault ca_cap_store_bytes(ca_cap via, ptrdiff_t offset, const void *from, size_t bytes)
{
    size_t address = via.address + (size_t)offset;
    ca_cap_fault fault = cai_soft_why_not(&via, address, bytes, CA_CAP_PERM_STORE);

    if (fault == CA_CAP_FAULT_NONE && bytes != 0) {
        cai_tags_clear(address, bytes);
        memcpy(CAI_SOFT_MEMORY(address), from, bytes);
    }
    return DONE(fault, "ca_cap_store_bytes", bytes);
}

CAI_EXPORT ca_cap_fault ca_cap_load_cap(ca_cap via, ptrdiff_t offset, ca_cap *out)
{
    ca_cap_fault fault = cai_cap_load_cap(out, &via, offset);

    return DONE(fault, "ca_cap_load_cap", CA_CAP_BYTES);
}

CAI_EXPORT ca_cap_fault ca_cap_store_cap(ca_cap via, ptrdiff_t offset, ca_cap value)
{
    ca_cap_fault fault = cai_cap_store_cap(&via, offset, &value);

    return DONE(fault, "ca_cap_store_cap", CA_CAP_BYTES);
}

CAI_EXPORT ca_cap_fault ca_cap_tags_load(ca_cap via, size_t *tags)
{
    const ptrdiff_t offset = 0;
    ca_cap_fault fault = cai_cap_tags_load(&via, tags);

    return DONE(fault, "ca_cap_tags_load", CAI_CAP_TAGS_BYTES);
}
