/* Blocks that know what must be in them: each is filled with a pattern made of its address and a tag, and its range is
 * claimed in a table of our own, so that a block handed out twice, or over another, is found at once.
 *
 * Called by the threads of stress.c, each for the blocks it holds; claims are atomic.
 */
#ifndef STRESS_BLOCK_H
#define STRESS_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a block comes from and how it goes back. */
enum kind { KIND_MALLOC, KIND_BLOCK, KIND_NOCAPS, KIND_MUSTZERO, KIND_SECRET };

/* Whose block of the heap's own form it is. */
enum heap { HEAP_DEFAULT, HEAP_LIMITED, HEAP_DERIVED, HEAPS };

struct block {
    unsigned char *at; /* NULL: no block */
    size_t size;
    uint64_t seed; /* of the pattern in it */
    enum kind kind;
    enum heap heap;
};

/* Prints the message with seed and thread, and aborts. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The table of claims; once, before the others. */
void block_start(void);

/* Takes possession of memory that was handed out just now: claims its range and fills it. The kind stays. */
void block_own(struct block *block, void *at, size_t size, uint64_t tag);

/* Checks that every byte that was filled is as it was, up to `size`; also for a copy of the block at another
 * address. */
void block_verify(const struct block *block, size_t size);

/* Before the block is given back or resized: verifies it all and releases the claim. */
void block_disown(struct block *block);

/* What calloc promises, and must-zero memory. */
void block_verify_zero(const unsigned char *at, size_t size);

#endif
