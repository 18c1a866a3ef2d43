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
struct ca_cap cheri_root(void);
void cheri_load(void *to, struct ca_cap via, size_t bytes);
void cheri_store(struct ca_cap via, const void *from, size_t bytes);

#define CHERI_INTRIN_POINTER struct ca_cap
#define CHERI_INTRIN_NULL ((struct ca_cap){0, 0, 0})
#define CHERI_INTRIN_LOAD(to, via, type) cheri_load((to), (via), sizeof(type))
#define CHERI_INTRIN_STORE(via, from, type) cheri_store((via), (from), sizeof(type))
#define CHERI_INTRIN_INCREMENT(cap, bytes) cheri_increment((cap), (bytes))

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
