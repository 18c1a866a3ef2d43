/* Loads and stores through software capabilities, as a program calls them, and what is told about those that are
 * refused.
 */
#include "api/cap_access.h"

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
    static const struct {
        ca_cap_fault fault;
        char name[24]; /* no pointer: the loader would have to fill it in */
    } names[] = {{CA_CAP_FAULT_NONE, "none"},
                 {CA_CAP_FAULT_BOUNDS, "bounds"},
                 {CA_CAP_FAULT_TAG, "tag"},
                 {CA_CAP_FAULT_SEAL, "seal"},
                 {CA_CAP_FAULT_TYPE, "type"},
                 {CA_CAP_FAULT_PERMIT_EXECUTE, "permit-execute"},
                 {CA_CAP_FAULT_PERMIT_LOAD, "permit-load"},
                 {CA_CAP_FAULT_PERMIT_STORE, "permit-store"},
                 {CA_CAP_FAULT_PERMIT_LOAD_CAPABILITY, "permit-load-capability"},
                 {CA_CAP_FAULT_PERMIT_STORE_CAPABILITY, "permit-store-capability"},
                 {CA_CAP_FAULT_PERMIT_STORE_LOCAL, "permit-store-local"},
                 {CA_CAP_FAULT_ALIGNMENT, "alignment"},
                 {CA_CAP_FAULT_TAG_MEMORY, "tag-memory"}};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].fault == fault)
            return names[i].name;
    return "other";
}

