/* The heap's own form: blocks that say what they are, and go back without a layout. What the trait passes along on
 * every call (size, alignment, which allocator) the block's address and the heap's records already say, as a capability
 * would.
 *
 * All functions are thread-safe and not async-signal-safe. On an error or a violation nothing has changed.
 */
#ifndef CAPALLOC_HEAP_H
#define CAPALLOC_HEAP_H

#include <capalloc/allocator.h>
#include <capalloc/authority.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A block of exactly layout.size bytes, aligned to layout.align, owned by the caller until it is given back with
 * ca_deallocate or a grow or shrink succeeds. Errors: CA_ERROR_LAYOUT (no layout), CA_ERROR_OUT_OF_MEMORY,
 * CA_ERROR_QUOTA (the authority, or one that it comes from, has less than that left), CA_ERROR_NOT_PERMITTED (no
 * authority, or none to allocate). Contract: C1, C6, A1, A2. */
CA_NODISCARD_ ca_block_result ca_allocate(ca_authority authority, ca_layout layout);

/* The same, all zero. Memory known to be zero is not cleared again. Contract: C1, A6, Z7. */
CA_NODISCARD_ ca_block_result ca_allocate_zeroed(ca_authority authority, ca_layout layout);

/* The same as ca_allocate, with the spare room of its slot: the block is at least layout.size bytes long. Contract:
 * C1. */
CA_NODISCARD_ ca_block_result ca_allocate_at_least(ca_authority authority, ca_layout layout);

/* Memory that will hold no pointers, in a place of its own that no sweep reads. Errors: as ca_allocate.
 * Contract: C1, N1. */
CA_NODISCARD_ ca_nocaps_result ca_allocate_nocaps(ca_authority authority, ca_layout layout);
CA_NODISCARD_ ca_nocaps_result ca_allocate_nocaps_zeroed(ca_authority authority, ca_layout layout);

/* Memory that is cleared before anyone else sees it, in a place of its own whose free memory is always zero: so it
 * arrives zero without any work. Left out of core dumps. Given back with ca_deallocate_zeroed. Errors: as ca_allocate.
 * Contract: C1, Z1, Z2, Z6. */
CA_NODISCARD_ ca_mustzero_result ca_allocate_mustzero(ca_authority authority, ca_layout layout);

/* Both: no pointers, and cleared. Errors: as ca_allocate. Contract: C1. */
CA_NODISCARD_ ca_secret_result ca_allocate_secret(ca_authority authority, ca_layout layout);

/* ca_deallocate(block): gives a ca_block, ca_nocaps or ca_wiped back. It must be the start of a live block of the
 * type's place with exactly its current size; anything else is a violation. Size 0: nothing to do. Contract: C2, Z1,
 * Z9. */
void ca_block_deallocate(ca_block block);
void ca_nocaps_deallocate(ca_nocaps block);
void ca_wiped_deallocate(ca_wiped block);

/* ca_deallocate_zeroed(block): clears the whole slot of a ca_mustzero or ca_secret by stores that no compiler removes,
 * then gives it back. Contract: C2, Z2. */
void ca_mustzero_deallocate_zeroed(ca_mustzero block);
void ca_secret_deallocate_zeroed(ca_secret block);

/* ca_wipe(&block): clears a ca_mustzero or ca_secret now and hands it over as ca_wiped; the source becomes empty (null
 * pointer). A violation leaves the source as it is and returns an empty ca_wiped. Nobody may write to it from here on:
 * it is not cleared again when it goes back; only secrets are looked at, and in debug builds all. What was written all
 * the same never reaches another heap. Contract: Z9, Z11. */
CA_NODISCARD_ ca_wiped ca_mustzero_wipe(ca_mustzero *block);
CA_NODISCARD_ ca_wiped ca_secret_wipe(ca_secret *block);

