/* Capabilities: pointers that carry their bounds and permissions, and blocks that come and go as capabilities.
 *
 * Named after cheriintrin.h, so that what is written here reads the same on a CHERI machine. Everywhere else the same
 * program runs on one of two models (cap_model.h): soft, which behaves as CHERI-RISC-V does to the last bit, or plain,
 * where a capability is a pointer, everything is inline, and nothing is checked. docs/cheri.md tells the differences.
 *
 *     ca_cap cell = ca_cap_unwrap(ca_cap_allocate(heap, CA_LAYOUT_ARRAY(char, 64)));
 *     ca_cap_store_cap(cell, 0, other);            a capability, with its tag
 *     ca_cap_load_u32(cell, 60, &number);          CA_CAP_FAULT_BOUNDS, were it at 61
 *     ca_cap_deallocate(cell);                     the capability says all there is to say
 *
 * Operations are pure and thread-safe. What is not allowed gives a capability without tag, never an error: on plain
 * nothing is not allowed. Accesses return the cause of the fault instead of trapping; then nothing has changed.
 */
#ifndef CAPALLOC_CAP_H
#define CAPALLOC_CAP_H

#include <capalloc/cap_model.h>
#include <capalloc/heap.h>
#include <capalloc/walk.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Functions of the library on soft, inline otherwise. */
#if CA_CAP_MODEL == CA_CAP_MODEL_SOFT
#define CA_CAP_OPERATION
#else
#define CA_CAP_OPERATION static inline
#endif

/* --- looking ---
 * plain: the bounds are all of the address space, the permissions all there are; a null pointer has no tag. */

/* The address that the capability points to, and the bounds that it may reach: [base, base + length) in bytes, offset
 * is address - base. length is SIZE_MAX for the whole address space. Contract: K1. */
CA_CAP_OPERATION size_t ca_cap_address_get(ca_cap cap);
CA_CAP_OPERATION size_t ca_cap_base_get(ca_cap cap);
CA_CAP_OPERATION size_t ca_cap_length_get(ca_cap cap);
CA_CAP_OPERATION size_t ca_cap_offset_get(ca_cap cap);

/* CA_CAP_PERM_ bits. Contract: K1. */
CA_CAP_OPERATION size_t ca_cap_perms_get(ca_cap cap);

/* CA_CAP_UNSEALED, the type with which it is sealed, or a number that stands for a type of the machine's own (on soft a
 * negative one). Contract: K1. */
CA_CAP_OPERATION long ca_cap_type_get(ca_cap cap);
CA_CAP_OPERATION bool ca_cap_is_sealed(ca_cap cap);

/* Flags of capabilities to code; for the sake of completeness. Contract: K1. */
CA_CAP_OPERATION size_t ca_cap_flags_get(ca_cap cap);

/* Is it one at all? Without a tag it is two words of data. Contract: K1. */
CA_CAP_OPERATION bool ca_cap_tag_get(ca_cap cap);

/* The upper of the two words that it is in memory: permissions, type and bounds in the machine's own format. plain: 0.
 * Contract: K13. */
CA_CAP_OPERATION size_t ca_cap_high_get(ca_cap cap);

/* --- deriving ---
 * The result of changing a sealed capability, or one without tag, has no tag. Contract: K2. */

/* Other addresses, the same bounds. An address far outside the bounds cannot be represented: the tag goes. The latter
 * two ask the quick question that hardware asks, and lose it a little earlier; never where they lead into the bounds or
 * to their end. */
CA_CAP_OPERATION ca_cap ca_cap_address_set(ca_cap cap, size_t address);
CA_CAP_OPERATION ca_cap ca_cap_offset_set(ca_cap cap, size_t offset);
CA_CAP_OPERATION ca_cap ca_cap_increment(ca_cap cap, ptrdiff_t bytes);

/* Bounds [address, address + length), within the bounds there are, or the tag goes. What cannot be represented is
 * rounded outwards, but still within; the exact form gives up the tag instead. */
CA_CAP_OPERATION ca_cap ca_cap_bounds_set(ca_cap cap, size_t length);
CA_CAP_OPERATION ca_cap ca_cap_bounds_set_exact(ca_cap cap, size_t length);

