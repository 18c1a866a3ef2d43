/* The model "plain" of cap.h: a capability is a pointer, and every operation costs what it costs on a pointer, or
 * nothing. Included by cap.h where CA_CAP_PLAIN is defined; empty otherwise.
 *
 * Bounds are the whole address space and permissions are all, so whatever is derived from a capability that is not null
 * is one. Sealing does nothing. A program that does nothing wrong computes the same as on the other models, as long as
 * it does not ask for bounds, permissions and types.
 */
#ifndef CAPALLOC_CAP_PLAIN_H
#define CAPALLOC_CAP_PLAIN_H

#include <capalloc/cap.h>

#if CA_CAP_MODEL == CA_CAP_MODEL_PLAIN

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */

/* The pointer to this address. */
static inline ca_cap ca_plain_at_(size_t address)
{
    ca_cap cap;

    cap.pointer = CA_REINTERPRET_(char *, address);
    return cap;
}

/* Arguments that a pointer has no use for. */
#define CA_UNUSED_1_(a) (void)(a)
/* CA_PLAIN_(type, name, (arguments), statements): the function ca_cap_NAME. */
#define CA_PLAIN_(type, name, arguments, ...) static inline type ca_cap_##name arguments { __VA_ARGS__; }

/* Looking: everything is within reach. */
CA_PLAIN_(size_t, address_get, (ca_cap cap), return CA_REINTERPRET_(size_t, cap.pointer))
CA_PLAIN_(size_t, base_get, (ca_cap cap), CA_UNUSED_1_(cap); return 0)
CA_PLAIN_(size_t, length_get, (ca_cap cap), CA_UNUSED_1_(cap); return SIZE_MAX)
CA_PLAIN_(size_t, offset_get, (ca_cap cap), return CA_REINTERPRET_(size_t, cap.pointer))
CA_PLAIN_(size_t, perms_get, (ca_cap cap), return cap.pointer != NULL ? 0x78fff : 0)
CA_PLAIN_(long, type_get, (ca_cap cap), CA_UNUSED_1_(cap); return CA_CAP_UNSEALED)
CA_PLAIN_(bool, is_sealed, (ca_cap cap), CA_UNUSED_1_(cap); return false)
CA_PLAIN_(size_t, flags_get, (ca_cap cap), CA_UNUSED_1_(cap); return 0)
CA_PLAIN_(size_t, high_get, (ca_cap cap), CA_UNUSED_1_(cap); return 0)
CA_PLAIN_(bool, tag_get, (ca_cap cap), return cap.pointer != NULL)

/* Deriving: only addresses change. A pointer without a tag is null. */
CA_PLAIN_(ca_cap, null, (void), return ca_plain_at_(0))
CA_PLAIN_(ca_cap, address_set, (ca_cap cap, size_t address), CA_UNUSED_1_(cap); return ca_plain_at_(address))
CA_PLAIN_(ca_cap, offset_set, (ca_cap cap, size_t offset), CA_UNUSED_1_(cap); return ca_plain_at_(offset))
CA_PLAIN_(ca_cap, increment, (ca_cap cap, ptrdiff_t bytes),
          return ca_plain_at_(CA_REINTERPRET_(size_t, cap.pointer) + CA_CAST_(size_t, bytes)))
CA_PLAIN_(ca_cap, bounds_set, (ca_cap cap, size_t length), CA_UNUSED_1_(length); return cap)
CA_PLAIN_(ca_cap, bounds_set_exact, (ca_cap cap, size_t length), CA_UNUSED_1_(length); return cap)
CA_PLAIN_(ca_cap, perms_and, (ca_cap cap, size_t perms), CA_UNUSED_1_(perms); return cap)
CA_PLAIN_(ca_cap, flags_set, (ca_cap cap, size_t flags), CA_UNUSED_1_(flags); return cap)
CA_PLAIN_(ca_cap, tag_clear, (ca_cap cap), CA_UNUSED_1_(cap); return ca_plain_at_(0))
CA_PLAIN_(ca_cap, seal, (ca_cap cap, ca_cap key), CA_UNUSED_1_(key); return cap)
CA_PLAIN_(ca_cap, unseal, (ca_cap cap, ca_cap key), CA_UNUSED_1_(key); return cap)
CA_PLAIN_(ca_cap, conditional_seal, (ca_cap cap, ca_cap key), CA_UNUSED_1_(key); return cap)
CA_PLAIN_(ca_cap, type_copy, (ca_cap authority, ca_cap typed), CA_UNUSED_1_(typed); return authority)
CA_PLAIN_(ca_cap, seal_entry, (ca_cap cap), return cap)
CA_PLAIN_(ca_cap, high_set, (ca_cap cap, size_t high), CA_UNUSED_1_(high); return cap)
CA_PLAIN_(ca_cap, build, (ca_cap authority, ca_cap cap), CA_UNUSED_1_(authority); return cap)
CA_PLAIN_(ca_error, sealer, (ca_cap *out), *out = ca_plain_at_(1); return CA_OK)

