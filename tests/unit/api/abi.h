/* The ABI as numbers, compiled as C and as C++: programs have them inside. Sizes are those of all 64-bit machines.
 * Where one changes, every program must be compiled again. abi/capalloc.abi has the rest, but not what is inline. */
#ifndef TESTS_UNIT_API_ABI_H
#define TESTS_UNIT_API_ABI_H

#include <capalloc/capalloc.h>
#include <capalloc/conformance.h>

#include <string.h>

#ifdef __cplusplus
#define ABI_ASSERT static_assert
#else
#define ABI_ASSERT _Static_assert
#endif

/* Values that travel in two registers. */
#define ABI_PAIRS(X)                                                                                                   \
    X(ca_layout)                                                                                                       \
    X(ca_block)                                                                                                        \
    X(ca_nocaps)                                                                                                       \
    X(ca_mustzero)                                                                                                     \
    X(ca_secret)                                                                                                       \
    X(ca_wiped)                                                                                                        \
    X(ca_block_result)                                                                                                 \
    X(ca_nocaps_result)                                                                                                \
    X(ca_mustzero_result)                                                                                              \
    X(ca_secret_result)                                                                                                \
    X(ca_authority)                                                                                                    \
    X(ca_walk)                                                                                                         \
    X(ca_allocator)                                                                                                    \
    X(ca_rc_counts)

/* Structs that the caller owns and the library knows: they do not grow. */
#define ABI_FIXED(X)                                                                                                   \
    X(ca_cap, 24)                                                                                                      \
    X(ca_cap_result, 32)                                                                                               \
    X(ca_fixed, 24)                                                                                                    \
    X(ca_limit, 32)                                                                                                    \
    X(ca_failing, 56)                                                                                                  \
    X(ca_arena_lane, 56)                                                                                               \
    X(ca_arena, 224)                                                                                                   \
    X(ca_arena_scope, 104)                                                                                             \
    X(ca_place_stats, 40)                                                                                              \
    X(ca_class_stats, 24)

/* Structs that grow at their end: at least this size, and struct_size comes first. */
#define ABI_GROWING(X)                                                                                                 \
    X(ca_stats, 2968)                                                                                                  \
    X(ca_violation, 72)                                                                                                \
    X(ca_allocator_vtable, 104)                                                                                        \
    X(ca_counts, 192)                                                                                                  \
    X(ca_cap_fault_info, 56)                                                                                           \
    X(ca_protection, 64)                                                                                               \
    X(ca_audit_finding, 72)                                                                                            \
    X(ca_block_info, 48)                                                                                               \
    X(ca_conformance_options, 64)

/* Initializers: alone, no compiler warns of them, in C or C++, and they set the same. */
#define ABI_INITS(X)                                                                                                   \
    X(ca_stats, CA_STATS_INIT)                                                                                         \
    X(ca_protection, CA_PROTECTION_INIT)                                                                               \
    X(ca_heap_options, CA_HEAP_OPTIONS_INIT)                                                                           \
    X(ca_authority_info, CA_AUTHORITY_INFO_INIT)                                                                       \
    X(ca_block_info, CA_BLOCK_INFO_INIT)                                                                               \
    X(ca_conformance_options, CA_CONFORMANCE_INIT)

#define ABI_ENUMS(X)                                                                                                   \
    X(ca_cap_fault)                                                                                                    \
    X(ca_error)                                                                                                        \
    X(ca_violation_kind)                                                                                               \
    X(ca_block_state)                                                                                                  \
    X(ca_method)

