/* Adapters: allocators in front of another one, *inner*, which must outlive them: a budget, counters, failures on
 * purpose.
 *
 * The caller owns the struct, which must stay where it is while trait objects of it are in use; its content is
 * nobody's business but the functions' below. Nothing has to be torn down. All of it is thread-safe when inner is,
 * except the _init functions, and not async-signal-safe. Sizes are in bytes. The idea is that of composable
 * allocators, as Andrei Alexandrescu's allocator building blocks and Rust's Allocator wrappers have it.
 *
 * ca_limit and ca_counting hand out exactly the length that was asked for, also where inner had room to spare, so
 * that what is counted out is what comes back in. They believe a block that comes back: giving back one that is not
 * theirs is seen by inner at most, and spoils their count. So they do not make CA_PROMISE_VALIDATES. Other promises
 * are inner's.
 */
#ifndef CAPALLOC_ADAPTERS_H
#define CAPALLOC_ADAPTERS_H

#include <capalloc/allocator.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A budget in front of an allocator. */
typedef struct ca_limit {
    ca_allocator inner;
    size_t budget;
    size_t used; /* atomic; never above budget */
} ca_limit;

/* At most `budget` bytes out at any time; what would exceed that fails with CA_ERROR_QUOTA and charges nothing.
 * Charged is what was asked for, from the allocation until it is given back. A grow is charged the difference, also
 * where inner needs both blocks for a moment. The budget is never exceeded, with any number of threads; a call that
 * inner then fails has held its charge meanwhile, which another thread can run into. Contract: A12. */
void ca_limit_init(ca_limit *limit, ca_allocator inner, size_t budget);

/* The allocator with the budget. Contract: A12. */
ca_allocator ca_limit_allocator(ca_limit *limit);

/* Bytes charged now. */
size_t ca_limit_used(const ca_limit *limit);

/* The methods of the trait, as indices. */
typedef enum ca_method {
    CA_METHOD_ALLOCATE,
    CA_METHOD_DEALLOCATE,
    CA_METHOD_ALLOCATE_ZEROED,
    CA_METHOD_GROW,
    CA_METHOD_GROW_ZEROED,
    CA_METHOD_SHRINK,
    CA_METHOD_ALLOCATE_NOCAPS,
    CA_METHOD_DEALLOCATE_NOCAPS,
    CA_METHOD_ALLOCATE_MUSTZERO,
    CA_METHOD_DEALLOCATE_ZEROED,
    CA_METHODS,
    CA_METHOD_MAKE_32_BITS = 0x7fffffff
} ca_method;

/* What ca_counting_read tells. The caller sets struct_size; fields beyond it are not written. Calls for secret memory
 * count as those for must-zero memory, and grow and shrink with an intention as those without. */
typedef struct ca_counts {
    size_t struct_size;
    uint64_t live_bytes;           /* asked for and not given back */
    uint64_t live_bytes_peak;      /* the most that ever was */
    uint64_t live_blocks;          /* number of those */
    uint64_t calls[CA_METHODS];    /* of each ca_method, failed ones included */
    uint64_t failures[CA_METHODS]; /* those of them that gave an error */
} ca_counts;

/* Counters in front of an allocator. */
typedef struct ca_counting {
    ca_allocator inner;
    ca_counts counts; /* atomic, each field for itself */
} ca_counting;

/* Counts from 0. Calls that the trait answers without asking an allocator (size 0, no layout) are not counted, and a
 * shrink to 0 is a deallocation. Contract: A12. */
void ca_counting_init(ca_counting *counting, ca_allocator inner);

/* The allocator with the counters. Contract: A12. */
ca_allocator ca_counting_allocator(ca_counting *counting);

/* Fills *out up to out->struct_size bytes. Other threads may be at work; then the numbers are of slightly different
 * times. */
void ca_counting_read(const ca_counting *counting, ca_counts *out);

/* Failures on purpose in front of an allocator. */
typedef struct ca_failing {
    ca_allocator inner;
    uint64_t calls;       /* atomic */
    uint64_t failures;    /* atomic */
    uint64_t fail_at;     /* atomic; the number of the call that fails, 0: none */
    uint64_t seed;        /* atomic */
    uint32_t per_million; /* atomic; how likely every other call fails */
} ca_failing;

/* Fails nothing yet. What can fail are the calls that can give an error: allocate, grow and shrink in all their forms,
 * counted together. One that fails does not reach inner: CA_ERROR_OUT_OF_MEMORY. All promises are inner's.
 * Contract: A12. */
void ca_failing_init(ca_failing *failing, ca_allocator inner);

/* The n-th call from now on fails, 1 being the next; 0: none. Replaces an earlier one. */
void ca_failing_nth(ca_failing *failing, uint64_t n);

/* Each call fails with this probability; 0: none. Which ones is decided by the seed and the number of the call alone,
 * so that a run with one thread can be repeated. */
void ca_failing_chance(ca_failing *failing, uint32_t per_million, uint64_t seed);

/* Calls that could have failed, and those that were made to. */
uint64_t ca_failing_calls(const ca_failing *failing);
uint64_t ca_failing_failures(const ca_failing *failing);

/* The allocator that fails. Contract: A12. */
ca_allocator ca_failing_allocator(ca_failing *failing);

#ifdef __cplusplus
}
#endif
#endif
