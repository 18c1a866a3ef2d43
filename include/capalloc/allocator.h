/* The allocator trait: two words through which any allocator can be used. After Rust's Allocator, with the additions that
 * make intentions expressible: memory without pointers, and memory that is cleared before it is given back.
 *
 * An allocator implements two methods and has them all: what the vtable leaves NULL is provided. The functions below are
 * as thread-safe as the allocator behind them.
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

/* The methods of an allocator; self is the second word of the trait object. Required: allocate, deallocate. The others may
 * be NULL. struct_size is sizeof(ca_allocator_vtable) at the time the allocator was compiled. Layouts are valid when a
 * method is called; blocks *fit* theirs: same alignment, size between the one asked for and the one returned. */
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
} ca_allocator_vtable;

/* The trait object. A copy is as good as the original; blocks outlive both. Contract: A10. */
typedef struct ca_allocator {
    const ca_allocator_vtable *vtable;
    void *self;
} ca_allocator;

/* A block of at least layout.size bytes, aligned to layout.align, owned by the caller. Size 0 succeeds. An error: memory is
 * exhausted, or the layout is refused. Contract: A1, A2, A3. */
ca_block_result ca_allocator_allocate(ca_allocator allocator, ca_layout layout);

/* Gives back a block of this allocator; layout fits it. Contract: A1, A4, A5. */
void ca_allocator_deallocate(ca_allocator allocator, ca_block block, ca_layout layout);

/* ca_allocator_allocate, all of the returned length zero. Contract: A6. */
ca_block_result ca_allocator_allocate_zeroed(ca_allocator allocator, ca_layout layout);

/* Makes the block at least new_layout.size >= old_layout.size bytes long; the alignment may change either way. Success kills
 * the old block, even where the address stays; on an error it is the caller's, unaltered. Contract: A7. */
ca_block_result ca_allocator_grow(ca_allocator allocator, ca_block block, ca_layout old_layout, ca_layout new_layout);

/* The same; everything from old_layout.size to the returned length is zero. Contract: A8. */
ca_block_result ca_allocator_grow_zeroed(ca_allocator allocator, ca_block block, ca_layout old_layout, ca_layout new_layout);

/* Makes the block new_layout.size <= old_layout.size bytes long; 0 gives it back. An alignment that the address lacks fails
 * with CA_ERROR_LAYOUT. Ownership as for grow. Contract: A9, A11. */
ca_block_result ca_allocator_shrink(ca_allocator allocator, ca_block block, ca_layout old_layout, ca_layout new_layout);

/* Memory that will hold no pointers; given back with ca_allocator_deallocate_nocaps to the same allocator. Provided: as
 * allocate, without a place of its own. From the proposal's Listing 3. Contract: A11, N1. */
ca_nocaps_result ca_allocator_allocate_nocaps(ca_allocator allocator, ca_layout layout);
void ca_allocator_deallocate_nocaps(ca_allocator allocator, ca_nocaps block, ca_layout layout);

/* Memory that is zero on arrival and cleared when it goes back, with ca_allocator_deallocate_zeroed to the same allocator
 * and with no other function. Provided: as allocate_zeroed, and cleared by stores that no compiler removes. From the
 * proposal's Listing 4. Contract: A11, Z1, Z2. */
ca_mustzero_result ca_allocator_allocate_mustzero(ca_allocator allocator, ca_layout layout);
void ca_allocator_deallocate_zeroed(ca_allocator allocator, ca_mustzero block, ca_layout layout);

/* Which of CA_PROMISE_ this allocator keeps. Contract: A11. */
unsigned ca_allocator_promises(ca_allocator allocator);

/* An allocator that forwards to *allocator, which must outlive it: all its methods, its promises. */
ca_allocator ca_by_ref(const ca_allocator *allocator);

#ifdef __cplusplus
}
#endif
#endif