/* Permissions that are in both. */
CA_CAP_OPERATION ca_cap ca_cap_perms_and(ca_cap cap, size_t perms);

/* Other flags. */
CA_CAP_OPERATION ca_cap ca_cap_flags_set(ca_cap cap, size_t flags);

/* The same without tag. */
CA_CAP_OPERATION ca_cap ca_cap_tag_clear(ca_cap cap);

/* Sealing makes a capability that can be passed around but neither used nor changed until it is unsealed. The address
 * of the key is the type; the key must have that address within its bounds and the permission to seal or unseal.
 * Unsealing by a key that is not global gives a capability that is not. */
CA_CAP_OPERATION ca_cap ca_cap_seal(ca_cap cap, ca_cap key);
CA_CAP_OPERATION ca_cap ca_cap_unseal(ca_cap cap, ca_cap key);

/* Sealed by the key, where that is one: a key without tag, with its address outside its bounds or at SIZE_MAX leaves
 * `cap` as it is, and so does any when it is sealed already. As CCSeal of CHERI-RISC-V. Contract: K13. */
CA_CAP_OPERATION ca_cap ca_cap_conditional_seal(ca_cap cap, ca_cap key);

/* `authority` with the type of `typed` for its address: the key that seals alike what ca_cap_build has unsealed.
 * Without tag when that lies outside its bounds, or `typed` is not sealed with a key; ca_cap_conditional_seal lets such
 * a key be. As CCopyType. Contract: K13. */
CA_CAP_OPERATION ca_cap ca_cap_type_copy(ca_cap authority, ca_cap typed);

/* A sealed entry point: nothing can be done with it but to jump to its address. `cap` must permit EXECUTE, which no
 * block does. plain: `cap`. Contract: K13. */
CA_CAP_OPERATION ca_cap ca_cap_seal_entry(ca_cap cap);

/* The bits of `cap`, which needs no tag, as a capability, if `authority` could be narrowed to them. The result is not
 * sealed, but as an entry point where the bits say so. */
CA_CAP_OPERATION ca_cap ca_cap_build(ca_cap authority, ca_cap cap);

/* The address of `cap` under another upper word, whatever it says; without tag, for ca_cap_build. plain: `cap`.
 * Contract: K13. */
CA_CAP_OPERATION ca_cap ca_cap_high_set(ca_cap cap, size_t high);

/* All zero, no tag. */
CA_CAP_OPERATION ca_cap ca_cap_null(void);

/* A key to all types that a program may seal with, to be narrowed for each use. Errors: CA_ERROR_NOT_PERMITTED, on a
 * machine whose system gives none; *out is null then. Contract: K2. */
CA_CAP_OPERATION ca_error ca_cap_sealer(ca_cap *out);

/* --- comparing --- */

/* The same in every bit, tag included. */
CA_CAP_OPERATION bool ca_cap_is_equal_exact(ca_cap cap, ca_cap other);

/* Are bounds and permissions of `other` within those of `cap`, and the tags the same? The address does not matter. */
CA_CAP_OPERATION bool ca_cap_is_subset(ca_cap cap, ca_cap other);

/* The shortest length >= length that bounds can have exactly, and the mask that the base must satisfy for that:
 * base & mask == base. 0 when the length would be 2^64. Contract: K3. */
CA_CAP_OPERATION size_t ca_cap_representable_length(size_t length);
CA_CAP_OPERATION size_t ca_cap_representable_alignment_mask(size_t length);

/* --- accesses ---
 * At the address of `via` plus offset, in bytes, as an instruction has it: the sum may lie anywhere. The result is
 * CA_CAP_FAULT_NONE, or why not; in that case nothing has changed, and a registered handler has been told.
 * plain: never a fault; what goes wrong, goes wrong as it always did. Contract: K4. */

/* 1, 2, 4 or 8 bytes as a number, with zeros above. */
CA_CAP_OPERATION ca_cap_fault ca_cap_load(ca_cap via, ptrdiff_t offset, unsigned bytes, uint64_t *value);

/* The low 1, 2, 4 or 8 bytes of a number. Capabilities that it overwrites lose their tags, even if the bytes are the
 * same. */