/* Comparing: pointers are equal or not, and none is less than another. */
CA_PLAIN_(bool, is_equal_exact, (ca_cap cap, ca_cap other), return cap.pointer == other.pointer)
CA_PLAIN_(bool, is_subset, (ca_cap cap, ca_cap other), return (cap.pointer != NULL) == (other.pointer != NULL))
CA_PLAIN_(size_t, representable_length, (size_t length), return length)
CA_PLAIN_(size_t, representable_alignment_mask, (size_t length), CA_UNUSED_1_(length); return SIZE_MAX)

/* Accesses: loads and stores. */
CA_PLAIN_(ca_cap_fault, load, (ca_cap via, ptrdiff_t offset, unsigned bytes, uint64_t *value),
          *value = 0; memcpy(value, via.pointer + offset, bytes); return CA_CAP_FAULT_NONE)
CA_PLAIN_(ca_cap_fault, store, (ca_cap via, ptrdiff_t offset, unsigned bytes, uint64_t value),
          memcpy(via.pointer + offset, &value, bytes); return CA_CAP_FAULT_NONE)
CA_PLAIN_(ca_cap_fault, load_bytes, (ca_cap via, ptrdiff_t offset, void *to, size_t bytes),
          memcpy(to, via.pointer + offset, bytes); return CA_CAP_FAULT_NONE)
CA_PLAIN_(ca_cap_fault, store_bytes, (ca_cap via, ptrdiff_t offset, const void *from, size_t bytes),
          memcpy(via.pointer + offset, from, bytes); return CA_CAP_FAULT_NONE)
CA_PLAIN_(ca_cap_fault, load_cap, (ca_cap via, ptrdiff_t offset, ca_cap *out),
          memcpy(out, via.pointer + offset, sizeof *out); return CA_CAP_FAULT_NONE)
CA_PLAIN_(ca_cap_fault, store_cap, (ca_cap via, ptrdiff_t offset, ca_cap value),
          memcpy(via.pointer + offset, &value, sizeof value); return CA_CAP_FAULT_NONE)
CA_PLAIN_(ca_cap_fault, tags_load, (ca_cap via, size_t *tags), CA_UNUSED_1_(via); *tags = 15; return CA_CAP_FAULT_NONE)

/* Atomic accesses: those to a pointer. */
#define CA_PLAIN_SHARED_ CA_REINTERPRET_(char **, via.pointer + offset)
CA_PLAIN_(ca_cap_fault, atomic_load, (ca_cap via, ptrdiff_t offset, ca_cap *out),
          out->pointer = __atomic_load_n(CA_PLAIN_SHARED_, __ATOMIC_SEQ_CST); return CA_CAP_FAULT_NONE)
CA_PLAIN_(ca_cap_fault, atomic_store, (ca_cap via, ptrdiff_t offset, ca_cap value),
          __atomic_store_n(CA_PLAIN_SHARED_, value.pointer, __ATOMIC_SEQ_CST); return CA_CAP_FAULT_NONE)
CA_PLAIN_(ca_cap_fault, atomic_exchange, (ca_cap via, ptrdiff_t offset, ca_cap value, ca_cap *old),
          old->pointer = __atomic_exchange_n(CA_PLAIN_SHARED_, value.pointer, __ATOMIC_SEQ_CST);
          return CA_CAP_FAULT_NONE)
