/* Blocks: memory that its caller owns, one type for each intention, and the results that bring them.
 *
 *     type          may hold pointers   must be zero before it is given back
 *     ca_block      yes                 no
 *     ca_nocaps     no                  no
 *     ca_mustzero   yes                 yes
 *     ca_secret     no                  yes
 *
 * The types are distinct, so that the compiler refuses to give one back as another. A block is a value: copying it does
 * not copy the memory, and after it was given back, every copy is dead. From the proposal that allocation APIs should
 * be intentional (NoCaps, MustZero), after Rust's NonNull<[u8]>.
 */
#ifndef CAPALLOC_BLOCK_H
#define CAPALLOC_BLOCK_H

#include <capalloc/attributes.h>
#include <capalloc/error.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ordinary memory: may hold pointers, comes back as it is. size in bytes. A block of size 0 has an aligned, non-null
 * pointer that must not be followed. */
typedef struct ca_block {
    void *ptr;
    size_t size;
} ca_block;

/* Memory that will hold no pointers. Storing one there hides it from revocation. Contract: N1. */
typedef struct ca_nocaps {
    void *ptr;
    size_t size;
} ca_nocaps;

/* Memory that must be cleared before anyone else sees it; zero on arrival. Contract: Z1 to Z9. */
typedef struct ca_mustzero {
    void *ptr;
    size_t size;
} ca_mustzero;

/* Both: no pointers, and cleared. For keys and passwords. */
typedef struct ca_secret {
    void *ptr;
    size_t size;
} ca_secret;

/* A must-zero or secret block that has been cleared by ca_wipe and can only be given back. Contract: Z9. */
typedef struct ca_wiped {
    void *ptr;
    size_t size;
} ca_wiped;

/* A block or the reason why there is none. ptr NULL: size_or_error is a ca_error; otherwise it is the size. 16 bytes,
 * which travel in two registers. Look with ca_is_ok, take with ca_unwrap. */
typedef struct ca_block_result {
    void *ptr;
    size_t size_or_error;
} ca_block_result;

/* The same for memory without pointers. */
typedef struct ca_nocaps_result {
    void *ptr;
    size_t size_or_error;
} ca_nocaps_result;

/* The same for must-zero memory. */
typedef struct ca_mustzero_result {
    void *ptr;
    size_t size_or_error;
} ca_mustzero_result;

/* The same for secrets. */
typedef struct ca_secret_result {
    void *ptr;
    size_t size_or_error;
} ca_secret_result;

/* Reports the violation unwrap-error; returns only when a handler refused the call. What ca_unwrap calls. */
void ca_unwrap_failed(ca_error error);

/* CA_RESULT_(type): the three operations on its result; see the generic names below. */
#define CA_RESULT_(type)                                                                                               \
    CA_INLINE_ bool type##_is_ok(type##_result result)                                                                 \
    {                                                                                                                  \
        return result.ptr != NULL;                                                                                     \
    }                                                                                                                  \
    CA_INLINE_ ca_error type##_error_of(type##_result result)                                                          \
    {                                                                                                                  \
        return result.ptr != NULL ? CA_OK : CA_CAST_(ca_error, result.size_or_error);                                  \
    }                                                                                                                  \
    CA_NODISCARD_ CA_INLINE_ type type##_unwrap(type##_result result)                                                  \
    {                                                                                                                  \
        type block;                                                                                                    \
        if (result.ptr == NULL)                                                                                        \
            ca_unwrap_failed(CA_CAST_(ca_error, result.size_or_error));                                                \
        block.ptr = result.ptr;                                                                                        \
        block.size = result.ptr != NULL ? result.size_or_error : 0;                                                    \
        return block;                                                                                                  \
    }
/* ca_block_is_ok, ca_block_error_of, ca_block_unwrap, and the same for the other three. */
CA_RESULT_(ca_block)
CA_RESULT_(ca_nocaps)
CA_RESULT_(ca_mustzero)
CA_RESULT_(ca_secret)
#undef CA_RESULT_

