/* What can be said with the operations of cap.h, on every model: questions, alignment, raw words, and moving memory
 * with the capabilities in it. Named after cheriintrin.h where that has a name. Included by cap.h.
 *
 * All functions are inline and thread-safe, and cost what they are made of.
 */
#ifndef CAPALLOC_CAP_DERIVED_H
#define CAPALLOC_CAP_DERIVED_H

#include <capalloc/cap.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Has it a tag, or none; is it not sealed; does it have all of these permissions? Contract: K10. */
CA_INLINE_ bool ca_cap_is_valid(ca_cap cap)
{
    return ca_cap_tag_get(cap);
}
CA_INLINE_ bool ca_cap_is_invalid(ca_cap cap)
{
    return !ca_cap_tag_get(cap);
}
CA_INLINE_ bool ca_cap_is_unsealed(ca_cap cap)
{
    return !ca_cap_is_sealed(cap);
}
CA_INLINE_ bool ca_cap_perms_check(ca_cap cap, size_t perms)
{
    return (ca_cap_perms_get(cap) & perms) == perms;
}

/* Without these permissions. As ca_cap_perms_and, by which it is done. Contract: K2, K10. */
CA_INLINE_ ca_cap ca_cap_perms_clear(ca_cap cap, size_t perms)
{
    return ca_cap_perms_and(cap, ~perms);
}

/* Is the address a multiple of `align`, a power of two; the capability at the next one that is, below or above, within
 * the same bounds. Beyond the last address of all, it is 0. As ca_cap_address_set. Contract: K2, K10. */
CA_INLINE_ bool ca_cap_is_aligned(ca_cap cap, size_t align)
{
    return (ca_cap_address_get(cap) & (align - 1)) == 0;
}
CA_INLINE_ ca_cap ca_cap_align_down(ca_cap cap, size_t align)
{
    return ca_cap_address_set(cap, ca_cap_address_get(cap) & ~(align - 1));
}
CA_INLINE_ ca_cap ca_cap_align_up(ca_cap cap, size_t align)
{
    return ca_cap_address_set(cap, (ca_cap_address_get(cap) + (align - 1)) & ~(align - 1));
}

/* The end of the bounds, one byte behind the last; SIZE_MAX where that is 2^64. plain: SIZE_MAX. Contract: K10. */
CA_INLINE_ size_t ca_cap_top_get(ca_cap cap)
{
    size_t base = ca_cap_base_get(cap), length = ca_cap_length_get(cap);

    return length > SIZE_MAX - base ? SIZE_MAX : base + length;
}

/* Is it a sealed entry point? Contract: K13. */
CA_INLINE_ bool ca_cap_is_sentry(ca_cap cap)
{
    return ca_cap_is_sealed(cap) && ca_cap_type_get(cap) == CA_CAP_SENTRY;
}

/* What a jump to `target` would fault with; NONE: it would go there, an entry point unsealed by the jump. Two bytes
 * must lie within the bounds, the lowest bit of the address does not count. A question: nothing jumps and nobody is
 * told. plain: TAG for null, else NONE. Contract: K13. */
CA_INLINE_ ca_cap_fault ca_cap_jump_check(ca_cap target)
{
    size_t from_base = (ca_cap_address_get(target) & ~CA_CAST_(size_t, 1)) - ca_cap_base_get(target);
    size_t length = ca_cap_length_get(target);

    if (!ca_cap_tag_get(target))
        return CA_CAP_FAULT_TAG;
    if (ca_cap_is_sealed(target) && !ca_cap_is_sentry(target))
        return CA_CAP_FAULT_SEAL;
    if (!ca_cap_perms_check(target, CA_CAP_PERM_EXECUTE))
        return CA_CAP_FAULT_PERMIT_EXECUTE;
    return length >= 2 && from_base <= length - 2 ? CA_CAP_FAULT_NONE : CA_CAP_FAULT_BOUNDS;
}

/* Two words as ca_cap_address_get and ca_cap_high_get gave them, perhaps elsewhere: a capability without tag, for
 * ca_cap_build. plain: a pointer to that address. Contract: K13. */
CA_INLINE_ ca_cap ca_cap_from_raw(size_t address, size_t high)
{
    return ca_cap_high_set(ca_cap_address_set(ca_cap_null(), address), high);
}

#if CA_CAP_MODEL != CA_CAP_MODEL_PLAIN
/* Which of the bytes is the first that `via` does not give access to; `bytes` when all are. Permissions are asked of
 * all at once. */
static inline size_t ca_cap_reach_(ca_cap via, ptrdiff_t offset, size_t bytes, size_t perms)
{
    size_t from_base = ca_cap_address_get(via) + CA_CAST_(size_t, offset) - ca_cap_base_get(via);
    size_t length = ca_cap_length_get(via);

    if (!ca_cap_tag_get(via) || ca_cap_is_sealed(via) || !ca_cap_perms_check(via, perms) || from_base >= length)
        return 0;
    return bytes < length - from_base ? bytes : length - from_base;
}