CAI_COLD ca_cap_fault cai_cap_refused(ca_cap_fault fault, const char *function, const ca_cap *via, ptrdiff_t offset,
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

/* Each access has two halves: the frequent case, which needs no memory of its own, and all of it, out of line. */

static CAI_NOINLINE ca_cap_fault load_slow(ca_cap via, ptrdiff_t offset, unsigned bytes, uint64_t *value)
{
    ca_cap_fault fault = cai_cap_load(&via, offset, bytes, value);

    return CAI_CAP_DONE(fault, "ca_cap_load", bytes);
}

static CAI_NOINLINE ca_cap_fault store_slow(ca_cap via, ptrdiff_t offset, unsigned bytes, uint64_t value)
{
    ca_cap_fault fault = cai_cap_store(&via, offset, bytes, value);

    return CAI_CAP_DONE(fault, "ca_cap_store", bytes);
}

static CAI_NOINLINE ca_cap_fault load_cap_slow(ca_cap via, ptrdiff_t offset, ca_cap *out)
{
    ca_cap_fault fault = cai_cap_load_cap(out, &via, offset);

    return CAI_CAP_DONE(fault, "ca_cap_load_cap", CA_CAP_BYTES);
}

static CAI_NOINLINE ca_cap_fault store_cap_slow(ca_cap via, ptrdiff_t offset, ca_cap value)
{
    ca_cap_fault fault = cai_cap_store_cap(&via, offset, &value);

    return CAI_CAP_DONE(fault, "ca_cap_store_cap", CA_CAP_BYTES);
}

#define STORE_ANYTHING CAI_SOFT_HIGH(CA_CAP_PERM_STORE | CA_CAP_PERM_STORE_CAP | CA_CAP_PERM_STORE_LOCAL)

/* The frequent case: a small block, within a block's memory. */
#define IS_QUICK(via, offset, bytes, perms)                                                                            \
    (CAI_LIKELY((via).tag == 1) && cai_quick_allows((via).high, (via).address, (offset), (bytes), (perms)))

/* Each size a load and a store of its own. */
CAI_INLINE void copy_number(void *to, const void *from, unsigned bytes)
{
    if (bytes == 8)
        memcpy(to, from, 8);
    else if (bytes == 4)
        memcpy(to, from, 4);
    else if (bytes == 2)
        memcpy(to, from, 2);
    else
        memcpy(to, from, 1);
}

CAI_EXPORT ca_cap_fault ca_cap_load(ca_cap via, ptrdiff_t offset, unsigned bytes, uint64_t *value)
{
    const void *at = CAI_SOFT_MEMORY(via.address + (size_t)offset);

    if (CAI_UNLIKELY(!IS_QUICK(via, offset, bytes, CAI_SOFT_HIGH(CA_CAP_PERM_LOAD))))
        return load_slow(via, offset, bytes, value);
    *value = 0;
    copy_number(value, at, bytes);
    return CA_CAP_FAULT_NONE;
}

CAI_EXPORT ca_cap_fault ca_cap_store(ca_cap via, ptrdiff_t offset, unsigned bytes, uint64_t value)
{
    size_t address = via.address + (size_t)offset;
    void *at = CAI_SOFT_MEMORY(address);
    uint64_t *word;

    /* Aligned: bytes of one granule, which has no tag to lose. */
    if (CAI_UNLIKELY(!IS_QUICK(via, offset, bytes, CAI_SOFT_HIGH(CA_CAP_PERM_STORE)) || (address & (bytes - 1)) != 0))
        return store_slow(via, offset, bytes, value);
    if (cai_tags_has_word(address, &word) && cai_tags_in(word, address))
        return store_slow(via, offset, bytes, value);
    copy_number(at, &value, bytes);
    return CA_CAP_FAULT_NONE;
}

CAI_EXPORT ca_cap_fault ca_cap_load_bytes(ca_cap via, ptrdiff_t offset, void *to, size_t bytes)
{
    ca_cap_fault fault = cai_soft_ask(&via, offset, bytes, CA_CAP_PERM_LOAD);

    if (fault == CA_CAP_FAULT_NONE)
        memcpy(to, CAI_SOFT_MEMORY(via.address + (size_t)offset), bytes);
    return CAI_CAP_DONE(fault, "ca_cap_load_bytes", bytes);
}

CAI_EXPORT ca_cap_fault ca_cap_store_bytes(ca_cap via, ptrdiff_t offset, const void *from, size_t bytes)
{
    size_t address = via.address + (size_t)offset;
    ca_cap_fault fault = cai_soft_ask(&via, offset, bytes, CA_CAP_PERM_STORE);

    if (fault == CA_CAP_FAULT_NONE && bytes != 0) {
        cai_tags_clear(address, bytes);
        memcpy(CAI_SOFT_MEMORY(address), from, bytes);
    }
    return CAI_CAP_DONE(fault, "ca_cap_store_bytes", bytes);
}

CAI_EXPORT ca_cap_fault ca_cap_load_cap(ca_cap via, ptrdiff_t offset, ca_cap *out)
{
    size_t address = via.address + (size_t)offset;
    uint64_t *word;

    if (CAI_UNLIKELY(!IS_QUICK(via, offset, CAI_CAP_GRANULE, CAI_SOFT_HIGH(CA_CAP_PERM_LOAD | CA_CAP_PERM_LOAD_CAP)) ||
                     address % CAI_CAP_GRANULE != 0 || !cai_tags_has_word(address, &word)))
        return load_cap_slow(via, offset, out);
    out->tag = cai_tags_in(word, address);
    memcpy(out, CAI_SOFT_MEMORY(address), CAI_CAP_GRANULE);
    return CA_CAP_FAULT_NONE;
}

static CAI_NOINLINE ca_cap_fault set_tag(uint64_t *word, size_t address)
{
    cai_or_release(word, cai_tags_bit(address));
    return CA_CAP_FAULT_NONE;
}

CAI_EXPORT ca_cap_fault ca_cap_store_cap(ca_cap via, ptrdiff_t offset, ca_cap value)
{
    size_t address = via.address + (size_t)offset;
    uint64_t *word;

    /* With all permissions, so that nothing depends on the value. */
    if (CAI_UNLIKELY(!IS_QUICK(via, offset, CAI_CAP_GRANULE, STORE_ANYTHING) || address % CAI_CAP_GRANULE != 0 ||
                     value.tag == 0 || !cai_tags_has_word(address, &word)))
        return store_cap_slow(via, offset, value);
    memcpy(CAI_SOFT_MEMORY(address), &value, CAI_CAP_GRANULE);
    return CAI_LIKELY(cai_tags_in(word, address)) ? CA_CAP_FAULT_NONE : set_tag(word, address);
}

CAI_EXPORT ca_cap_fault ca_cap_tags_load(ca_cap via, size_t *tags)
{
    const ptrdiff_t offset = 0;
    ca_cap_fault fault = cai_cap_tags_load(&via, tags);

    return CAI_CAP_DONE(fault, "ca_cap_tags_load", CAI_CAP_TAGS_BYTES);
}

CAI_EXPORT ca_cap_fault ca_cap_tags_load_range(ca_cap via, ptrdiff_t offset, size_t bytes, uint64_t *tags)
{
    ca_cap_fault fault = cai_cap_tags_load_range(&via, offset, bytes, tags);

    return CAI_CAP_DONE(fault, "ca_cap_tags_load_range", bytes);
}
