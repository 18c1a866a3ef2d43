/* A cheriintrin.h for machines without CHERI, so that <capalloc/cap_native.h> is compiled and run in tests: the
 * intrinsics that it uses, as functions of intrinsics.c on software capabilities. A pointer is a struct here, and is
 * followed by CHERI_INTRIN_LOAD and CHERI_INTRIN_STORE, which end the program where a machine would trap.
 */
#ifndef TESTS_CAP_STUB_CHERIINTRIN_H
#define TESTS_CAP_STUB_CHERIINTRIN_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __CHERI_PURE_CAPABILITY__
/* The capability of the software model. */
struct ca_cap {
    size_t address, high, tag;
};
#endif

#define CAP_GET(type, name) type cheri_##name(struct ca_cap cap);
#define CAP_WITH(type, name) struct ca_cap cheri_##name(struct ca_cap cap, type value);
#define CAP_ONE(name) struct ca_cap cheri_##name(struct ca_cap cap);
#define CAP_TWO(name) struct ca_cap cheri_##name(struct ca_cap cap, struct ca_cap other);
#define CAP_COMPARE(name) bool cheri_##name(struct ca_cap cap, struct ca_cap other);
#define CAP_LENGTH(name) size_t cheri_##name(size_t length);
#include "cap/ops.def"
#define cheri_cap_build(authority, cap) cheri_build(authority, cap)
#define cheri_seal_conditionally(cap, key) cheri_conditional_seal(cap, key)
#define cheri_sentry_create(cap) cheri_seal_entry(cap)
struct ca_cap cheri_root(void);
void cheri_load(void *to, struct ca_cap via, size_t bytes);
void cheri_store(struct ca_cap via, const void *from, size_t bytes);
void cheri_atomic_load(struct ca_cap *to, struct ca_cap via);
void cheri_atomic_store(struct ca_cap via, const struct ca_cap *from);
void cheri_atomic_exchange(struct ca_cap via, const struct ca_cap *from, struct ca_cap *old);
bool cheri_atomic_compare_exchange(struct ca_cap via, struct ca_cap *expected, const struct ca_cap *from);

#define CHERI_INTRIN_POINTER struct ca_cap
#define CHERI_INTRIN_NULL ((struct ca_cap){0, 0, 0})
#define CHERI_INTRIN_LOAD(to, via, type) cheri_load((to), (via), sizeof(type))
#define CHERI_INTRIN_STORE(via, from, type) cheri_store((via), (from), sizeof(type))
#define CHERI_INTRIN_ATOMIC_LOAD(to, via) cheri_atomic_load((to), (via))
#define CHERI_INTRIN_ATOMIC_STORE(via, from) cheri_atomic_store((via), (from))
#define CHERI_INTRIN_ATOMIC_EXCHANGE(via, from, old) cheri_atomic_exchange((via), (from), (old))
#define CHERI_INTRIN_ATOMIC_COMPARE_EXCHANGE(via, expected, from)                                                      \
    cheri_atomic_compare_exchange((via), (expected), (from))
#define CHERI_INTRIN_INCREMENT(cap, bytes) cheri_increment((cap), (bytes))
#define CHERI_INTRIN_HIGH_GET(cap) cheri_high_get(cap)
#define CHERI_INTRIN_HIGH_SET(cap, high) cheri_high_set((cap), (high))

#ifndef CHERI_OTYPE_UNSEALED /* a test has Morello's */
#define CHERI_OTYPE_UNSEALED (-1L)
#define CHERI_OTYPE_SENTRY (-2L)
#endif

#define CHERI_PERM_GLOBAL (1 << 0)
#define CHERI_PERM_EXECUTE (1 << 1)
#define CHERI_PERM_LOAD (1 << 2)
#define CHERI_PERM_STORE (1 << 3)
#define CHERI_PERM_LOAD_CAP (1 << 4)
#define CHERI_PERM_STORE_CAP (1 << 5)
#define CHERI_PERM_STORE_LOCAL_CAP (1 << 6)
#define CHERI_PERM_SEAL (1 << 7)
#define CHERI_PERM_INVOKE (1 << 8)
#define CHERI_PERM_UNSEAL (1 << 9)
#define CHERI_PERM_SYSTEM_REGS (1 << 10)

#endif
