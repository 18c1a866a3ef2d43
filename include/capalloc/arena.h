/* An arena: memory in scopes. Allocating moves a pointer; giving back is done for all blocks of a scope at once. The
 * middle road between stack and heap: as quick as the one, as long-lived as the other.
 *
 *     ca_arena arena;
 *     ca_arena_init(&arena, ca_heap_allocator(ca_default_authority()));
 *     ca_arena_scope scope = ca_arena_mark(&arena);
 *     struct node *node = CA_ARENA_NEW(&arena, struct node);
 *     ...
 *     ca_arena_release(&arena, scope);      // all blocks since the mark
 *     ca_arena_destroy(&arena);
 *
 * Memory comes from another allocator in chunks that double in size, and stays with the arena until ca_arena_trim or
 * ca_arena_destroy. There are three lanes of chunks: ordinary memory, memory without pointers, and must-zero memory,
 * which is taken from the other allocator as such and so lies where its promise is kept. When a scope ends, what was
 * used of the must-zero lane is cleared, and nothing else. All bookkeeping lies outside the chunks. After the region
 * allocators of Hanson (1990) and Rust's bumpalo.
 *
 * Sizes are in bytes. Not thread-safe, not async-signal-safe. It detects: a scope released that is not the innermost
 * open one, or of another arena (violation arena-order); and, through the trait object, a block that is not of this
 * arena (invalid-free), one behind the newest (double-free), and one of another lane (wrong-deallocator). Refused,
 * that has changed nothing.
 */
#ifndef CAPALLOC_ARENA_H
#define CAPALLOC_ARENA_H

#include <capalloc/allocator.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ordinary, nocaps, must-zero. */
enum { CA_ARENA_LANES = 3 };

/* One lane of chunks. Its content is nobody's business but the arena's. */
typedef struct ca_arena_lane {
    char *top;   /* the free part of the chunk in use begins here */
    char *end;   /* and ends here */
    char *floor; /* what lies before it in this chunk belongs to outer scopes */
    struct ca_arena_chunk *chunks;
    size_t chunk_count;
    size_t chunk_capacity;
    size_t chunks_used; /* the last of these is in use, the ones behind are spare */
} ca_arena_lane;

/* An arena; must stay where it is while trait objects of it are in use. Its content is nobody's business. */
typedef struct ca_arena {
    ca_arena_lane lane[CA_ARENA_LANES];
    ca_allocator from;
    uint64_t scope;        /* the innermost open one; 0: none */
    uint64_t scope_newest; /* the last number given to a scope */
    struct ca_arena_drop *drops;
    size_t drop_count;
    size_t drop_capacity;
} ca_arena;

/* Where a scope begins. A value: keep it until ca_arena_release. Its content is nobody's business. */
typedef struct ca_arena_scope {
    const ca_arena *arena;
    uint64_t number;
    uint64_t outer;
    size_t drop_count;
    struct {
        char *top;
        char *floor;
        size_t chunks_used;
    } lane[CA_ARENA_LANES];
} ca_arena_scope;

/* An empty arena whose chunks will come from `from`, which must outlive it. Takes no memory yet. Contract: A12. */
void ca_arena_init(ca_arena *arena, ca_allocator from);

/* Ends all scopes and gives all memory back. The arena is as after ca_arena_init. Contract: Z5. */
void ca_arena_destroy(ca_arena *arena);

/* What ca_arena_allocate does when the chunk in use is too short, and for size 0 and invalid layouts. */
CA_NODISCARD_ ca_block_result ca_arena_allocate_slow(ca_arena *arena, ca_layout layout);

/* A block of exactly layout.size bytes that lives until the innermost open scope is released, or the arena is reset
 * or destroyed. Size 0: as for ca_allocator_allocate. Errors: CA_ERROR_LAYOUT, and those of the allocator below. With
 * a layout known to the compiler it is a handful of instructions. Contract: A1, A2, A3. */
