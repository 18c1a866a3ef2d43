/* An allocator over memory that the caller has: a static array, a page, a piece of the stack. It never asks for more.
 *
 * It hands out the buffer from its start, each block behind the one before. The newest block can be given back, grown
 * and shrunk in place; what older ones give back is free again after ca_fixed_reset, or when all newer ones are gone,
 * too. So blocks that are given back in the reverse order leave nothing behind. All bookkeeping is in the struct; the
 * buffer holds blocks and nothing else, and is not read or written but through them. Not thread-safe. The idea is
 * Howard Hinnant's stack_alloc and Zig's FixedBufferAllocator.
 *
 * It detects: a block outside the buffer (violation invalid-free), and one behind the newest (double-free). Refused,
 * that has changed nothing; grow and shrink then give CA_ERROR_INVALID.
 */
#ifndef CAPALLOC_FIXED_H
#define CAPALLOC_FIXED_H

#include <capalloc/allocator.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Owned by the caller, must stay where it is while trait objects of it are in use; start <= top <= end. */
typedef struct ca_fixed {
    char *start;
    char *top; /* what is free begins here */
    char *end;
} ca_fixed;

/* Over `size` bytes at `buffer`, which the caller owns and keeps for as long as blocks are in use. Any alignment will
 * do; blocks are aligned inside it. NULL, or a size that reaches over the end of the address space, is a buffer of
 * size 0: then there is no room. Contract: A12. */
void ca_fixed_init(ca_fixed *fixed, void *buffer, size_t size);

/* The allocator. Its only error besides those of the trait: CA_ERROR_OUT_OF_MEMORY. Contract: A12. */
ca_allocator ca_fixed_allocator(ca_fixed *fixed);

/* Takes all blocks back at once. Clears nothing: give must-zero blocks back first. */
void ca_fixed_reset(ca_fixed *fixed);

/* Bytes behind the newest block: what a block of alignment 1 could have. */
size_t ca_fixed_remaining(const ca_fixed *fixed);

#ifdef __cplusplus
}
#endif
#endif