/* ca_assume_zero(authority, &block): the same of a ca_mustzero or ca_secret that is still zero, or zero again, without
 * clearing it: the caller's word is taken, for the bytes of the block and no more (the rest of its slot is cleared).
 * Needs the right CA_RIGHT_CLAIM_ZERO over the block's heap; without it, the violation `denied`. Of a ca_secret, and in
 * debug builds of any block, the word is not taken but looked into: `not-wiped`. A violation leaves the source as it is
 * and returns an empty ca_wiped. What is said falsely harms nobody but the heap where it was said: before the memory
 * leaves it, it is looked at, and cleared. Contract: Z9, Z11. */
CA_NODISCARD_ ca_wiped ca_mustzero_assume_zero(ca_authority authority, ca_mustzero *block);
CA_NODISCARD_ ca_wiped ca_secret_assume_zero(ca_authority authority, ca_secret *block);

/* The opposite of ca_wipe and ca_assume_zero: the wiped block is a ca_mustzero, or a ca_secret, again, still zero; the
 * source becomes empty. Which of the two it was the block knows: the wrong one is the violation `wrong-deallocator`,
 * changes nothing, and returns an empty block. Contract: Z9. */
CA_NODISCARD_ ca_mustzero ca_mustzero_reuse(ca_wiped *wiped);
CA_NODISCARD_ ca_secret ca_secret_reuse(ca_wiped *wiped);

/* Gives an ordinary block back of which the caller knows that all its bytes are zero, so that a later zeroed allocation
 * of the same heap need not clear it. The right, and what happens to a false word, as for ca_assume_zero; a violation
 * leaves the block with the caller. From another thread than the block's, and for blocks above 1 MiB, the knowledge is
 * lost. Contract: Z9, Z11, Z7. */
void ca_deallocate_known_zero(ca_authority authority, ca_block block);

/* ca_shrink(block, layout): makes the block layout.size <= its size bytes long, in place; 0 gives it back. The cut-off
 * tail of must-zero memory is cleared. CA_ERROR_LAYOUT: a larger size, or an alignment that the address lacks.
 * Contract: C3, A9, Z4. */
CA_NODISCARD_ ca_block_result ca_block_shrink(ca_block block, ca_layout layout);
CA_NODISCARD_ ca_nocaps_result ca_nocaps_shrink(ca_nocaps block, ca_layout layout);
CA_NODISCARD_ ca_mustzero_result ca_mustzero_shrink(ca_mustzero block, ca_layout layout);
CA_NODISCARD_ ca_secret_result ca_secret_shrink(ca_secret block, ca_layout layout);

/* ca_grow(authority, block, layout): makes the block layout.size >= its size bytes long, moving it when necessary.
 * Success kills the old block; must-zero memory that moves is cleared where it was, and what is added to it is zero.
 * Errors leave the block as it is: CA_ERROR_LAYOUT, CA_ERROR_OUT_OF_MEMORY, CA_ERROR_QUOTA (as for ca_allocate),
 * CA_ERROR_NOT_PERMITTED (the authority lacks the right to grow), CA_ERROR_INVALID or CA_ERROR_STALE after a refused
 * violation. In C, ca_grow and ca_shrink want an
 * authority or a block that is a compound literal in parentheses; a layout needs none. Contract: C4, A7, Z3. */
CA_NODISCARD_ ca_block_result ca_block_grow(ca_authority authority, ca_block block, ca_layout layout);
CA_NODISCARD_ ca_nocaps_result ca_nocaps_grow(ca_authority authority, ca_nocaps block, ca_layout layout);
CA_NODISCARD_ ca_mustzero_result ca_mustzero_grow(ca_authority authority, ca_mustzero block, ca_layout layout);
CA_NODISCARD_ ca_secret_result ca_secret_grow(ca_authority authority, ca_secret block, ca_layout layout);