CA_NODISCARD_ CA_INLINE_ ca_block_result ca_arena_allocate(ca_arena *arena, ca_layout layout)
{
    ca_arena_lane *lane = &arena->lane[0];
    uintptr_t top = CA_REINTERPRET_(uintptr_t, lane->top);
    uintptr_t block = (top + layout.align - 1) & -CA_CAST_(uintptr_t, layout.align);
    ca_block_result result;

    /* No power of two, size 0, so much that the sum would overflow, no room. Without a chunk top and end are null. */
    if ((layout.align & (layout.align - 1)) != 0 || layout.align - 1 >= PTRDIFF_MAX / 4 ||
        layout.size - 1 >= PTRDIFF_MAX / 4 || block + layout.size > CA_REINTERPRET_(uintptr_t, lane->end))
        return ca_arena_allocate_slow(arena, layout);
    result.ptr = lane->top + (block - top);
    result.size_or_error = layout.size;
    lane->top += block - top + layout.size;
#ifdef __GNUC__
    if (result.ptr == NULL)
        __builtin_unreachable(); /* spares the caller's test */
#endif
    return result;
}

/* The same, all zero. Contract: A6. */
CA_NODISCARD_ ca_block_result ca_arena_allocate_zeroed(ca_arena *arena, ca_layout layout);

/* Memory that will hold no pointers, from chunks that are such memory. Contract: N1. */
CA_NODISCARD_ ca_nocaps_result ca_arena_allocate_nocaps(ca_arena *arena, ca_layout layout);

/* Memory that is zero on arrival and cleared when its scope ends. Contract: Z1, Z2, Z5. */
CA_NODISCARD_ ca_mustzero_result ca_arena_allocate_mustzero(ca_arena *arena, ca_layout layout);

/* A new object of this type, or an array of them, uninitialized; NULL when there is no memory or the size overflows. */
#define CA_ARENA_NEW(arena, type) CA_CAST_(type *, ca_arena_allocate((arena), CA_LAYOUT_OF(type)).ptr)
#define CA_ARENA_ARRAY(arena, type, count)                                                                             \
    CA_CAST_(type *, ca_arena_allocate((arena), CA_LAYOUT_ARRAY(type, (count))).ptr)

/* Opens a scope inside the innermost open one. Cannot fail and allocates nothing. */
CA_NODISCARD_ ca_arena_scope ca_arena_mark(ca_arena *arena);

/* Ends the innermost open scope: its callbacks run, newest first, then its must-zero memory is cleared, then its
 * blocks are gone. Any other scope, also one that was released or reset before, is the violation arena-order.
 * Contract: A12, Z5. */
void ca_arena_release(ca_arena *arena, ca_arena_scope scope);

/* Ends all scopes, and what was allocated outside of them. Chunks stay for what comes. Scopes marked before are dead.
 * Contract: Z5. */
void ca_arena_reset(ca_arena *arena);

/* Gives the chunks back that nothing lives in. Returns their bytes. */
size_t ca_arena_trim(ca_arena *arena);

/* Bytes in chunks, used and spare. */
size_t ca_arena_held(const ca_arena *arena);

/* When the innermost open scope ends, or outside of any the arena is reset or destroyed: drop(object). A destructor,
 * such as the closing of a file. All blocks of the scope are still there, and it may allocate from the arena; what it
 * allocates goes with the scope. It must not mark, release, reset or destroy. Errors: as for ca_arena_allocate; then
 * nothing is registered. */
ca_error ca_arena_on_release(ca_arena *arena, void (*drop)(void *object), void *object);

/* The arena as a trait object, with the promises of the allocator below for memory without pointers and must-zero
 * memory, and no other. Deallocating, growing and shrinking the newest block of a lane happens in place; an older
 * block that is deallocated stays until its scope ends, except that must-zero memory is cleared at once. A block that
 * is grown inside a scope belongs to that scope afterwards, unless it stayed where it was. Contract: A12. */
ca_allocator ca_arena_allocator(ca_arena *arena);

#ifdef __cplusplus
}
#endif
#endif