CA_PLAIN_(ca_cap_fault, atomic_compare_exchange,
          (ca_cap via, ptrdiff_t offset, ca_cap *expected, ca_cap desired, bool *exchanged),
          *exchanged = __atomic_compare_exchange_n(CA_PLAIN_SHARED_, &expected->pointer, desired.pointer, false,
                                                   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
          return CA_CAP_FAULT_NONE)
#undef CA_PLAIN_SHARED_
/* As many as there are. */
static inline ca_cap_fault ca_cap_tags_load_range(ca_cap via, ptrdiff_t offset, size_t bytes, uint64_t *tags)
{
    size_t count = bytes / CA_CAP_BYTES;

    CA_UNUSED_1_(via);
    CA_UNUSED_1_(offset);
    for (size_t i = 0; i < count; i += 64)
        tags[i / 64] = count - i >= 64 ? ~CA_CAST_(uint64_t, 0) : (CA_CAST_(uint64_t, 1) << (count - i)) - 1;
    return CA_CAP_FAULT_NONE;
}

/* The heap, by address: functions of the library. The address must be the start of a live block, whose size and place
 * are those on record. ca_plain_nothing_ gives a block of size 0 of one place, as `result` is one of size 0 or an
 * error. Nothing here is for calling by hand. */
ca_block_result ca_plain_nothing_(ca_block_result result, ca_layout layout, unsigned place);
ca_error ca_plain_deallocate_(void *address);
ca_block_result ca_plain_shrink_(void *address, ca_layout layout);
ca_block_result ca_plain_grow_(ca_authority authority, void *address, ca_layout layout);
ca_error ca_plain_check_(const void *address);
ca_error ca_plain_walk_next_(ca_authority authority, ca_walk *at, void **out);
ca_block_result ca_plain_whole_(ca_authority authority, size_t address);
ca_block_result ca_plain_guess_(ca_authority authority, size_t address);

/* A block's pointer, or its error. */
static inline ca_cap_result ca_plain_result_(ca_block_result block)
{
    ca_cap_result result;

    result.cap.pointer = CA_CAST_(char *, block.ptr);
    result.error = ca_block_error_of(block);
    return result;
}

#define CA_PLAIN_ALLOCATE_(name, function, type, place)                                                                \
    static inline ca_cap_result ca_cap_##name(ca_authority authority, ca_layout layout)                                \
    {                                                                                                                  \
        type##_result got = function(authority, layout);                                                               \
        ca_block_result block;                                                                                         \
        block.ptr = got.ptr;                                                                                           \
        block.size_or_error = got.size_or_error;                                                                       \
        if (layout.size == 0)                                                                                          \
            block = ca_plain_nothing_(block, layout, place);                                                           \
        return ca_plain_result_(block);                                                                                \
    }
/* Allocating is what it is without capabilities. */
CA_PLAIN_ALLOCATE_(allocate, ca_allocate, ca_block, 0)
CA_PLAIN_ALLOCATE_(allocate_zeroed, ca_allocate_zeroed, ca_block, 0)
CA_PLAIN_ALLOCATE_(allocate_nocaps, ca_allocate_nocaps, ca_nocaps, 1)
CA_PLAIN_ALLOCATE_(allocate_nocaps_zeroed, ca_allocate_nocaps_zeroed, ca_nocaps, 1)
CA_PLAIN_ALLOCATE_(allocate_mustzero, ca_allocate_mustzero, ca_mustzero, 2)
CA_PLAIN_ALLOCATE_(allocate_secret, ca_allocate_secret, ca_secret, 3)
CA_PLAIN_(ca_error, deallocate, (ca_cap cap), return ca_plain_deallocate_(cap.pointer))
CA_PLAIN_(ca_cap_result, shrink, (ca_cap cap, ca_layout layout),
          return ca_plain_result_(ca_plain_shrink_(cap.pointer, layout)))
CA_PLAIN_(ca_cap_result, grow, (ca_authority authority, ca_cap cap, ca_layout layout),
          return ca_plain_result_(ca_plain_grow_(authority, cap.pointer, layout)))
CA_PLAIN_(ca_error, check, (ca_cap cap), return ca_plain_check_(cap.pointer))
CA_PLAIN_(ca_error, walk_next, (ca_authority authority, ca_walk *at, ca_cap *out),
          void *block = out->pointer; ca_error error = ca_plain_walk_next_(authority, at, &block);
          out->pointer = CA_CAST_(char *, block); return error)
CA_PLAIN_(ca_cap_result, whole, (ca_authority authority, size_t address),
          return ca_plain_result_(ca_plain_whole_(authority, address)))
CA_PLAIN_(ca_cap_result, guess, (ca_authority authority, size_t address),
          return ca_plain_result_(ca_plain_guess_(authority, address)))

/* clang-format on */

#undef CA_PLAIN_
#undef CA_PLAIN_ALLOCATE_
#undef CA_UNUSED_1_

#ifdef __cplusplus
}
#endif

#endif
#endif
