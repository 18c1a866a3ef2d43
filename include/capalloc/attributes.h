/* What the compiler is told about functions, so that it warns of a result that nobody takes and of an access behind a
 * block's end; and casts that neither language's compilers warn of. Each word is true of the function that has it:
 * `malloc` is only said where no other pointer leads to the block, and a size or an alignment where at least so much is
 * given. Nothing here changes what is called.
 */
#ifndef CAPALLOC_ATTRIBUTES_H
#define CAPALLOC_ATTRIBUTES_H

/* A result that is dropped is a block, or a reason, that is lost. Stands first in a declaration, or before the name of
 * a class. Who really wants none of it asks, and drops the answer: (void)ca_is_ok(...). */
#if defined(__cplusplus) && __cplusplus >= 201703L
#define CA_NODISCARD_ [[nodiscard]]
#define CA_NODISCARD_TYPE_ [[nodiscard]]
#elif defined(__GNUC__)
#define CA_NODISCARD_ __attribute__((warn_unused_result))
#else
#define CA_NODISCARD_
#endif
#ifndef CA_NODISCARD_TYPE_
#define CA_NODISCARD_TYPE_
#endif

/* A block of its own, which ends with `deallocate`: gcc pairs the two; clang learns that it is new. */
#if defined(__clang__)
#define CA_FRESH_(deallocate) __attribute__((malloc))
#elif defined(__GNUC__) && __GNUC__ >= 11
#define CA_FRESH_(deallocate) __attribute__((malloc, malloc(deallocate, 1)))
#elif defined(__GNUC__)
#define CA_FRESH_(deallocate) __attribute__((malloc))
#else
#define CA_FRESH_(deallocate)
#endif

/* By the number of a parameter: the bytes of the block are at least this, or the product of two; its address is a
 * multiple of this. And a function that never returns NULL. */
#if defined(__GNUC__)
#define CA_SIZED_(...) __attribute__((alloc_size(__VA_ARGS__)))
#define CA_ALIGNED_(parameter) __attribute__((alloc_align(parameter)))
#define CA_NOT_NULL_ __attribute__((returns_nonnull))
#else
#define CA_SIZED_(...)
#define CA_ALIGNED_(parameter)
#define CA_NOT_NULL_
#endif

/* How a function begins whose body stands in a header. The library has each of them under its name as well, made of
 * this very definition, for languages that cannot read headers. Not for programs to define. */
#ifndef CA_INLINE_
#define CA_INLINE_ static inline
#endif

/* A value of a related type: numbers, enums, void pointers. And an address as a number, a number as an address. */
#ifdef __cplusplus
#define CA_CAST_(type, value) static_cast<type>(value)
#define CA_REINTERPRET_(type, value) reinterpret_cast<type>(value)
#else
#define CA_CAST_(type, value) ((type)(value))
#define CA_REINTERPRET_(type, value) ((type)(value))
#endif

#endif