CA_CAP_OPERATION ca_cap_fault ca_cap_store(ca_cap via, ptrdiff_t offset, unsigned bytes, uint64_t value);

/* Any number of bytes from or to the program's own memory, all or none; tags are not copied. */
CA_CAP_OPERATION ca_cap_fault ca_cap_load_bytes(ca_cap via, ptrdiff_t offset, void *to, size_t bytes);
CA_CAP_OPERATION ca_cap_fault ca_cap_store_bytes(ca_cap via, ptrdiff_t offset, const void *from, size_t bytes);

/* A capability: CA_CAP_BYTES at an address aligned to that, and the tag. Loaded without permission to load
 * capabilities, it comes without tag. Storing one that has a tag needs the permission, and STORE_LOCAL when it is not
 * global. */
CA_CAP_OPERATION ca_cap_fault ca_cap_load_cap(ca_cap via, ptrdiff_t offset, ca_cap *out);
CA_CAP_OPERATION ca_cap_fault ca_cap_store_cap(ca_cap via, ptrdiff_t offset, ca_cap value);

/* The tags of the four capabilities in the 64 bytes that `via` points to, aligned to that: bit i for the i-th. plain:
 * all of them. */
CA_CAP_OPERATION ca_cap_fault ca_cap_tags_load(ca_cap via, size_t *tags);

/* The tags of the capabilities that lie whole in [offset, offset + bytes) from the address of `via` on, which together
 * are aligned to CA_CAP_BYTES: bit i % 64 of tags[i / 64] for the i-th, in (bytes / CA_CAP_BYTES + 63) / 64 words; the
 * bits behind the last are 0. Permissions as for ca_cap_tags_load, asked for all of the bytes; nothing of `tags` is
 * written on a fault. plain: all of them. Contract: K14. */
CA_CAP_OPERATION ca_cap_fault ca_cap_tags_load_range(ca_cap via, ptrdiff_t offset, size_t bytes, uint64_t *tags);

/* --- atomic accesses ---
 * To a capability, its tag included, as ca_cap_load_cap and ca_cap_store_cap; for threads that share memory without a
 * lock. Each happens at one moment of its call, and all threads see all of them in one order (sequentially consistent).
 * While one thread may access a capability so, the others access it only so, or their bytes and tags can be mixed up;
 * on a machine that cannot happen. What is refused, is refused before anything is looked at. soft: by locks: a signal
 * handler that interrupts one of these and calls another may end the process with a line that says so; a fork may come
 * at any instant. Contract: K12. */

/* *out is what is there; `value` is there. */
CA_CAP_OPERATION ca_cap_fault ca_cap_atomic_load(ca_cap via, ptrdiff_t offset, ca_cap *out);
CA_CAP_OPERATION ca_cap_fault ca_cap_atomic_store(ca_cap via, ptrdiff_t offset, ca_cap value);

/* Stores `value`; *old is what was there. Needs the permissions to load and to store. */
CA_CAP_OPERATION ca_cap_fault ca_cap_atomic_exchange(ca_cap via, ptrdiff_t offset, ca_cap value, ca_cap *old);

/* Stores `desired` if *expected is there, the same in every bit, tag included; *exchanged says whether it did, and
 * *expected is what was there. Needs the permissions to load and to store `desired`, whatever is there. native: the
 * compilers of today compare addresses in the instruction, and the rest right before it. */
CA_CAP_OPERATION ca_cap_fault ca_cap_atomic_compare_exchange(ca_cap via, ptrdiff_t offset, ca_cap *expected,
                                                             ca_cap desired, bool *exchanged);

/* ca_cap_load and ca_cap_store by type; *value is left alone on a fault. */
#define CA_CAP_NUMBER_(type, name)                                                                                     \
    CA_INLINE_ ca_cap_fault ca_cap_load_##name(ca_cap via, ptrdiff_t offset, type *value)                              \
    {                                                                                                                  \
        uint64_t number = 0;                                                                                           \
        ca_cap_fault fault = ca_cap_load(via, offset, sizeof(type), &number);                                          \
        if (fault == CA_CAP_FAULT_NONE)                                                                                \
            *value = CA_CAST_(type, number);                                                                           \
        return fault;                                                                                                  \
    }                                                                                                                  \
    CA_INLINE_ ca_cap_fault ca_cap_store_##name(ca_cap via, ptrdiff_t offset, type value)                              \
    {                                                                                                                  \
        return ca_cap_store(via, offset, sizeof(type), value);                                                         \
    }
