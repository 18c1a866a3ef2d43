/* The allocator trait: two words through which any allocator can be used. After Rust's Allocator, with the additions
 * that make intentions expressible: memory without pointers, and memory that is cleared before it is given back.
 *
 * An allocator implements two methods and has them all: what the vtable leaves NULL is provided. Sizes are in bytes.
 * The functions below are as thread-safe as the allocator behind them (CA_PROMISE_THREAD_SAFE), and not
 * async-signal-safe.
 *
 * What they check before a method is called, so that no allocator has to: layouts are valid, grow does not shrink and
 * shrink does not grow (CA_ERROR_LAYOUT), and the layout stated for a block can be that block's. If it cannot, that
 * is the violation size-mismatch (invalid-free for a null pointer); refused, it has changed nothing and is
 * CA_ERROR_INVALID. A trait object without allocate and deallocate allocates nothing: CA_ERROR_INVALID.
 */
#ifndef CAPALLOC_ALLOCATOR_H
#define CAPALLOC_ALLOCATOR_H

#include <capalloc/block.h>
#include <capalloc/layout.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an allocator keeps beyond the trait's own rules (ca_allocator_promises). */
enum {
    CA_PROMISE_NOCAPS_PLACE = 1 << 0,   /* nocaps memory lies apart from memory with pointers */
    CA_PROMISE_MUSTZERO_PLACE = 1 << 1, /* must-zero memory lies apart; free memory there is zero */
    CA_PROMISE_VALIDATES = 1 << 2,      /* misuse is a reported violation */
    CA_PROMISE_THREAD_SAFE = 1 << 3,
};

/* The methods of an allocator; self is the second word of the trait object. Required: allocate, deallocate. The
 * others may be NULL. allocate_mustzero and deallocate_zeroed come together or not at all, and so do the two for
 * nocaps. struct_size is sizeof(ca_allocator_vtable) when the allocator was compiled; methods beyond it are not
 * looked at.
 *
 * What a method may rely on: layouts are valid and of at least 1 byte (size 0 never arrives), and a block that comes
 * back *fits*: its layout has the alignment it was asked for with, its layout's size and its own size are both
 * between what was asked for and what was returned. Contract: A4, A5. */
typedef struct ca_allocator_vtable {
    size_t struct_size;
    unsigned promises; /* CA_PROMISE_ */
    ca_block_result (*allocate)(void *self, ca_layout layout);
    void (*deallocate)(void *self, ca_block block, ca_layout layout);
    ca_block_result (*allocate_zeroed)(void *self, ca_layout layout);
    ca_block_result (*grow)(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout);
    ca_block_result (*grow_zeroed)(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout);
    ca_block_result (*shrink)(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout);
    ca_nocaps_result (*allocate_nocaps)(void *self, ca_layout layout);
    void (*deallocate_nocaps)(void *self, ca_nocaps block, ca_layout layout);
    ca_mustzero_result (*allocate_mustzero)(void *self, ca_layout layout);
    void (*deallocate_zeroed)(void *self, ca_mustzero block, ca_layout layout);
    unsigned (*promises_now)(void *self); /* for those who only know at run time; replaces promises */
    /* The two for secrets come together, or not at all; who has one of the last six has what makes such blocks. */
    ca_secret_result (*allocate_secret)(void *self, ca_layout layout);
    void (*deallocate_secret)(void *self, ca_secret block, ca_layout layout);
    ca_block_result (*allocate_at_least)(void *self, ca_layout layout);
    ca_nocaps_result (*grow_nocaps)(void *self, ca_nocaps block, ca_layout old_layout, ca_layout new_layout);
    ca_nocaps_result (*shrink_nocaps)(void *self, ca_nocaps block, ca_layout old_layout, ca_layout new_layout);
    ca_mustzero_result (*grow_mustzero)(void *self, ca_mustzero block, ca_layout old_layout, ca_layout new_layout);
    ca_mustzero_result (*shrink_mustzero)(void *self, ca_mustzero block, ca_layout old_layout, ca_layout new_layout);
    ca_secret_result (*grow_secret)(void *self, ca_secret block, ca_layout old_layout, ca_layout new_layout);
    ca_secret_result (*shrink_secret)(void *self, ca_secret block, ca_layout old_layout, ca_layout new_layout);
} ca_allocator_vtable;

/* The trait object. A copy is as good as the original; blocks outlive both. Contract: A10. */
typedef struct ca_allocator {
    const ca_allocator_vtable *vtable;
    void *self;
} ca_allocator;

/* A block of at least layout.size bytes, aligned to layout.align, owned by the caller until it is given back or a
 * grow or shrink of it succeeds. Size 0 succeeds without asking the allocator: length 0 and an aligned pointer that
 * must not be followed. Errors: CA_ERROR_LAYOUT (no layout, or more than this allocator can do), and what the
 * allocator says, such as CA_ERROR_OUT_OF_MEMORY. Contract: A1, A2, A3. */
CA_NODISCARD_ ca_block_result ca_allocator_allocate(ca_allocator allocator, ca_layout layout);

/* Gives back a block of this allocator, as it was returned; layout fits it: the alignment it was asked for with, and a
 * size between what was asked for and what was returned. A block of size 0: nothing to do. Contract: A1, A4, A5. */