/* Moves at most 64 bytes, without tags. */
static inline ca_cap_fault ca_cap_move_data_(ca_cap to, ptrdiff_t to_offset, ca_cap from, ptrdiff_t from_offset,
                                             size_t bytes)
{
    unsigned char data[64];
    ca_cap_fault fault = ca_cap_load_bytes(from, from_offset, data, bytes);

    return fault != CA_CAP_FAULT_NONE ? fault : ca_cap_store_bytes(to, to_offset, data, bytes);
}

/* Moves one capability with its tag; with `only_ask`, does so only where that is refused. */
static inline ca_cap_fault ca_cap_move_one_(ca_cap to, ptrdiff_t to_offset, ca_cap from, ptrdiff_t from_offset,
                                            bool only_ask)
{
    ca_cap value = ca_cap_null();
    ca_cap_fault fault = ca_cap_load_cap(from, from_offset, &value);
    size_t perms = CA_CAP_PERM_STORE_CAP;

    if (fault != CA_CAP_FAULT_NONE)
        return fault;
    if (!ca_cap_perms_check(value, CA_CAP_PERM_GLOBAL))
        perms |= CA_CAP_PERM_STORE_LOCAL;
    if (only_ask && (!ca_cap_tag_get(value) || ca_cap_perms_check(to, perms)))
        return CA_CAP_FAULT_NONE;
    return ca_cap_store_cap(to, to_offset, value);
}

/* How many bytes go next, of `left` that remain and begin at `address`, or end there when `backwards`: a capability
 * where one can lie, else as many as there are before the next such place, or up to 64 where none can come along. */
static inline size_t ca_cap_step_(size_t address, size_t left, bool backwards, bool with_tags)
{
    size_t beyond = address % CA_CAP_BYTES;
    size_t step = !with_tags ? 64 : beyond == 0 ? CA_CAP_BYTES : backwards ? beyond : CA_CAP_BYTES - beyond;

    return step < left ? step : left;
}

/* Goes over all of it in steps, and moves, or asks whether the capabilities may be stored. */
static inline ca_cap_fault ca_cap_move_all_(ca_cap to, ptrdiff_t to_offset, ca_cap from, ptrdiff_t from_offset,
                                            size_t bytes, bool only_ask)
{
    size_t source = ca_cap_address_get(from) + CA_CAST_(size_t, from_offset);
    size_t target = ca_cap_address_get(to) + CA_CAST_(size_t, to_offset);
    bool with_tags = (source - target) % CA_CAP_BYTES == 0, backwards = target - source < bytes;
    ca_cap_fault fault = CA_CAP_FAULT_NONE;
    size_t done = 0;

    while (done < bytes && fault == CA_CAP_FAULT_NONE) {
        size_t edge = backwards ? source + bytes - done : source + done;
        size_t step = ca_cap_step_(edge, bytes - done, backwards, with_tags);
        ptrdiff_t at = CA_CAST_(ptrdiff_t, backwards ? bytes - done - step : done);
        bool whole = with_tags && step == CA_CAP_BYTES && edge % CA_CAP_BYTES == 0;
        if (whole)
            fault = ca_cap_move_one_(to, to_offset + at, from, from_offset + at, only_ask);
        else if (!only_ask)
            fault = ca_cap_move_data_(to, to_offset + at, from, from_offset + at, step);
        done += step;
    }
    return fault;
}
#endif

/* Moves bytes, which may overlap, with the capabilities in them: memmove where pointers have tags. A capability keeps
 * its tag when it lies whole within the bytes and the two addresses differ by a multiple of CA_CAP_BYTES, and comes
 * without where `from` may not load capabilities; to store one that has a tag, `to` needs the permission. The cause of
 * the first access that is not allowed: nothing has changed then, and a registered handler has been told. Only
 * CA_CAP_FAULT_TAG_MEMORY can come half-way. Contract: K4, K11. */
CA_INLINE_ ca_cap_fault ca_cap_memmove(ca_cap to, ptrdiff_t to_offset, ca_cap from, ptrdiff_t from_offset, size_t bytes)
{
#if CA_CAP_MODEL == CA_CAP_MODEL_PLAIN
    memmove(to.pointer + to_offset, from.pointer + from_offset, bytes);
    return CA_CAP_FAULT_NONE;
#else
    size_t reach = ca_cap_reach_(from, from_offset, bytes, CA_CAP_PERM_LOAD);
    ca_cap_fault fault = CA_CAP_FAULT_NONE;
    uint64_t none = 0;

    /* What is not allowed is done, so that it is refused and told as any other access. */
    if (reach < bytes)
        return ca_cap_load(from, from_offset + CA_CAST_(ptrdiff_t, reach), 1, &none);
    reach = ca_cap_reach_(to, to_offset, bytes, CA_CAP_PERM_STORE);
    if (reach < bytes)
        return ca_cap_store(to, to_offset + CA_CAST_(ptrdiff_t, reach), 1, 0);
    if (!ca_cap_perms_check(to, CA_CAP_PERM_STORE_CAP | CA_CAP_PERM_STORE_LOCAL))
        fault = ca_cap_move_all_(to, to_offset, from, from_offset, bytes, true);
    return fault != CA_CAP_FAULT_NONE ? fault : ca_cap_move_all_(to, to_offset, from, from_offset, bytes, false);
#endif
}

#ifdef __cplusplus
}
#endif

#endif
