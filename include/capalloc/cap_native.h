/* The model "native" of cap.h: the machine's capabilities, by cheriintrin.h. Included by cap.h in pure-capability code;
 * empty otherwise.
 *
 * An access asks first what the machine would, and returns the cause in place of a trap; what it lets pass is one
 * instruction. A cheriintrin.h of a test, whose capabilities cannot be followed as pointers, defines CHERI_INTRIN_LOAD,
 * CHERI_INTRIN_STORE and those of atomic accesses, and CHERI_INTRIN_INCREMENT, _HIGH_GET and _HIGH_SET, for which the
 * machine's has no name.
 */
#ifndef CAPALLOC_CAP_NATIVE_H
#define CAPALLOC_CAP_NATIVE_H

#include <capalloc/cap.h>

#if CA_CAP_MODEL == CA_CAP_MODEL_NATIVE

#include <string.h>
#if defined(__FreeBSD__)
#include <sys/types.h>

#include <sys/sysctl.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifndef CHERI_INTRIN_LOAD
#define CHERI_INTRIN_LOAD(to, via, type) (*(to) = *(const type *)(via))
#define CHERI_INTRIN_STORE(via, from, type) (*(type *)(via) = *(from))
#define CHERI_INTRIN_NULL ((void *)0)
#define CHERI_INTRIN_INCREMENT(cap, bytes) __builtin_cheri_offset_increment((cap), (bytes))
#define CHERI_INTRIN_ATOMIC_LOAD(to, via) __atomic_load((ca_cap *)(via), (to), __ATOMIC_SEQ_CST)
#define CHERI_INTRIN_ATOMIC_STORE(via, from) __atomic_store((ca_cap *)(via), (from), __ATOMIC_SEQ_CST)
#define CHERI_INTRIN_ATOMIC_EXCHANGE(via, from, old) __atomic_exchange((ca_cap *)(via), (from), (old), __ATOMIC_SEQ_CST)
#define CHERI_INTRIN_ATOMIC_COMPARE_EXCHANGE(via, expected, from)                                                      \
    __atomic_compare_exchange((ca_cap *)(via), (expected), (from), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define CHERI_INTRIN_HIGH_GET(cap) __builtin_cheri_copy_from_high(cap)
#define CHERI_INTRIN_HIGH_SET(cap, high) __builtin_cheri_copy_to_high((cap), (high))
#endif

/* clang-format off */
#define CA_NATIVE_(type, name, arguments, ...) static inline type ca_cap_##name arguments { __VA_ARGS__; }

/* Looking. */
CA_NATIVE_(size_t, address_get, (ca_cap cap), return (size_t)cheri_address_get(cap))
CA_NATIVE_(size_t, base_get, (ca_cap cap), return (size_t)cheri_base_get(cap))
CA_NATIVE_(size_t, length_get, (ca_cap cap), return (size_t)cheri_length_get(cap))
CA_NATIVE_(size_t, offset_get, (ca_cap cap), return (size_t)cheri_offset_get(cap))
CA_NATIVE_(size_t, perms_get, (ca_cap cap), return (size_t)cheri_perms_get(cap))
CA_NATIVE_(long, type_get, (ca_cap cap), return (long)cheri_type_get(cap))
CA_NATIVE_(bool, is_sealed, (ca_cap cap), return cheri_is_sealed(cap))
CA_NATIVE_(size_t, flags_get, (ca_cap cap), return (size_t)cheri_flags_get(cap))
CA_NATIVE_(bool, tag_get, (ca_cap cap), return cheri_tag_get(cap))
CA_NATIVE_(size_t, high_get, (ca_cap cap), return (size_t)CHERI_INTRIN_HIGH_GET(cap))

/* Deriving. */
CA_NATIVE_(ca_cap, null, (void), return CHERI_INTRIN_NULL)
CA_NATIVE_(ca_cap, address_set, (ca_cap cap, size_t address), return cheri_address_set(cap, address))
CA_NATIVE_(ca_cap, offset_set, (ca_cap cap, size_t offset), return cheri_offset_set(cap, offset))
CA_NATIVE_(ca_cap, increment, (ca_cap cap, ptrdiff_t bytes), return CHERI_INTRIN_INCREMENT(cap, bytes))
CA_NATIVE_(ca_cap, bounds_set, (ca_cap cap, size_t length), return cheri_bounds_set(cap, length))
CA_NATIVE_(ca_cap, bounds_set_exact, (ca_cap cap, size_t length), return cheri_bounds_set_exact(cap, length))
CA_NATIVE_(ca_cap, perms_and, (ca_cap cap, size_t perms), return cheri_perms_and(cap, perms))
CA_NATIVE_(ca_cap, flags_set, (ca_cap cap, size_t flags), return cheri_flags_set(cap, flags))
CA_NATIVE_(ca_cap, tag_clear, (ca_cap cap), return cheri_tag_clear(cap))
CA_NATIVE_(ca_cap, seal, (ca_cap cap, ca_cap key), return cheri_seal(cap, key))
CA_NATIVE_(ca_cap, unseal, (ca_cap cap, ca_cap key), return cheri_unseal(cap, key))
CA_NATIVE_(ca_cap, conditional_seal, (ca_cap cap, ca_cap key), return cheri_seal_conditionally(cap, key))
CA_NATIVE_(ca_cap, type_copy, (ca_cap authority, ca_cap typed), return cheri_type_copy(authority, typed))
CA_NATIVE_(ca_cap, seal_entry, (ca_cap cap), return cheri_sentry_create(cap))
CA_NATIVE_(ca_cap, high_set, (ca_cap cap, size_t high),
           return cheri_tag_clear(CHERI_INTRIN_HIGH_SET(cap, high)))
CA_NATIVE_(ca_cap, build, (ca_cap authority, ca_cap cap), return cheri_cap_build(authority, cap))

/* CheriBSD gives a key to those who ask. */
static inline ca_error ca_cap_sealer(ca_cap *out)
{
#if defined(__FreeBSD__)
    size_t bytes = sizeof *out;

    if (sysctlbyname("security.cheri.sealcap", out, &bytes, NULL, 0) == 0)
        return CA_OK;
#endif
    *out = ca_cap_null();
    return CA_ERROR_NOT_PERMITTED;
}

/* Comparing. */
CA_NATIVE_(bool, is_equal_exact, (ca_cap cap, ca_cap other), return cheri_is_equal_exact(cap, other))
CA_NATIVE_(bool, is_subset, (ca_cap cap, ca_cap other), return cheri_is_subset(cap, other))
CA_NATIVE_(size_t, representable_length, (size_t length), return (size_t)cheri_representable_length(length))
CA_NATIVE_(size_t, representable_alignment_mask, (size_t length),
           return (size_t)cheri_representable_alignment_mask(length))

/* clang-format on */

/* Tells the handler, if there is one, and returns the fault; a function of the library. Not for calling by hand. */
ca_cap_fault ca_cap_faulted_(ca_cap_fault fault, const char *function, ca_cap via, ptrdiff_t offset, size_t bytes);

/* Why `via` does not give access to these bytes, in the machine's order; permissions in that of their bits. `align` is
 * what the address is a multiple of. */
static inline ca_cap_fault ca_native_why_not_(ca_cap via, ptrdiff_t offset, size_t bytes, size_t perms, size_t align)
{
    ca_cap_fault lacking = ca_cap_lacking_(perms & ~ca_cap_perms_get(via));
    size_t from_base = ca_cap_address_get(via) + (size_t)offset - ca_cap_base_get(via);
    size_t length = ca_cap_length_get(via);

    if (!ca_cap_tag_get(via))
        return CA_CAP_FAULT_TAG;
    if (ca_cap_is_sealed(via))
        return CA_CAP_FAULT_SEAL;
    if (lacking != CA_CAP_FAULT_NONE)
        return lacking;
    if (bytes > length || from_base > length - bytes)
        return CA_CAP_FAULT_BOUNDS;
    return (ca_cap_address_get(via) + (size_t)offset) % align != 0 ? CA_CAP_FAULT_ALIGNMENT : CA_CAP_FAULT_NONE;
}

/* The same, told to the handler. */
static inline ca_cap_fault ca_native_ask_(const char *function, ca_cap via, ptrdiff_t offset, size_t bytes,
                                          size_t perms, size_t align)
{
    ca_cap_fault fault = ca_native_why_not_(via, offset, bytes, perms, align);

    return fault == CA_CAP_FAULT_NONE ? fault : ca_cap_faulted_(fault, function, via, offset, bytes);
}

/* Where an access begins. */
static inline ca_cap ca_native_at_(ca_cap via, ptrdiff_t offset)
{
    return offset == 0 ? via : ca_cap_increment(via, offset);
}

/* Accesses: asked first, then done. */
static inline ca_cap_fault ca_cap_load_bytes(ca_cap via, ptrdiff_t offset, void *to, size_t bytes)
{
    ca_cap_fault fault = ca_native_ask_("ca_cap_load_bytes", via, offset, bytes, CA_CAP_PERM_LOAD, 1);
    ca_cap at = ca_native_at_(via, offset);

    for (size_t i = 0; fault == CA_CAP_FAULT_NONE && i < bytes; i++)
        CHERI_INTRIN_LOAD((unsigned char *)to + i, ca_cap_increment(at, (ptrdiff_t)i), unsigned char);
    return fault;
}
static inline ca_cap_fault ca_cap_store_bytes(ca_cap via, ptrdiff_t offset, const void *from, size_t bytes)
{
    ca_cap_fault fault = ca_native_ask_("ca_cap_store_bytes", via, offset, bytes, CA_CAP_PERM_STORE, 1);
    ca_cap at = ca_native_at_(via, offset);

    for (size_t i = 0; fault == CA_CAP_FAULT_NONE && i < bytes; i++)
        CHERI_INTRIN_STORE(ca_cap_increment(at, (ptrdiff_t)i), (const unsigned char *)from + i, unsigned char);
    return fault;
}
#define CA_NATIVE_LOAD_(type)                                                                                          \
    type part;                                                                                                         \
    CHERI_INTRIN_LOAD(&part, at, type);                                                                                \
    *value = part
#define CA_NATIVE_STORE_(type)                                                                                         \
    type part = (type)value;                                                                                           \
    CHERI_INTRIN_STORE(at, &part, type)
/* What an access to a number of `bytes` bytes does, by one of the above, as function `name` under this permission. */
#define CA_NATIVE_NUMBER_(name, perm, access)                                                                          \
    ca_cap_fault fault = ca_native_ask_(name, via, offset, bytes, perm, 1);                                            \
    ca_cap at = ca_native_at_(via, offset);                                                                            \
                                                                                                                       \
    if (fault != CA_CAP_FAULT_NONE)                                                                                    \
        return fault;                                                                                                  \
    if (bytes == 8) {                                                                                                  \
        access(uint64_t);                                                                                              \
    } else if (bytes == 4) {                                                                                           \
        access(uint32_t);                                                                                              \
    } else if (bytes == 2) {                                                                                           \
        access(uint16_t);                                                                                              \
    } else {                                                                                                           \
        access(uint8_t);                                                                                               \
    }                                                                                                                  \
    return fault
/* Numbers. */
static inline ca_cap_fault ca_cap_load(ca_cap via, ptrdiff_t offset, unsigned bytes, uint64_t *value)
{
    CA_NATIVE_NUMBER_("ca_cap_load", CA_CAP_PERM_LOAD, CA_NATIVE_LOAD_);
}
static inline ca_cap_fault ca_cap_store(ca_cap via, ptrdiff_t offset, unsigned bytes, uint64_t value)
{
    CA_NATIVE_NUMBER_("ca_cap_store", CA_CAP_PERM_STORE, CA_NATIVE_STORE_);
}
#undef CA_NATIVE_LOAD_
#undef CA_NATIVE_STORE_
#undef CA_NATIVE_NUMBER_

/* Capabilities. */
static inline ca_cap_fault ca_cap_load_cap(ca_cap via, ptrdiff_t offset, ca_cap *out)
{
    ca_cap_fault fault = ca_native_ask_("ca_cap_load_cap", via, offset, CA_CAP_BYTES, CA_CAP_PERM_LOAD, CA_CAP_BYTES);

    if (fault == CA_CAP_FAULT_NONE)
        CHERI_INTRIN_LOAD(out, ca_native_at_(via, offset), ca_cap);
    return fault;
}
/* What storing this value asks for, and why it may not be done. */
static inline ca_cap_fault ca_native_ask_to_store_(const char *function, ca_cap via, ptrdiff_t offset, ca_cap value,
                                                   size_t perms)
{
    size_t local = (ca_cap_perms_get(value) & CA_CAP_PERM_GLOBAL) != 0 ? 0 : CA_CAP_PERM_STORE_LOCAL;

    perms |= CA_CAP_PERM_STORE | (ca_cap_tag_get(value) ? CA_CAP_PERM_STORE_CAP | local : 0);
    return ca_native_ask_(function, via, offset, CA_CAP_BYTES, perms, CA_CAP_BYTES);
}
static inline ca_cap_fault ca_cap_store_cap(ca_cap via, ptrdiff_t offset, ca_cap value)
{
    ca_cap_fault fault = ca_native_ask_to_store_("ca_cap_store_cap", via, offset, value, 0);

    if (fault == CA_CAP_FAULT_NONE)
        CHERI_INTRIN_STORE(ca_native_at_(via, offset), &value, ca_cap);
    return fault;
}

/* Atomic accesses. */
static inline ca_cap_fault ca_cap_atomic_load(ca_cap via, ptrdiff_t offset, ca_cap *out)
{
    ca_cap_fault fault =
        ca_native_ask_("ca_cap_atomic_load", via, offset, CA_CAP_BYTES, CA_CAP_PERM_LOAD, CA_CAP_BYTES);

    if (fault == CA_CAP_FAULT_NONE)
        CHERI_INTRIN_ATOMIC_LOAD(out, ca_native_at_(via, offset));
    return fault;
}
static inline ca_cap_fault ca_cap_atomic_store(ca_cap via, ptrdiff_t offset, ca_cap value)
{
    ca_cap_fault fault = ca_native_ask_to_store_("ca_cap_atomic_store", via, offset, value, 0);

    if (fault == CA_CAP_FAULT_NONE)
        CHERI_INTRIN_ATOMIC_STORE(ca_native_at_(via, offset), &value);
    return fault;
}
static inline ca_cap_fault ca_cap_atomic_exchange(ca_cap via, ptrdiff_t offset, ca_cap value, ca_cap *old)
{
    ca_cap_fault fault = ca_native_ask_to_store_("ca_cap_atomic_exchange", via, offset, value, CA_CAP_PERM_LOAD);

    if (fault == CA_CAP_FAULT_NONE)
        CHERI_INTRIN_ATOMIC_EXCHANGE(ca_native_at_(via, offset), &value, old);
    return fault;
}
/* The instruction may compare no more than addresses. */
static inline ca_cap_fault ca_cap_atomic_compare_exchange(ca_cap via, ptrdiff_t offset, ca_cap *expected,
                                                          ca_cap desired, bool *exchanged)
{
    ca_cap_fault fault =
        ca_native_ask_to_store_("ca_cap_atomic_compare_exchange", via, offset, desired, CA_CAP_PERM_LOAD);
    ca_cap there = ca_cap_null();

    if (fault != CA_CAP_FAULT_NONE)
        return fault;
    *exchanged = false;
    CHERI_INTRIN_ATOMIC_LOAD(&there, ca_native_at_(via, offset));
    while (!*exchanged && ca_cap_is_equal_exact(there, *expected))
        *exchanged = CHERI_INTRIN_ATOMIC_COMPARE_EXCHANGE(ca_native_at_(via, offset), &there, &desired);
    *expected = there;
    return fault;
}

/* By loading four capabilities. */
static inline ca_cap_fault ca_cap_tags_load(ca_cap via, size_t *tags)
{
    ca_cap_fault fault = ca_native_ask_("ca_cap_tags_load", via, 0, 64, CA_CAP_PERM_LOAD | CA_CAP_PERM_LOAD_CAP, 64);

    if (fault != CA_CAP_FAULT_NONE)
        return fault;
    *tags = 0; /* one by one: how many the machine's own instruction loads is the machine's business */
    for (unsigned i = 0; i < 64 / CA_CAP_BYTES; i++) {
        ca_cap value = ca_cap_null();
        CHERI_INTRIN_LOAD(&value, ca_native_at_(via, (ptrdiff_t)i * CA_CAP_BYTES), ca_cap);
        *tags |= (size_t)ca_cap_tag_get(value) << i;
    }
    return fault;
}
/* The same of any number. */
static inline ca_cap_fault ca_cap_tags_load_range(ca_cap via, ptrdiff_t offset, size_t bytes, uint64_t *tags)
{
    ca_cap_fault fault = ca_native_ask_("ca_cap_tags_load_range", via, offset, bytes,
                                        CA_CAP_PERM_LOAD | CA_CAP_PERM_LOAD_CAP, CA_CAP_BYTES);

    for (size_t i = 0; fault == CA_CAP_FAULT_NONE && i < bytes / CA_CAP_BYTES; i++) {
        ca_cap value = ca_cap_null();
        CHERI_INTRIN_LOAD(&value, ca_native_at_(via, offset + (ptrdiff_t)(i * CA_CAP_BYTES)), ca_cap);
        tags[i / 64] = (i % 64 == 0 ? 0 : tags[i / 64]) | (uint64_t)ca_cap_tag_get(value) << i % 64;
    }
    return fault;
}

#undef CA_NATIVE_

#ifdef __cplusplus
}
#endif

#endif
#endif
