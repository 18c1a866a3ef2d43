/* What this code asks of the compiler, under names that say why.
 *
 * gcc >= 12 and clang >= 14 understand all of it. Nothing here has an effect on what a program means.
 */
#ifndef CAI_BASE_COMPILER_H
#define CAI_BASE_COMPILER_H

#define CAI_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define CAI_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* The slow half of a fast path: kept out of line and out of the hot cache lines. */
#define CAI_COLD __attribute__((noinline, cold))
#define CAI_NOINLINE __attribute__((noinline))
/* Not inlined, and with the arguments of the declaration: not specialized for what its callers pass. */
#if defined(__clang__)
#define CAI_AS_CALLED __attribute__((noinline))
#else
#define CAI_AS_CALLED __attribute__((noipa))
#endif
#define CAI_INLINE static inline __attribute__((always_inline))

/* Reads state bytes 16 at a time while others change single ones; what it finds it looks at again, atomically. */
#define CAI_NO_TSAN __attribute__((no_sanitize("thread")))
/* Reads what no variable of the program is: registers that were saved on a stack. */
#define CAI_UNSEEN __attribute__((no_sanitize("address"), no_sanitize("thread")))

/* Whether that is on: it does not know a store of two bytes that others read one by one. */
#if defined(__SANITIZE_THREAD__)
#define CAI_TSAN 1
#elif defined(__has_feature)
#define CAI_TSAN __has_feature(thread_sanitizer)
#else
#define CAI_TSAN 0
#endif

#define CAI_EXPORT __attribute__((visibility("default")))

/* On a declaration: found by its distance from the code, not by way of a table that has to be relocated first. The
 * linker sees to that on x86-64, elsewhere only the compiler can. */
#define CAI_HIDDEN __attribute__((visibility("hidden")))

enum { CAI_CACHE_LINE = 64 };

#endif