void ca_allocator_deallocate(ca_allocator allocator, ca_block block, ca_layout layout);

/* ca_allocator_allocate, all of the returned length zero. Contract: A6. */
CA_NODISCARD_ ca_block_result ca_allocator_allocate_zeroed(ca_allocator allocator, ca_layout layout);

/* Makes the block at least new_layout.size >= old_layout.size bytes long and keeps its first old_layout.size bytes;
 * the alignment may change either way. Success kills the old block, even where the address stays; on an error it is
 * the caller's, unaltered. Errors: as for ca_allocator_allocate. Provided: allocates, copies, deallocates. Contract:
 * A7. */
CA_NODISCARD_ ca_block_result ca_allocator_grow(ca_allocator allocator, ca_block block, ca_layout old_layout,
                                                ca_layout new_layout);

/* The same; everything from old_layout.size to the returned length is zero. Contract: A8. */
CA_NODISCARD_ ca_block_result ca_allocator_grow_zeroed(ca_allocator allocator, ca_block block, ca_layout old_layout,
                                                       ca_layout new_layout);

/* Makes the block at least new_layout.size <= old_layout.size bytes long and keeps its first new_layout.size bytes; 0
 * gives it back and returns the dangling one. An alignment that the address lacks moves it, by the allocator's grow,
 * whose errors and rights are then those of this call. Ownership as for grow. A method shrink hears only of alignments
 * that the address has. Provided: moves the bytes into a smaller block, because an allocator may find its own by the
 * layout that comes back; so it can run out of memory, too. Contract: A9, A11. */
CA_NODISCARD_ ca_block_result ca_allocator_shrink(ca_allocator allocator, ca_block block, ca_layout old_layout,
                                                  ca_layout new_layout);

/* Memory that will hold no pointers; given back with ca_allocator_deallocate_nocaps to the same allocator. Provided:
 * as allocate, without a place of its own. From the proposal's Listing 3. Contract: A11, N1. */
CA_NODISCARD_ ca_nocaps_result ca_allocator_allocate_nocaps(ca_allocator allocator, ca_layout layout);
void ca_allocator_deallocate_nocaps(ca_allocator allocator, ca_nocaps block, ca_layout layout);

/* Memory that is zero on arrival and cleared when it goes back, with ca_allocator_deallocate_zeroed to the same
 * allocator and with no other function. Provided: as allocate_zeroed, and cleared by stores that no compiler removes.
 * From the proposal's Listing 4. Contract: A11, Z1, Z2. */
CA_NODISCARD_ ca_mustzero_result ca_allocator_allocate_mustzero(ca_allocator allocator, ca_layout layout);
void ca_allocator_deallocate_zeroed(ca_allocator allocator, ca_mustzero block, ca_layout layout);

/* Both: no pointers, and cleared; given back with ca_allocator_deallocate_secret to the same allocator and with no
 * other function. Provided: as allocate_mustzero is. Contract: A11, Z1, Z2. */
CA_NODISCARD_ ca_secret_result ca_allocator_allocate_secret(ca_allocator allocator, ca_layout layout);
void ca_allocator_deallocate_secret(ca_allocator allocator, ca_secret block, ca_layout layout);

/* ca_allocator_allocate, with whatever room the allocator has to spare for the block; every size from what was asked
 * for to what was returned fits it. Provided: as allocate. Contract: A2, A5. */
CA_NODISCARD_ ca_block_result ca_allocator_allocate_at_least(ca_allocator allocator, ca_layout layout);

/* ca_allocator_grow and ca_allocator_shrink of blocks with an intention, which keep it: what must-zero memory gains is
 * zero, and what it leaves is cleared. Provided: moves the bytes into another block of the same intention. Contract:
 * A7, A9, A11, N5, Z3, Z4. */
CA_NODISCARD_ ca_nocaps_result ca_allocator_grow_nocaps(ca_allocator allocator, ca_nocaps block, ca_layout old_layout,
                                                        ca_layout new_layout);
CA_NODISCARD_ ca_nocaps_result ca_allocator_shrink_nocaps(ca_allocator allocator, ca_nocaps block, ca_layout old_layout,
                                                          ca_layout new_layout);
CA_NODISCARD_ ca_mustzero_result ca_allocator_grow_mustzero(ca_allocator allocator, ca_mustzero block,
                                                            ca_layout old_layout, ca_layout new_layout);
CA_NODISCARD_ ca_mustzero_result ca_allocator_shrink_mustzero(ca_allocator allocator, ca_mustzero block,
                                                              ca_layout old_layout, ca_layout new_layout);
CA_NODISCARD_ ca_secret_result ca_allocator_grow_secret(ca_allocator allocator, ca_secret block, ca_layout old_layout,
                                                        ca_layout new_layout);
CA_NODISCARD_ ca_secret_result ca_allocator_shrink_secret(ca_allocator allocator, ca_secret block, ca_layout old_layout,
                                                          ca_layout new_layout);

/* Which of CA_PROMISE_ this allocator keeps. Contract: A11. */
unsigned ca_allocator_promises(ca_allocator allocator);

/* An allocator that forwards to *allocator, which must outlive it: all its methods, its promises. What *allocator
 * becomes later is what it forwards to. */
ca_allocator ca_by_ref(const ca_allocator *allocator);

#ifdef __cplusplus
}
#endif
#endif
