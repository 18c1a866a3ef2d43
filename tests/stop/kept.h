/* Blocks that are remembered outside the allocator: what they are, how long, what is in them. A child of any stop must
 * find each of them live, with its content, and nobody else's.
 */
#ifndef TESTS_STOP_KEPT_H
#define TESTS_STOP_KEPT_H

#include <capalloc/authority.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind { KIND_MALLOC, KIND_BLOCK, KIND_NOCAPS, KIND_MUSTZERO, KIND_SECRET, KINDS };

struct kept {
    void *at; /* NULL: given back */
    size_t size;
    uint64_t seed;
    enum kind kind;
    bool in_flight; /* what the victim's operation is about: live or not, its content is its own affair */
    void *was_at;   /* of these: where it was before the child gave it back */
};

/* What was kept so far, by all threads; one keeps at a time. */
extern struct kept *kept;
extern unsigned kept_count;

/* Allocates, writes the content, remembers. */
struct kept *keep(enum kind kind, size_t size);
struct kept *keep_by(ca_authority authority, enum kind kind, size_t size);

/* The same for the operand of the operation. */
struct kept *keep_in_flight(enum kind kind, size_t size);

/* A few of every kind and of many sizes, as a thread has that was at work. */
void keep_variety(void);

/* Gives it back. */
void kept_give(struct kept *block);

/* Makes a block of malloc another size. */
void kept_resize(struct kept *block, size_t size);

/* Ends the process with a message (support/child.h) unless every block is live and has its content. */
void kept_verify_all(void);

/* The same unless no two blocks have a byte in common. */
void kept_verify_apart(void);

/* The operands of the operation that the allocator says are live go back. */
void kept_give_in_flight(void);

/* Ends the process unless all that was in flight is live or free: what a lost thread had claimed is nobody's. */
void kept_verify_unclaimed(void);

#endif
