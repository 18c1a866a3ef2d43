/* Capabilities in software: what the instructions of CHERI-RISC-V version 9 do, as functions on a struct.
 *
 * Invariant: a capability with a tag was derived from the root by operations that only narrow, so its bits are well
 * formed. An operation that is not allowed gives its usual bits without the tag; nothing traps but accesses to memory,
 * and those return the cause. Tags of what lies in memory are in the table of tags.h.
 * The rules are those of the instruction descriptions in Cambridge technical report 951, section 8.4.
 */
#ifndef CAI_CAP_SOFT_H
#define CAI_CAP_SOFT_H

#include "cap/concentrate.h"
#include "cap/tags.h"

typedef struct ca_cap cai_cap;

/* Where an address lies that a capability gives access to. A test may put it elsewhere. */
#ifndef CAI_SOFT_MEMORY
#define CAI_SOFT_MEMORY(address) ((void *)(address))
#endif

/* Types from here on mean something to the hardware, and no key seals with them. The second of them is the sealed entry
 * point, which building a capability keeps. */
#define CAI_SOFT_OTYPE_RESERVED UINT32_C(0x3fffc)
#define CAI_SOFT_OTYPE_SENTRY UINT32_C(0x3fffe)
/* Bits of the high word that are zero in every capability with a tag. */
#define CAI_SOFT_RESERVED_BITS (UINT64_C(3) << 46)

CAI_INLINE void cai_cap_root(cai_cap *out)
{
    *out = (cai_cap){.address = 0, .high = CAI_CONCENTRATE_ROOT, .tag = 1};
}

CAI_INLINE void cai_cap_null(cai_cap *out)
{
    *out = (cai_cap){.address = 0, .high = CAI_CONCENTRATE_NULL, .tag = 0};
}

CAI_INLINE void cai_cap_copy(cai_cap *out, const cai_cap *cap)
{
    *out = *cap;
}

/* --- looking --- */

CAI_INLINE size_t cai_cap_address_get(const cai_cap *cap)
{
    return cap->address;
}

CAI_INLINE size_t cai_cap_base_get(const cai_cap *cap)
{
    return cai_concentrate_decode(cap->high, cap->address).base;
}

/* 2^64 - 1 for all of the address space, and for bits whose top is below their base: the difference of 65 bits is above
 * 2^64 then. */
CAI_INLINE size_t cai_cap_length_get(const cai_cap *cap)
{
    struct cai_bounds bounds = cai_concentrate_decode(cap->high, cap->address);
    cai_u128 length = bounds.top - bounds.base;

    return length > SIZE_MAX ? SIZE_MAX : (size_t)length;
}

CAI_INLINE size_t cai_cap_offset_get(const cai_cap *cap)
{
    return cap->address - cai_cap_base_get(cap);
}

CAI_INLINE size_t cai_cap_perms_get(const cai_cap *cap)
{
    return cai_concentrate_perms(cap->high);
}

/* Reserved types are negative. */
CAI_INLINE long cai_cap_type_get(const cai_cap *cap)
{
    uint32_t otype = cai_concentrate_otype(cap->high);

    return otype < CAI_SOFT_OTYPE_RESERVED ? (long)otype : (long)otype - (long)CAI_CONCENTRATE_UNSEALED - 1;
}

CAI_INLINE size_t cai_cap_flags_get(const cai_cap *cap)
{
    return cai_concentrate_flag(cap->high);
}

CAI_INLINE bool cai_cap_tag_get(const cai_cap *cap)
{
    return cap->tag != 0;
}

CAI_INLINE bool cai_cap_is_sealed(const cai_cap *cap)
{
    return cai_concentrate_otype(cap->high) != CAI_CONCENTRATE_UNSEALED;
}

CAI_INLINE size_t cai_cap_high_get(const cai_cap *cap)
{
    return cap->high;
}

CAI_INLINE bool cai_soft_is_usable(const cai_cap *cap)
{
    return cap->tag != 0 && !cai_cap_is_sealed(cap);
}

/* --- deriving --- */

/* The same address under another high word. */
CAI_INLINE void cai_soft_change(cai_cap *out, const cai_cap *cap, uint64_t high, bool keeps_tag)
{
    *out = (cai_cap){.address = cap->address, .high = high, .tag = keeps_tag};
}