/* ca_cap_load_u8, ca_cap_store_u8, and so on. */
CA_CAP_NUMBER_(uint8_t, u8)
CA_CAP_NUMBER_(uint16_t, u16)
CA_CAP_NUMBER_(uint32_t, u32)
CA_CAP_NUMBER_(uint64_t, u64)
#undef CA_CAP_NUMBER_

/* --- faults --- */

/* The name of a cause, such as "permit-store-capability"; static storage, never NULL. Async-signal-safe. */
CA_NOT_NULL_ const char *ca_cap_fault_name(ca_cap_fault fault);

/* What a handler is told. struct_size grows with the library. */
typedef struct ca_cap_fault_info {
    size_t struct_size;
    ca_cap_fault fault;
    const char *name;     /* of the cause; static storage */
    const char *function; /* the function that was called, such as "ca_cap_store_cap"; static storage */
    size_t address;       /* of the access */
    size_t bytes;         /* of the access */
    const ca_cap *via;    /* the capability that did not allow it; for the time of the call */
} ca_cap_fault_info;

/* Called in the thread of the access, with no lock held, when it has been refused; may allocate, and need not return
 * (longjmp, exit). When it does, the access returns the cause. */
typedef void (*ca_cap_fault_handler)(const ca_cap_fault_info *);

/* Registers the handler of the process and returns the one before; NULL, the default: none. Thread-safe. Contract:
 * K5. */
ca_cap_fault_handler ca_cap_set_fault_handler(ca_cap_fault_handler handler);

/* --- the heap ---
 * Blocks as capabilities: bounds are exactly the block, no other block lies within them, and the permissions are what
 * was asked for. Lengths are rounded up to what can be represented (K3): soft and native give 4104 bytes for 4097.
 *
 * A block goes back, shrinks and grows by its capability alone. It must be whole: tagged, not sealed, with the bounds
 * and permissions that it was handed out with; the address may be anywhere. A sub-capability speaks for its bytes, not
 * for the block. What is refused is a violation (violation.h): `denied` (no tag, sealed, permissions missing),
 * `size-mismatch` (narrowed at its end), `invalid-free` (narrowed at its start), `double-free` (given back before;
 * `stale` when it was to be shrunk or grown).
 * plain: the pointer must be the start of a live block; its size and intention are those on record.
 *
 * Thread-safe, not async-signal-safe. On an error or a violation nothing has changed. Contract: K6, K7. */

/* A capability or the reason why there is none. */
typedef struct ca_cap_result {
    ca_cap cap;
    ca_error error; /* CA_OK: there is a capability */
} ca_cap_result;

/* There is a capability. */
CA_INLINE_ bool ca_cap_is_ok(ca_cap_result result)
{
    return result.error == CA_OK;
}

/* CA_OK when there is a capability. */
CA_INLINE_ ca_error ca_cap_error_of(ca_cap_result result)
{
    return result.error;
}

/* The capability. There being none is the violation unwrap-error; when a handler refuses it, null. */
CA_NODISCARD_ CA_INLINE_ ca_cap ca_cap_unwrap(ca_cap_result result)
{
    if (result.error != CA_OK)
        ca_unwrap_failed(result.error);
    return result.cap;
}

#if CA_CAP_MODEL == CA_CAP_MODEL_PLAIN
#define CA_CAP_HEAP static inline
#else
#define CA_CAP_HEAP
#endif

/* Memory for data and capabilities, owned by the caller until it is given back. Errors: as ca_allocate. An alignment
 * larger than a place together with size 0 is CA_ERROR_LAYOUT. Size 0 gives a capability of length 0 to an address
 * where no block ever lies. Contract: C1, K6. */
CA_NODISCARD_ CA_CAP_HEAP ca_cap_result ca_cap_allocate(ca_authority authority, ca_layout layout);
CA_NODISCARD_ CA_CAP_HEAP ca_cap_result ca_cap_allocate_zeroed(ca_authority authority, ca_layout layout);

