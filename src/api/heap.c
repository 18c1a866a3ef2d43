/* The heap's own form as the public functions of the four types: capabilities in the sense of the address. An intention
 * becomes a place here.
 */
#include <capalloc/heap.h>
#undef ca_allocate /* the function itself is defined here */

#include "api/own.h"
#include "core/violation.h"

/* Allocation in steps, each called last by the one before, so that it costs that one nothing: a small layout from the
 * calling thread's heap; one from the account that the thread used last; the rest. CAI_AS_CALLED: with arguments where
 * the caller has them, so that nothing is moved ahead of a call that is seldom made. STAY: for the same reason they
 * stay in the registers in which they came, and in which the size is returned. */
#if defined(__x86_64__)
#define STAY(size, beyond) __asm__("" : "+d"(size), "+c"(beyond))
#else
#define STAY(size, beyond) (void)0
#endif
#define FOR_ALLOCATION(name, type, place, form)                                                                        \
    static CAI_NOINLINE type##_result name##_slow(ca_authority authority, ca_layout layout)                            \
    {                                                                                                                  \
        cai_result done = cai_own_allocate_slow(authority, layout, CAI_PLACE_##place, form);                           \
        return CAI_AS(type, done);                                                                                     \
    }                                                                                                                  \
    static CAI_AS_CALLED type##_result name##_from_account(ca_authority authority, ca_layout layout)                   \
    {                                                                                                                  \
        size_t bytes;                                                                                                  \
        void *address = cai_own_take_from_account(CAI_PLACE_##place, form, authority, layout, &bytes);                 \
        if (CAI_UNLIKELY(address == NULL))                                                                             \
            return name##_slow(authority, layout);                                                                     \
        return (type##_result){.ptr = address, .size_or_error = bytes};                                                \
    }                                                                                                                  \
    /* The authority in its registers is not used: so the fast path need not keep it; of the alignment, one less. */   \
    static CAI_AS_CALLED type##_result name##_default_slow(ca_authority unused, ca_layout layout)                      \
    {                                                                                                                  \
        (void)unused;                                                                                                  \
        layout.align++;                                                                                                \
        return name##_slow((ca_authority){{cai_sealed.secret, 0}}, layout);                                            \
    }                                                                                                                  \
    CAI_EXPORT type##_result name(ca_authority authority, ca_layout layout)                                            \
    {                                                                                                                  \
        size_t bytes;                                                                                                  \
        if (CAI_UNLIKELY(!cai_authority_is_default(authority)))                                                        \
            return name##_from_account(authority, layout);                                                             \
        size_t beyond = layout.align - 1;                                                                              \
        STAY(layout.size, beyond);                                                                                     \
        layout.align = beyond + 1;                                                                                     \
        void *address = cai_own_take_small(NULL, CAI_PLACE_##place, layout, form, &bytes);                             \
        if (CAI_UNLIKELY(address == NULL))                                                                             \
            return name##_default_slow((ca_authority){{0, 0}}, (ca_layout){.size = layout.size, .align = beyond});     \
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