CAI_INLINE void cai_cap_address_set(cai_cap *out, const cai_cap *cap, size_t address)
{
    bool keeps = cai_soft_is_usable(cap) && cai_concentrate_representable(cap->high, cap->address, address);

    *out = (cai_cap){.address = address, .high = cap->high, .tag = keeps};
}

CAI_INLINE void cai_cap_increment(cai_cap *out, const cai_cap *cap, ptrdiff_t by)
{
    bool keeps = cai_soft_is_usable(cap) && cai_concentrate_may_move(cap->high, cap->address, (uint64_t)by);

    *out = (cai_cap){.address = cap->address + (size_t)by, .high = cap->high, .tag = keeps};
}

/* From where the address is: what is asked is the way from there (setCapOffset of the Sail model). */
CAI_INLINE void cai_cap_offset_set(cai_cap *out, const cai_cap *cap, size_t offset)
{
    cai_cap_increment(out, cap, (ptrdiff_t)(cai_cap_base_get(cap) + offset - cap->address));
}

CAI_INLINE void cai_soft_bounds_set(cai_cap *out, const cai_cap *cap, size_t length, bool must_be_exact)
{
    struct cai_bounds now = cai_concentrate_decode(cap->high, cap->address);
    cai_u128 top = (cai_u128)cap->address + length;
    bool exact;
    uint64_t high = cai_concentrate_set_bounds(cap->high, cap->address, length, &exact);

    cai_soft_change(out, cap, high,
                    cai_soft_is_usable(cap) && cap->address >= now.base && top <= now.top && (exact || !must_be_exact));
}

CAI_INLINE void cai_cap_bounds_set(cai_cap *out, const cai_cap *cap, size_t length)
{
    cai_soft_bounds_set(out, cap, length, false);
}

CAI_INLINE void cai_cap_bounds_set_exact(cai_cap *out, const cai_cap *cap, size_t length)
{
    cai_soft_bounds_set(out, cap, length, true);
}

CAI_INLINE void cai_cap_perms_and(cai_cap *out, const cai_cap *cap, size_t perms)
{
    uint32_t left = cai_concentrate_perms(cap->high) & (uint32_t)perms;

    cai_soft_change(out, cap, cai_concentrate_with_perms(cap->high, left), cai_soft_is_usable(cap));
}

CAI_INLINE void cai_cap_flags_set(cai_cap *out, const cai_cap *cap, size_t flags)
{
    cai_soft_change(out, cap, cai_concentrate_with_flag(cap->high, (flags & 1) != 0), cai_soft_is_usable(cap));
}

CAI_INLINE void cai_cap_tag_clear(cai_cap *out, const cai_cap *cap)
{
    cai_soft_change(out, cap, cap->high, false);
}

/* Any bits: nobody vouches for them. */
CAI_INLINE void cai_cap_high_set(cai_cap *out, const cai_cap *cap, size_t high)
{
    cai_soft_change(out, cap, high, false);
}

CAI_INLINE bool cai_soft_is_at(const cai_cap *cap, size_t address)
{
    struct cai_bounds bounds = cai_concentrate_decode(cap->high, cap->address);

    return address >= bounds.base && address < bounds.top;
}

/* Does `key`, with this permission, speak for the type that its address is? */
CAI_INLINE bool cai_soft_is_key(const cai_cap *key, size_t perm)
{
    return cai_soft_is_usable(key) && (cai_cap_perms_get(key) & perm) != 0 && cai_soft_is_at(key, key->address) &&
           key->address < CAI_SOFT_OTYPE_RESERVED;
}

CAI_INLINE void cai_cap_seal(cai_cap *out, const cai_cap *cap, const cai_cap *key)
{
    cai_soft_change(out, cap, cai_concentrate_with_otype(cap->high, (uint32_t)key->address),
                    cai_soft_is_usable(cap) && cai_soft_is_key(key, CA_CAP_PERM_SEAL));
}