/* What a compiler says of an argument of the wrong type: that it is none of the type that is named by what to do. No
 * such function exists. */
#define CA_REMEDY_(what)                                                                                               \
    typedef struct ca_remedy_##what##_ {                                                                               \
        char none;                                                                                                     \
    } ca_remedy_##what##_;                                                                                             \
    void ca_call_##what##_(ca_remedy_##what##_ argument);
CA_REMEDY_(take_the_block_out_with_ca_unwrap_first)
CA_REMEDY_(this_is_the_block_already_and_no_result)
CA_REMEDY_(not_the_result_of_an_allocation)

#ifdef __cplusplus
} /* extern "C" */
static_assert(sizeof(ca_block_result) == 2 * sizeof(void *), "results travel in two registers");
#define CA_RESULT_(type)                                                                                               \
    static inline bool ca_is_ok(type##_result result)                                                                  \
    {                                                                                                                  \
        return type##_is_ok(result);                                                                                   \
    }                                                                                                                  \
    static inline ca_error ca_error_of(type##_result result)                                                           \
    {                                                                                                                  \
        return type##_error_of(result);                                                                                \
    }                                                                                                                  \
    CA_NODISCARD_ static inline type ca_unwrap(type##_result result)                                                   \
    {                                                                                                                  \
        return type##_unwrap(result);                                                                                  \
    }
/* ca_is_ok, ca_error_of and ca_unwrap in C++: overloads. */
CA_RESULT_(ca_block)
CA_RESULT_(ca_nocaps)
CA_RESULT_(ca_mustzero)
CA_RESULT_(ca_secret)
#undef CA_RESULT_

/* Of a block there is nothing to unwrap. */
void ca_unwrap(ca_block, ca_remedy_this_is_the_block_already_and_no_result_ = {}) = delete;
void ca_unwrap(ca_nocaps, ca_remedy_this_is_the_block_already_and_no_result_ = {}) = delete;
void ca_unwrap(ca_mustzero, ca_remedy_this_is_the_block_already_and_no_result_ = {}) = delete;
void ca_unwrap(ca_secret, ca_remedy_this_is_the_block_already_and_no_result_ = {}) = delete;
#else
/* The same. */
_Static_assert(sizeof(ca_block_result) == 2 * sizeof(void *), "results travel in two registers");

/* Associations of _Generic that all lead to one function: for the types of blocks, and for those of results. */
#define CA_FOR_BLOCKS_(function)                                                                                       \
    ca_block:                                                                                                          \
    function, ca_nocaps : function, ca_mustzero : function, ca_secret : function, ca_wiped : function
#define CA_FOR_RESULTS_(function)                                                                                      \
    ca_block_result:                                                                                                   \
    function, ca_nocaps_result : function, ca_mustzero_result : function, ca_secret_result : function

/* Chooses by the type of a result. Variadic, because a compound literal has commas. */
#define CA_BY_RESULT_(operation, ...)                                                                                  \
    _Generic((__VA_ARGS__), ca_block_result                                                                            \
             : ca_block_##operation, ca_nocaps_result                                                                  \
             : ca_nocaps_##operation, ca_mustzero_result                                                               \
             : ca_mustzero_##operation, ca_secret_result                                                               \
             : ca_secret_##operation, CA_FOR_BLOCKS_(ca_call_this_is_the_block_already_and_no_result_), default        \
             : ca_call_not_the_result_of_an_allocation_)(__VA_ARGS__)

/* bool ca_is_ok(result): there is a block. */
#define ca_is_ok(...) CA_BY_RESULT_(is_ok, __VA_ARGS__)

/* ca_error ca_error_of(result): CA_OK when there is a block. */
#define ca_error_of(...) CA_BY_RESULT_(error_of, __VA_ARGS__)

/* The block of a result. There being none is the violation unwrap-error; when a handler refuses it, an empty block with
 * a null pointer. */
#define ca_unwrap(...) CA_BY_RESULT_(unwrap, __VA_ARGS__)
#endif

#endif