/* ca_grow_zeroed(authority, block, layout): the same; everything that is added is zero. Contract: C4, A8. */
CA_NODISCARD_ ca_block_result ca_block_grow_zeroed(ca_authority authority, ca_block block, ca_layout layout);
CA_NODISCARD_ ca_nocaps_result ca_nocaps_grow_zeroed(ca_authority authority, ca_nocaps block, ca_layout layout);
CA_NODISCARD_ ca_mustzero_result ca_mustzero_grow_zeroed(ca_authority authority, ca_mustzero block, ca_layout layout);
CA_NODISCARD_ ca_secret_result ca_secret_grow_zeroed(ca_authority authority, ca_secret block, ca_layout layout);

/* ca_check(block): CA_OK when giving the block back would be accepted; CA_ERROR_STALE: it was given back;
 * CA_ERROR_INVALID: no such block, another type's, or another size. Reports nothing, changes nothing. Contract: C2. */
CA_NODISCARD_ ca_error ca_block_check(ca_block block);
CA_NODISCARD_ ca_error ca_nocaps_check(ca_nocaps block);
CA_NODISCARD_ ca_error ca_mustzero_check(ca_mustzero block);
CA_NODISCARD_ ca_error ca_secret_check(ca_secret block);
CA_NODISCARD_ ca_error ca_wiped_check(ca_wiped block);

/* The heap as a trait object, for code that works with any allocator. Its errors are those of ca_allocate and ca_grow.
 * Blocks are exactly as long as asked for, but from ca_allocator_allocate_at_least, which hands out the whole slot;
 * grown or shrunk, those are exact again. Contract: A5, A12. */
ca_allocator ca_heap_allocator(ca_authority authority);

/* --- constant sizes ---
 * Where the compiler knows the size of a ca_block, from 17 to 512 bytes, it works out the size class and the record of
 * the exact size, and the library has less to do: an allocation and its deallocation then cost no more than malloc and
 * free. The classes up to 512 bytes are therefore part of the ABI. Nothing here is for calling by hand. */
#define CA_HINT_CLASS_(size) ((size) <= 256 ? (((size) + 15) / 16) : (((size) + 31) / 32 + 8))
#define CA_HINT_SLOT_(size) ((size) <= 256 ? ((size) + 15) / 16 * 16 : ((size) + 31) / 32 * 32)
#define CA_HINT_(size) CA_CAST_(size_t, CA_HINT_CLASS_(size) | (0x80 + CA_HINT_SLOT_(size) - (size)) << 8)
/* What ca_allocate and ca_deallocate call for constant sizes. The hint says the size; a result that has a pointer says
 * nothing about it. */
CA_NODISCARD_ ca_block_result ca_block_allocate_hinted_(ca_authority authority, size_t hint);
void ca_block_deallocate_hinted_(void *address, size_t hint);

#if defined(__GNUC__) && defined(__OPTIMIZE__)
/* ca_allocate with the size class worked out where the layout is constant. */
CA_NODISCARD_ __attribute__((always_inline)) static inline ca_block_result
ca_block_allocate_inline_(ca_authority authority, ca_layout layout)
{
    if (__builtin_constant_p(layout.size) && __builtin_constant_p(layout.align) && layout.size > 16 &&
        layout.size <= 512 &&
        (layout.align == 1 || layout.align == 2 || layout.align == 4 || layout.align == 8 || layout.align == 16)) {
        ca_block_result result = ca_block_allocate_hinted_(authority, CA_HINT_(layout.size));
        if (result.ptr != NULL)
            result.size_or_error = layout.size; /* so that the compiler knows it on the way back, too */
        return result;
    }
    return ca_allocate(authority, layout);
}

/* ca_deallocate of a ca_block, the same. */
__attribute__((always_inline)) static inline void ca_block_deallocate_inline_(ca_block block)
{
    if (__builtin_constant_p(block.size) && block.size > 16 && block.size <= 512)
        ca_block_deallocate_hinted_(block.ptr, CA_HINT_(block.size));
    else
        ca_block_deallocate(block);
}
#define ca_allocate(...) ca_block_allocate_inline_(__VA_ARGS__)
#else
#define ca_block_deallocate_inline_ ca_block_deallocate
#endif