CAI_INLINE void cai_cap_unseal(cai_cap *out, const cai_cap *cap, const cai_cap *key)
{
    bool keeps =
        cap->tag != 0 && cai_soft_is_key(key, CA_CAP_PERM_UNSEAL) && cai_concentrate_otype(cap->high) == key->address;
    uint64_t high = cai_concentrate_with_otype(cap->high, CAI_CONCENTRATE_UNSEALED);

    if ((cai_cap_perms_get(key) & CA_CAP_PERM_GLOBAL) == 0)
        high = cai_concentrate_with_perms(high, cai_concentrate_perms(high) & ~(uint32_t)CA_CAP_PERM_GLOBAL);
    cai_soft_change(out, cap, high, keeps);
}

/* A key that cannot say a type, or says that there is none, leaves a capability as it is, and so does a second one. */
CAI_INLINE void cai_cap_conditional_seal(cai_cap *out, const cai_cap *cap, const cai_cap *key)
{
    bool stays =
        key->tag == 0 || cai_cap_is_sealed(cap) || !cai_soft_is_at(key, key->address) || key->address == SIZE_MAX;

    if (stays)
        *out = *cap;
    else
        cai_cap_seal(out, cap, key);
}

/* Sealed for jumping to it. */
CAI_INLINE void cai_cap_seal_entry(cai_cap *out, const cai_cap *cap)
{
    cai_soft_change(out, cap, cai_concentrate_with_otype(cap->high, CAI_SOFT_OTYPE_SENTRY),
                    cai_soft_is_usable(cap) && (cai_cap_perms_get(cap) & CA_CAP_PERM_EXECUTE) != 0);
}

/* `authority` at the address that is the type of `typed`, as a key for sealing with it again; a reserved type, which
 * needs none, as a number. */
CAI_INLINE void cai_cap_type_copy(cai_cap *out, const cai_cap *authority, const cai_cap *typed)
{
    uint32_t otype = cai_concentrate_otype(typed->high);

    if (otype >= CAI_SOFT_OTYPE_RESERVED)
        *out = (cai_cap){.address = (size_t)cai_cap_type_get(typed), .high = CAI_CONCENTRATE_NULL, .tag = 0};
    else
        *out = (cai_cap){.address = otype,
                         .high = authority->high,
                         .tag = cai_soft_is_usable(authority) && cai_soft_is_at(authority, otype)};
}

/* Bounds and permissions of `inner` within those of `outer`; types do not matter. */
CAI_INLINE bool cai_soft_is_within(const cai_cap *outer, const cai_cap *inner)
{
    struct cai_bounds out = cai_concentrate_decode(outer->high, outer->address);
    struct cai_bounds in = cai_concentrate_decode(inner->high, inner->address);

    return in.base >= out.base && in.top <= out.top && (cai_cap_perms_get(inner) & ~cai_cap_perms_get(outer)) == 0;
}

/* The bits of `cap` with a tag, if `authority` could have been narrowed to them; a type other than that of an entry
 * point is taken off. */
CAI_INLINE void cai_cap_build(cai_cap *out, const cai_cap *authority, const cai_cap *cap)
{
    struct cai_bounds bounds = cai_concentrate_decode(cap->high, cap->address);
    bool keeps = cai_soft_is_usable(authority) && bounds.base <= bounds.top && cai_soft_is_within(authority, cap) &&
                 cai_concentrate_well_formed(cap->high) && (cap->high & CAI_SOFT_RESERVED_BITS) == 0;
    uint64_t high = cai_concentrate_otype(cap->high) == CAI_SOFT_OTYPE_SENTRY
                        ? cap->high
                        : cai_concentrate_with_otype(cap->high, CAI_CONCENTRATE_UNSEALED);

    cai_soft_change(out, cap, high, keeps);
}

/* --- comparing --- */

CAI_INLINE bool cai_cap_is_equal_exact(const cai_cap *cap, const cai_cap *other)
{
    return cap->address == other->address && cap->high == other->high && cap->tag == other->tag;
}

/* Is `other` a subset of `cap`? */
CAI_INLINE bool cai_cap_is_subset(const cai_cap *cap, const cai_cap *other)
{
    return cap->tag == other->tag && cai_soft_is_within(cap, other);
}

CAI_INLINE size_t cai_cap_representable_length(size_t length)
{
    return cai_concentrate_crrl(length);
}

CAI_INLINE size_t cai_cap_representable_alignment_mask(size_t length)
{
    return cai_concentrate_cram(length);
}

#endif
