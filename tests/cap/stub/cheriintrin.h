/* A cheriintrin.h for machines without CHERI, so that <capalloc/cap_native.h> is compiled and run in tests: the
 * intrinsics that it uses, by functions of intrinsics.c on software capabilities. A pointer is a struct here, and is
 * followed by CHERI_INTRIN_LOAD and CHERI_INTRIN_STORE, which end the program where a machine would trap.
 */
#ifndef TESTS_CAP_STUB_CHERIINTRIN_H
#define TESTS_CAP_STUB_CHERIINTRIN_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cheri_stub_pointer {
    size_t address, high, tag;
} cheri_stub_pointer;

#define CAP_GET(type, name) type cheri_stub_##name(cheri_stub_pointer cap);
#define CAP_WITH(type, name) cheri_stub_pointer cheri_stub_##name(cheri_stub_pointer cap, type value);
#define CAP_ONE(name) cheri_stub_pointer cheri_stub_##name(cheri_stub_pointer cap);
#define CAP_TWO(name) cheri_stub_pointer cheri_stub_##name(cheri_stub_pointer cap, cheri_stub_pointer other);
#define CAP_COMPARE(name) bool cheri_stub_##name(cheri_stub_pointer cap, cheri_stub_pointer other);
#define CAP_LENGTH(name) size_t cheri_stub_##name(size_t length);
#include "cap/ops.def"

#include "cap/ops_end.h"
cheri_stub_pointer cheri_stub_root(void);
void cheri_stub_load(void *to, cheri_stub_pointer via, size_t bytes);
void cheri_stub_store(cheri_stub_pointer via, const void *from, size_t bytes);

#define CHERI_INTRIN_POINTER cheri_stub_pointer
#define CHERI_INTRIN_NULL ((cheri_stub_pointer){0, 0, 0})
#define CHERI_INTRIN_ROOT cheri_stub_root()
#define CHERI_INTRIN_LOAD(to, via, type) cheri_stub_load((to), (via), sizeof(type))
#define CHERI_INTRIN_STORE(via, from, type) cheri_stub_store((via), (from), sizeof(type))
#define CHERI_INTRIN_INCREMENT(cap, bytes) cheri_stub_increment((cap), (bytes))

#define cheri_address_get(cap) cheri_stub_address_get(cap)
#define cheri_base_get(cap) cheri_stub_base_get(cap)
#define cheri_length_get(cap) cheri_stub_length_get(cap)
#define cheri_offset_get(cap) cheri_stub_offset_get(cap)
#define cheri_perms_get(cap) cheri_stub_perms_get(cap)
#define cheri_type_get(cap) cheri_stub_type_get(cap)
#define cheri_flags_get(cap) cheri_stub_flags_get(cap)
#define cheri_tag_get(cap) cheri_stub_tag_get(cap)
#define cheri_is_sealed(cap) cheri_stub_is_sealed(cap)
#define cheri_address_set(cap, address) cheri_stub_address_set(cap, address)
#define cheri_offset_set(cap, offset) cheri_stub_offset_set(cap, offset)
#define cheri_bounds_set(cap, length) cheri_stub_bounds_set(cap, length)
#define cheri_bounds_set_exact(cap, length) cheri_stub_bounds_set_exact(cap, length)
#define cheri_perms_and(cap, perms) cheri_stub_perms_and(cap, perms)
#define cheri_flags_set(cap, flags) cheri_stub_flags_set(cap, flags)
#define cheri_tag_clear(cap) cheri_stub_tag_clear(cap)
#define cheri_seal(cap, key) cheri_stub_seal(cap, key)
#define cheri_unseal(cap, key) cheri_stub_unseal(cap, key)
#define cheri_cap_build(authority, cap) cheri_stub_build(authority, cap)
#define cheri_is_equal_exact(cap, other) cheri_stub_is_equal_exact(cap, other)
#define cheri_is_subset(cap, other) cheri_stub_is_subset(cap, other)
#define cheri_representable_length(length) cheri_stub_representable_length(length)
#define cheri_representable_alignment_mask(length) cheri_stub_representable_alignment_mask(length)

#ifndef CHERI_OTYPE_UNSEALED /* a test has Morello's */
#define CHERI_OTYPE_UNSEALED (-1L)
#endif

#define CHERI_PERM_GLOBAL (1 << 0)
#define CHERI_PERM_EXECUTE (1 << 1)
#define CHERI_PERM_LOAD (1 << 2)
#define CHERI_PERM_STORE (1 << 3)
#define CHERI_PERM_LOAD_CAP (1 << 4)
#define CHERI_PERM_STORE_CAP (1 << 5)
#define CHERI_PERM_STORE_LOCAL_CAP (1 << 6)
#define CHERI_PERM_SEAL (1 << 7)
#define CHERI_PERM_UNSEAL (1 << 9)

#endif