/* As in block.h, for calls with one argument, a block and a layout, an authority in front of both or of a block. */
#define CA_REMEDIES_(what)                                                                                             \
    void ca_call_##what##_(ca_remedy_##what##_ block);                                                                 \
    ca_block_result ca_call_##what##_shrink_(ca_remedy_##what##_ block, ca_layout layout);                             \
    ca_block_result ca_call_##what##_grow_(ca_authority authority, ca_remedy_##what##_ block, ca_layout layout);       \
    ca_wiped ca_call_##what##_assume_(ca_authority authority, ca_remedy_##what##_ block);
/* The same for all that this header refuses. */
CA_REMEDY_(give_it_back_with_ca_deallocate_zeroed)
CA_REMEDY_(give_it_back_with_ca_deallocate)
CA_REMEDY_(a_wiped_block_can_only_be_given_back)
CA_REMEDY_(only_ca_mustzero_and_ca_secret_can_be_wiped)
CA_REMEDY_(write_the_address_of_the_block)
CA_REMEDY_(not_a_block)
CA_REMEDIES_(take_the_block_out_with_ca_unwrap_first)
CA_REMEDIES_(a_wiped_block_can_only_be_given_back)
CA_REMEDIES_(not_a_block)
CA_REMEDIES_(only_ca_mustzero_and_ca_secret_can_be_wiped)
CA_REMEDIES_(write_the_address_of_the_block)
#undef CA_REMEDIES_

#ifdef __cplusplus
} /* extern "C" */

#define CA_OVERLOADS_(type)                                                                                            \
    CA_NODISCARD_ static inline type##_result ca_shrink(type block, ca_layout layout)                                  \
    {                                                                                                                  \
        return type##_shrink(block, layout);                                                                           \
    }                                                                                                                  \
    CA_NODISCARD_ static inline type##_result ca_grow(ca_authority authority, type block, ca_layout layout)            \
    {                                                                                                                  \
        return type##_grow(authority, block, layout);                                                                  \
    }                                                                                                                  \
    CA_NODISCARD_ static inline type##_result ca_grow_zeroed(ca_authority authority, type block, ca_layout layout)     \
    {                                                                                                                  \
        return type##_grow_zeroed(authority, block, layout);                                                           \
    }                                                                                                                  \
    CA_NODISCARD_ static inline ca_error ca_check(type block)                                                          \
    {                                                                                                                  \
        return type##_check(block);                                                                                    \
    }
/* ca_shrink, ca_grow, ca_grow_zeroed and ca_check in C++: overloads. */
CA_OVERLOADS_(ca_block)
CA_OVERLOADS_(ca_nocaps)
CA_OVERLOADS_(ca_mustzero)
CA_OVERLOADS_(ca_secret)
#undef CA_OVERLOADS_

/* ca_deallocate, ca_deallocate_zeroed and ca_wipe in C++: overloads. */
static inline void ca_deallocate(ca_block block)
{
    ca_block_deallocate_inline_(block);
}

/* The same. */
static inline void ca_deallocate(ca_nocaps block)
{
    ca_nocaps_deallocate(block);
}

/* The same. */
static inline void ca_deallocate(ca_wiped block)
{
    ca_wiped_deallocate(block);
}

/* The same. */
static inline void ca_deallocate_zeroed(ca_mustzero block)
{
    ca_mustzero_deallocate_zeroed(block);
}

/* The same. */
static inline void ca_deallocate_zeroed(ca_secret block)
{
    ca_secret_deallocate_zeroed(block);
}

/* The same. */
CA_NODISCARD_ static inline ca_wiped ca_wipe(ca_mustzero *block)
{
    return ca_mustzero_wipe(block);
}

/* The same. */
CA_NODISCARD_ static inline ca_wiped ca_wipe(ca_secret *block)
{
    return ca_secret_wipe(block);
}

/* ca_assume_zero and ca_check of wiped blocks: the same. */
CA_NODISCARD_ static inline ca_wiped ca_assume_zero(ca_authority authority, ca_mustzero *block)
{
    return ca_mustzero_assume_zero(authority, block);
}