#define ABI_VALUES(X)                                                                                                  \
    X(CA_OK, 0)                                                                                                        \
    X(CA_ERROR_OUT_OF_MEMORY, 1)                                                                                       \
    X(CA_ERROR_LAYOUT, 2)                                                                                              \
    X(CA_ERROR_QUOTA, 3)                                                                                               \
    X(CA_ERROR_NOT_PERMITTED, 4)                                                                                       \
    X(CA_ERROR_STALE, 5)                                                                                               \
    X(CA_ERROR_INVALID, 6)                                                                                             \
    X(CA_BLOCK_STATE_NONE, 0)                                                                                          \
    X(CA_BLOCK_STATE_LIVE, 1)                                                                                          \
    X(CA_BLOCK_STATE_FREED, 2)                                                                                         \
    X(CA_VIOLATION_DOUBLE_FREE, 1)                                                                                     \
    X(CA_VIOLATION_INVALID_FREE, 2)                                                                                    \
    X(CA_VIOLATION_WRONG_DEALLOCATOR, 3)                                                                               \
    X(CA_VIOLATION_SIZE_MISMATCH, 4)                                                                                   \
    X(CA_VIOLATION_MISMATCHED_DELETE, 5)                                                                               \
    X(CA_VIOLATION_UNWRAP_ERROR, 6)                                                                                    \
    X(CA_VIOLATION_ARENA_ORDER, 7)                                                                                     \
    X(CA_VIOLATION_NOT_WIPED, 8)                                                                                       \
    X(CA_VIOLATION_STALE, 9)                                                                                           \
    X(CA_VIOLATION_DENIED, 10)                                                                                         \
    X(CA_VIOLATION_USE_AFTER_FREE_WRITE, 11)                                                                           \
    X(CA_VIOLATION_OVERFLOW, 12)                                                                                       \
    X(CA_VIOLATION_UNDERFLOW, 13)                                                                                      \
    X(CA_VIOLATION_USE_AFTER_FREE, 14)                                                                                 \
    X(CA_CAP_FAULT_NONE, 0)                                                                                            \
    X(CA_CAP_FAULT_BOUNDS, 1)                                                                                          \
    X(CA_CAP_FAULT_TAG, 2)                                                                                             \
    X(CA_CAP_FAULT_SEAL, 3)                                                                                            \
    X(CA_CAP_FAULT_TYPE, 4)                                                                                            \
    X(CA_CAP_FAULT_PERMIT_LOAD, 18)                                                                                    \
    X(CA_CAP_FAULT_PERMIT_STORE, 19)                                                                                   \
    X(CA_CAP_FAULT_PERMIT_LOAD_CAPABILITY, 20)                                                                         \
    X(CA_CAP_FAULT_PERMIT_STORE_CAPABILITY, 21)                                                                        \
    X(CA_CAP_FAULT_PERMIT_STORE_LOCAL, 22)                                                                             \
    X(CA_CAP_FAULT_ALIGNMENT, 32)                                                                                      \
    X(CA_CAP_FAULT_TAG_MEMORY, 33)                                                                                     \
    X(CA_CAP_FAULT_OTHER, 63)                                                                                          \
    X(CA_PROMISE_NOCAPS_PLACE, 1)                                                                                      \
    X(CA_PROMISE_MUSTZERO_PLACE, 2)                                                                                    \
    X(CA_PROMISE_VALIDATES, 4)                                                                                         \
    X(CA_PROMISE_THREAD_SAFE, 8)                                                                                       \
    X(CA_PROTECT_NO_DUMP, 1)                                                                                           \
    X(CA_PROTECT_WIPE_ON_FORK, 2)                                                                                      \
    X(CA_PROTECT_LOCK, 4)                                                                                              \
    X(CA_PROTECT_HIDE, 8)                                                                                              \
    X(CA_METHOD_DEALLOCATE_ZEROED, 9)                                                                                  \
    X(CA_ARENA_LANES, 3)                                                                                               \
    X(CA_PLACE_COUNT, 4)                                                                                               \
    X(CA_STATS_CLASSES_MAX, 112)

#define ABI_IS_PAIR(type) ABI_ASSERT(sizeof(type) == 16, #type " travels in two registers");
#define ABI_IS_FIXED(type, bytes) ABI_ASSERT(sizeof(type) == (bytes), #type " has this size forever");
#define ABI_IS_GROWING(type, bytes)                                                                                    \
    ABI_ASSERT(sizeof(type) >= (bytes), #type " never shrinks");                                                       \
    ABI_ASSERT(offsetof(type, struct_size) == 0, #type " begins with struct_size");                                    \
    ABI_ASSERT(sizeof(((type *)0)->struct_size) == sizeof(size_t), #type " says its size in a size_t");
#define ABI_IS_ENUM(type) ABI_ASSERT(sizeof(type) == 4, #type " has 32 bits");
#define ABI_IS_VALUE(name, value) ABI_ASSERT((name) == (value), #name " keeps its number");

ABI_PAIRS(ABI_IS_PAIR)
ABI_FIXED(ABI_IS_FIXED)
ABI_GROWING(ABI_IS_GROWING)
ABI_ENUMS(ABI_IS_ENUM)
ABI_VALUES(ABI_IS_VALUE)

/* struct_size is set, a heap has no quota, and all the rest is 0. Static, so that padding is 0, too. */
#define ABI_INIT_IS(type, initializer)                                                                                 \
    do {                                                                                                               \
        static const type made = initializer;                                                                          \
        type wanted;                                                                                                   \
        memset(&wanted, 0, sizeof wanted);                                                                             \
        wanted.struct_size = sizeof wanted;                                                                            \
        if (strcmp(#type, "ca_heap_options") == 0)                                                                     \
            memset((char *)&wanted + offsetof(ca_heap_options, quota_bytes), 0xff, sizeof(size_t));                    \
        assert_memory_equal(&made, &wanted, sizeof made);                                                              \
    } while (0);

/* Where the members are that inline functions touch. */
ABI_ASSERT(offsetof(ca_block_result, ptr) == 0 && offsetof(ca_block_result, size_or_error) == 8, "pointer first");
ABI_ASSERT(offsetof(ca_allocator, vtable) == 0 && offsetof(ca_allocator, self) == 8, "vtable first");
ABI_ASSERT(offsetof(ca_arena, lane) == 0, "the lane that ca_arena_allocate uses comes first");
ABI_ASSERT(offsetof(ca_arena_lane, top) == 0 && offsetof(ca_arena_lane, end) == 8, "top and end of a lane");
ABI_ASSERT(offsetof(ca_rc_counts, strong) == 0 && offsetof(ca_rc_counts, weak) == 8, "strong first");
ABI_ASSERT(offsetof(ca_allocator_vtable, allocate) == 16 && offsetof(ca_allocator_vtable, deallocate) == 24,
           "the two methods that every allocator has");

#endif
