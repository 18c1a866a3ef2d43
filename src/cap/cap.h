/* What a capability can do, whatever it is made of: the operations of ops.def and the accesses below. In the library it
 * is made of software (soft.h); a test that holds another model against the same list names that one's header in
 * CAI_CAP_MODEL.
 *
 * Capabilities are passed by address and never copied as structs, since a compiler that does not know them would lose
 * the tag: cai_cap_copy copies. The type cai_cap is aligned to 16 where memory can hold its tag.
 *
 * Besides ops.def a model implements
 *
 *     void cai_cap_root(cai_cap *out)      the almighty capability, address 0
 *     void cai_cap_null(cai_cap *out)      all zero, no tag
 *     void cai_cap_copy(cai_cap *out, const cai_cap *cap)
 *
 * and the accesses to memory at the address of `via` plus offset, which return the cause of the fault instead of
 * trapping; when it is not NONE nothing has changed. offset is what an instruction would have as a constant: the sum
 * stays within what the capability can represent, or the fault is TAG.
 *
 *     load(via, offset, bytes, &value)     1, 2, 4 or 8 bytes, aligned to their number, zero-extended
 *     store(via, offset, bytes, value)     the tags of the granules that it touches are gone
 *     load_cap(out, via, offset)           16 bytes and their tag, aligned; the tag is dropped without LOAD_CAP
 *     store_cap(via, offset, value)        16 bytes and the tag of *value, aligned
 *     tags_load(via, &tags)                bit i: the tag of granule i of the 64 bytes from the address on, which is
 *                                          aligned to 64
 */
#ifndef CAI_CAP_CAP_H
#define CAI_CAP_CAP_H

#include "base/compiler.h"

#include <capalloc/cap_model.h>

enum { CAI_CAP_GRANULE = 16, CAI_CAP_TAGS_BYTES = 64 };

#ifdef CAI_CAP_MODEL
#include CAI_CAP_MODEL
#else
#include "cap/soft_memory.h"
#endif

/* A model that lacks an operation, or has it with other types, does not compile. */
#define CAP_IS(name, ...)                                                                                              \
    _Static_assert(__builtin_types_compatible_p(__typeof__(cai_cap_##name), __VA_ARGS__), "cai_cap_" #name);
#define CAP_GET(type, name) CAP_IS(name, type(const cai_cap *))
#define CAP_WITH(type, name) CAP_IS(name, void(cai_cap *, const cai_cap *, type))
#define CAP_ONE(name) CAP_IS(name, void(cai_cap *, const cai_cap *))
#define CAP_TWO(name) CAP_IS(name, void(cai_cap *, const cai_cap *, const cai_cap *))
#define CAP_COMPARE(name) CAP_IS(name, bool(const cai_cap *, const cai_cap *))
#define CAP_LENGTH(name) CAP_IS(name, size_t(size_t))
#include "cap/ops.def"
CAP_IS(root, void(cai_cap *))
CAP_IS(null, void(cai_cap *))
CAP_IS(copy, void(cai_cap *, const cai_cap *))
CAP_IS(load, ca_cap_fault(const cai_cap *, ptrdiff_t, unsigned, uint64_t *))
CAP_IS(store, ca_cap_fault(const cai_cap *, ptrdiff_t, unsigned, uint64_t))
CAP_IS(load_cap, ca_cap_fault(cai_cap *, const cai_cap *, ptrdiff_t))
CAP_IS(store_cap, ca_cap_fault(const cai_cap *, ptrdiff_t, const cai_cap *))
CAP_IS(tags_load, ca_cap_fault(const cai_cap *, size_t *))
#undef CAP_IS

/* A capability to [address, address + length) with these permissions, derived from *root; without tag when the bounds
 * cannot be exact or are not within those of *root. */
CAI_INLINE void cai_cap_mint(cai_cap *out, const cai_cap *root, size_t address, size_t length, size_t perms)
{
    cai_cap_address_set(out, root, address);
    cai_cap_bounds_set_exact(out, out, length);
    cai_cap_perms_and(out, out, perms);
}

#endif
