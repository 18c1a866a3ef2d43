/* What the files of the arena share: the records outside the chunks, and the way to a lane's memory. */
#ifndef CAI_KIT_ARENA_H
#define CAI_KIT_ARENA_H

#include <capalloc/arena.h>

enum cai_arena_lane { CAI_LANE_ORDINARY, CAI_LANE_NOCAPS, CAI_LANE_MUSTZERO };

/* [start, start + size) is a block of the allocator below; the first `used` bytes of it were handed out, padding
 * included, when it stopped being the chunk in use. Memory of the must-zero lane that is not used is zero. */
struct ca_arena_chunk {
    char *start;
    ca_layout layout;
    size_t used;
};

struct ca_arena_drop {
    void (*drop)(void *object);
    void *object;
};

/* A block of the lane. */
ca_block_result cai_arena_take(ca_arena *arena, enum cai_arena_lane lane, ca_layout layout);

/* Makes room for one more element in a table of `count`. */
ca_error cai_arena_table_grow(ca_arena *arena, void **table, size_t count, size_t *capacity, size_t element);

/* Gives a table back. */
void cai_arena_table_free(ca_arena *arena, void *table, size_t capacity, size_t element);

/* Makes this chunk, the number-th from 1, the one in use; 0: none. */
void cai_arena_enter(ca_arena_lane *lane, size_t number);

#endif