/* Memory for data only: the capability can neither load nor store capabilities, and no other capability can store one
 * there. Contract: N2. */
CA_NODISCARD_ CA_CAP_HEAP ca_cap_result ca_cap_allocate_nocaps(ca_authority authority, ca_layout layout);
CA_NODISCARD_ CA_CAP_HEAP ca_cap_result ca_cap_allocate_nocaps_zeroed(ca_authority authority, ca_layout layout);

/* Memory that is zero now and is cleared when it goes; for both, for data only. Contract: Z2, Z6, N2. */
CA_NODISCARD_ CA_CAP_HEAP ca_cap_result ca_cap_allocate_mustzero(ca_authority authority, ca_layout layout);
CA_NODISCARD_ CA_CAP_HEAP ca_cap_result ca_cap_allocate_secret(ca_authority authority, ca_layout layout);

/* Gives the block back, cleared first where its place wants that, as a capability to must-zero memory says all by
 * itself. Length 0: nothing to do. Errors, after a refused violation: CA_ERROR_INVALID, CA_ERROR_STALE. Contract: C2,
 * K7. */
CA_CAP_HEAP ca_error ca_cap_deallocate(ca_cap cap);

/* Makes the block layout.size <= its length bytes long, in place: the result is a narrowed `cap`, with the address at
 * its base. 0 gives it back. Errors: as ca_shrink. Contract: C3, K7. */
CA_NODISCARD_ CA_CAP_HEAP ca_cap_result ca_cap_shrink(ca_cap cap, ca_layout layout);

/* Makes the block layout.size >= its length bytes long, moving it when necessary, capabilities in it included. The
 * result is a new capability; `cap` and all that was derived from it are dead. Errors: as ca_grow; the authority is
 * what allows to have more than `cap` does. Contract: C4, K7. */
CA_NODISCARD_ CA_CAP_HEAP ca_cap_result ca_cap_grow(ca_authority authority, ca_cap cap, ca_layout layout);

/* CA_OK when giving it back would be accepted; CA_ERROR_STALE: it was given back; CA_ERROR_INVALID: not a whole block.
 * Reports nothing, changes nothing. Contract: C2, K7. */
CA_NODISCARD_ CA_CAP_HEAP ca_error ca_cap_check(ca_cap cap);

/* --- the blocks of a heap ---
 * For who holds an authority over it with the right CA_RIGHT_WALK: the whole capability of any of its blocks, as it was
 * handed out, whatever became of the copies. Without the right, or an authority, the violation `denied`, and after that
 * CA_ERROR_NOT_PERMITTED; nothing has changed.
 *
 * A block is the authority's when it, or one derived from it, has taken it. Blocks that ca_allocate and its like gave
 * have a capability too if bounds can be exactly their size, as up to 4095 bytes; those that were wiped have none. Tags
 * in such a block are those of what last lay there as capabilities: a heap is walked so that is used through them.
 * plain: pointers to blocks, which are all told. Thread-safe; not async-signal-safe. Contract: K15. */

/* The next block, as ca_walk_next (walk.h) has it; *out is null at the end, and as it was on an error. */
CA_NODISCARD_ CA_CAP_HEAP ca_error ca_cap_walk_next(ca_authority authority, ca_walk *at, ca_cap *out);

/* The block that an address lies in, its start or any byte of it. CA_ERROR_INVALID: in none. An address in another
 * heap's block is `denied`. Cost: a lock, and a look at the units of 16 KiB before it if the block is a long one. */
CA_NODISCARD_ CA_CAP_HEAP ca_cap_result ca_cap_whole(ca_authority authority, size_t address);

/* The same for words that may be anything, as on the stack of a program: what is not in a block of the authority's is
 * CA_ERROR_INVALID, and nothing is reported. */
CA_NODISCARD_ CA_CAP_HEAP ca_cap_result ca_cap_guess(ca_authority authority, size_t address);

#ifdef __cplusplus
}
#endif

#if CA_CAP_MODEL == CA_CAP_MODEL_PLAIN
#include <capalloc/cap_plain.h>
#elif CA_CAP_MODEL == CA_CAP_MODEL_NATIVE
#include <capalloc/cap_native.h>
#endif
#include <capalloc/cap_derived.h>

#endif
