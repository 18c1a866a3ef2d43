/* The heap's own form as the public functions of the four types: capabilities in the sense of the address. An intention
 * becomes a place here.
 */
#include <capalloc/heap.h>
#undef ca_allocate /* the function itself is defined here */

#include "api/own.h"
#include "core/violation.h"

/* Allocation in steps, each called last by the one before and with no more than it needs, so that it costs that one
 * nothing: a fine layout from the calling thread's heap; one from the account that the thread used last; other layouts
 * from either; the rest. */
#define FOR_SLOW(type)                                                                                                 \
    static CAI_NOINLINE type##_result type##_slow(ca_authority authority, ca_layout layout, enum cai_place place,      \
                                                  enum cai_form form)                                                  \
    {                                                                                                                  \
        cai_result done = cai_own_allocate_slow(authority, layout, place, form);                                       \
        return CAI_AS(type, done);                                                                                     \
    }                                                                                                                  \
    static CAI_NOINLINE type##_result type##_fine_slow(ca_authority authority, size_t bytes, enum cai_place place,     \
                                                       enum cai_form form)                                             \
    {                                                                                                                  \
        return type##_slow(authority, (ca_layout){.size = bytes, .align = 16}, place, form);                           \
    }                                                                                                                  \
    static CAI_NOINLINE type##_result type##_own_slow(uint64_t key, size_t bytes, enum cai_place place,                \
                                                      enum cai_form form)                                              \
    {                                                                                                                  \
        return type##_fine_slow((ca_authority){{key, 0}}, bytes, place, form);                                         \
    }
FOR_SLOW(ca_block)
FOR_SLOW(ca_nocaps)
FOR_SLOW(ca_mustzero)
FOR_SLOW(ca_secret)

#define FOR_ALLOCATION(name, type, place, form)                                                                        \
    static CAI_NOINLINE type##_result name##_from_account(ca_authority authority, size_t size)                         \
    {                                                                                                                  \
        size_t bytes;                                                                                                  \
        void *address = cai_own_take_from_account(CAI_PLACE_##place, form, authority, size, &bytes);                   \
        if (CAI_UNLIKELY(address == NULL))                                                                             \
            return type##_fine_slow(authority, size, CAI_PLACE_##place, form);                                         \
        return (type##_result){.ptr = address, .size_or_error = bytes};                                                \
    }                                                                                                                  \
    static CAI_NOINLINE type##_result name##_rest(ca_authority authority, ca_layout layout)                            \
    {                                                                                                                  \
        size_t bytes;                                                                                                  \
        void *address = cai_own_take(CAI_PLACE_##place, form, authority, layout, &bytes);                              \
        if (CAI_UNLIKELY(address == NULL))                                                                             \
            return type##_slow(authority, layout, CAI_PLACE_##place, form);                                            \
        return (type##_result){.ptr = address, .size_or_error = bytes};                                                \
    }                                                                                                                  \
    CAI_EXPORT type##_result name(ca_authority authority, ca_layout layout)                                            \
    {                                                                                                                  \
        size_t bytes;                                                                                                  \
        if (CAI_UNLIKELY(!cai_is_fine(layout)))                                                                        \
            return name##_rest(authority, layout);                                                                     \
        if (CAI_UNLIKELY(!cai_authority_is_default(authority)))                                                        \
            return name##_from_account(authority, layout.size);                                                        \
        void *address = cai_own_take_fine(cai_self_heap(), CAI_PLACE_##place, layout.size, form, &bytes);              \
        if (CAI_UNLIKELY(address == NULL))                                                                             \
            return type##_own_slow(authority.opaque[0], layout.size, CAI_PLACE_##place, form);                         \
        return (type##_result){.ptr = address, .size_or_error = bytes};                                                \
    }
FOR_ALLOCATION(ca_allocate, ca_block, ordinary, CAI_PLAIN)
FOR_ALLOCATION(ca_allocate_zeroed, ca_block, ordinary, CAI_ZEROED)
FOR_ALLOCATION(ca_allocate_at_least, ca_block, ordinary, CAI_AT_LEAST)
FOR_ALLOCATION(ca_allocate_nocaps, ca_nocaps, nocaps, CAI_PLAIN)
FOR_ALLOCATION(ca_allocate_nocaps_zeroed, ca_nocaps, nocaps, CAI_ZEROED)
FOR_ALLOCATION(ca_allocate_mustzero, ca_mustzero, mustzero, CAI_ZEROED)
FOR_ALLOCATION(ca_allocate_secret, ca_secret, secret, CAI_ZEROED)

#define FOR_DEALLOCATION(name, type, place)                                                                            \
    CAI_EXPORT void name(type block)                                                                                   \
    {                                                                                                                  \
        cai_own_deallocate(CAI_PLACE_##place, block.ptr, block.size);                                                  \
    }
FOR_DEALLOCATION(ca_block_deallocate, ca_block, ordinary)
FOR_DEALLOCATION(ca_nocaps_deallocate, ca_nocaps, nocaps)
FOR_DEALLOCATION(ca_mustzero_deallocate_zeroed, ca_mustzero, mustzero)
FOR_DEALLOCATION(ca_secret_deallocate_zeroed, ca_secret, secret)

#define FOR_GROWTH(type, place, name, zeroed)                                                                          \
    CAI_EXPORT type##_result type##_##name(ca_authority authority, type block, ca_layout layout)                       \
    {                                                                                                                  \
        cai_result done =                                                                                              \
            cai_own_grow(authority, CAI_PLACE_##place, block.ptr, block.size, layout, zeroed, NULL, "ca_" #name);      \
        return CAI_AS(type, done);                                                                                     \
    }
#define FOR_TYPE(type, place)                                                                                          \
    FOR_GROWTH(type, place, grow, false)                                                                               \
    FOR_GROWTH(type, place, grow_zeroed, true)                                                                         \
    CAI_EXPORT type##_result type##_shrink(type block, ca_layout layout)                                               \
    {                                                                                                                  \
        cai_result done = cai_own_shrink(CAI_PLACE_##place, block.ptr, block.size, layout, false, "ca_shrink");        \
        return CAI_AS(type, done);                                                                                     \
    }                                                                                                                  \
    CAI_EXPORT ca_error type##_check(type block)                                                                       \
    {                                                                                                                  \
        return cai_own_check(CAI_PLACE_##place, block.ptr, block.size);                                                \
    }
FOR_TYPE(ca_block, ordinary)
FOR_TYPE(ca_nocaps, nocaps)
FOR_TYPE(ca_mustzero, mustzero)
FOR_TYPE(ca_secret, secret)

CAI_EXPORT CAI_COLD void ca_unwrap_failed(ca_error error)
{
    cai_violation_report((ca_violation){.kind = CA_VIOLATION_UNWRAP_ERROR,
                                        .function = "ca_unwrap",
                                        .place = cai_place_name(CAI_PLACE_none),
                                        .stated = "a block",
                                        .found = ca_error_string(error)});
}