/* The same. */
CA_NODISCARD_ static inline ca_wiped ca_assume_zero(ca_authority authority, ca_secret *block)
{
    return ca_secret_assume_zero(authority, block);
}

/* The same. */
CA_NODISCARD_ static inline ca_error ca_check(ca_wiped block)
{
    return ca_wiped_check(block);
}

/* What these do not take, with the remedy in the place of a second argument that nobody writes. */
void ca_deallocate(ca_mustzero, ca_remedy_give_it_back_with_ca_deallocate_zeroed_ = {}) = delete;
void ca_deallocate(ca_secret, ca_remedy_give_it_back_with_ca_deallocate_zeroed_ = {}) = delete;
void ca_deallocate_zeroed(ca_block, ca_remedy_give_it_back_with_ca_deallocate_ = {}) = delete;
void ca_deallocate_zeroed(ca_nocaps, ca_remedy_give_it_back_with_ca_deallocate_ = {}) = delete;
void ca_deallocate_zeroed(ca_wiped, ca_remedy_give_it_back_with_ca_deallocate_ = {}) = delete;
void ca_shrink(ca_wiped, ca_layout, ca_remedy_a_wiped_block_can_only_be_given_back_ = {}) = delete;
void ca_grow(ca_authority, ca_wiped, ca_layout, ca_remedy_a_wiped_block_can_only_be_given_back_ = {}) = delete;
void ca_grow_zeroed(ca_authority, ca_wiped, ca_layout, ca_remedy_a_wiped_block_can_only_be_given_back_ = {}) = delete;
void ca_assume_zero(ca_authority, ca_wiped *, ca_remedy_a_wiped_block_can_only_be_given_back_ = {}) = delete;
void ca_assume_zero(ca_authority, ca_block *, ca_remedy_only_ca_mustzero_and_ca_secret_can_be_wiped_ = {}) = delete;
void ca_assume_zero(ca_authority, ca_nocaps *, ca_remedy_only_ca_mustzero_and_ca_secret_can_be_wiped_ = {}) = delete;
void ca_wipe(ca_wiped *, ca_remedy_a_wiped_block_can_only_be_given_back_ = {}) = delete;
void ca_wipe(ca_block *, ca_remedy_only_ca_mustzero_and_ca_secret_can_be_wiped_ = {}) = delete;
void ca_wipe(ca_nocaps *, ca_remedy_only_ca_mustzero_and_ca_secret_can_be_wiped_ = {}) = delete;
#define CA_UNWRAP_FIRST_(type)                                                                                         \
    void ca_deallocate(type##_result, ca_remedy_take_the_block_out_with_ca_unwrap_first_ = {}) = delete;               \
    void ca_deallocate_zeroed(type##_result, ca_remedy_take_the_block_out_with_ca_unwrap_first_ = {}) = delete;        \
    void ca_shrink(type##_result, ca_layout, ca_remedy_take_the_block_out_with_ca_unwrap_first_ = {}) = delete;        \
    void ca_grow(ca_authority, type##_result, ca_layout, ca_remedy_take_the_block_out_with_ca_unwrap_first_ = {}) =    \
        delete;                                                                                                        \
    void ca_grow_zeroed(ca_authority, type##_result, ca_layout,                                                        \
                        ca_remedy_take_the_block_out_with_ca_unwrap_first_ = {}) = delete;                             \
    void ca_check(type##_result, ca_remedy_take_the_block_out_with_ca_unwrap_first_ = {}) = delete;
/* The same. */
CA_UNWRAP_FIRST_(ca_block)
CA_UNWRAP_FIRST_(ca_nocaps)
CA_UNWRAP_FIRST_(ca_mustzero)
CA_UNWRAP_FIRST_(ca_secret)
#undef CA_UNWRAP_FIRST_
#else

/* The first and the second of several arguments. The commas of a compound literal separate arguments here: that is why
 * an authority or a block must not be one without parentheses, and why the layout, the last, may. */
#define CA_FIRST_(first, ...) first
#define CA_SECOND_(first, second, ...) second

/* Chooses by the type of a block. call: what the remedy is called with. */
#define CA_BY_BLOCK_(block, operation, call)                                                                           \
    _Generic((block), ca_block                                                                                         \
             : ca_block_##operation, ca_nocaps                                                                         \
             : ca_nocaps_##operation, ca_mustzero                                                                      \
             : ca_mustzero_##operation, ca_secret                                                                      \
             : ca_secret_##operation, ca_wiped                                                                         \
             : ca_call_a_wiped_block_can_only_be_given_back_##call,                                                    \
               CA_FOR_RESULTS_(ca_call_take_the_block_out_with_ca_unwrap_first_##call), default                        \
             : ca_call_not_a_block_##call)

#define ca_deallocate(...)                                                                                             \
    _Generic((__VA_ARGS__), ca_block                                                                                   \
             : ca_block_deallocate_inline_, ca_nocaps                                                                  \
             : ca_nocaps_deallocate, ca_wiped                                                                          \
             : ca_wiped_deallocate, ca_mustzero                                                                        \
             : ca_call_give_it_back_with_ca_deallocate_zeroed_, ca_secret                                              \
             : ca_call_give_it_back_with_ca_deallocate_zeroed_,                                                        \
               CA_FOR_RESULTS_(ca_call_take_the_block_out_with_ca_unwrap_first_), default                              \
             : ca_call_not_a_block_)(__VA_ARGS__)
#define ca_deallocate_zeroed(...)                                                                                      \
    _Generic((__VA_ARGS__), ca_mustzero                                                                                \
             : ca_mustzero_deallocate_zeroed, ca_secret                                                                \
             : ca_secret_deallocate_zeroed, ca_block                                                                   \
             : ca_call_give_it_back_with_ca_deallocate_, ca_nocaps                                                     \
             : ca_call_give_it_back_with_ca_deallocate_, ca_wiped                                                      \
             : ca_call_give_it_back_with_ca_deallocate_,                                                               \
               CA_FOR_RESULTS_(ca_call_take_the_block_out_with_ca_unwrap_first_), default                              \
             : ca_call_not_a_block_)(__VA_ARGS__)
/* Chooses by the type of the address of a block that is to be zero. */
#define CA_BY_ADDRESS_(address, operation, call)                                                                       \
    _Generic((address), ca_mustzero *                                                                                  \
             : ca_mustzero_##operation, ca_secret *                                                                    \
             : ca_secret_##operation, ca_wiped *                                                                       \
             : ca_call_a_wiped_block_can_only_be_given_back_##call,                                                    \
               CA_FOR_BLOCKS_(ca_call_write_the_address_of_the_block_##call), default                                  \
             : ca_call_only_ca_mustzero_and_ca_secret_can_be_wiped_##call)
#define ca_wipe(...) CA_BY_ADDRESS_((__VA_ARGS__), wipe, )(__VA_ARGS__)
#define ca_assume_zero(...) CA_BY_ADDRESS_(CA_SECOND_(__VA_ARGS__, 0), assume_zero, assume_)(__VA_ARGS__)
#define ca_check(...)                                                                                                  \
    _Generic((__VA_ARGS__), ca_wiped : ca_wiped_check, default : CA_BY_BLOCK_((__VA_ARGS__), check, ))(__VA_ARGS__)
#define ca_shrink(...) CA_BY_BLOCK_(CA_FIRST_(__VA_ARGS__, 0), shrink, shrink_)(__VA_ARGS__)
#define ca_grow(...) CA_BY_BLOCK_(CA_SECOND_(__VA_ARGS__, 0), grow, grow_)(__VA_ARGS__)
#define ca_grow_zeroed(...) CA_BY_BLOCK_(CA_SECOND_(__VA_ARGS__, 0), grow_zeroed, grow_)(__VA_ARGS__)
#endif

#endif
