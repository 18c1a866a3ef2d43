/* The arena as an allocator. Only the newest block of a lane can move the top, and only when it belongs to the
 * innermost open scope: otherwise the end of that scope would cut through it.
 */
#include "kit/arena.h"

#include "base/tools.h"
#include "base/wipe.h"
#include "kit/bump.h"

/* Where in the lane, going from the newest chunk to the oldest: there are few, and it is mostly the newest. */
CAI_INLINE enum cai_where where(const ca_arena_lane *lane, ca_block block)
{
    enum cai_where found = CAI_FOREIGN;

    for (size_t i = lane->chunk_count; i-- > 0 && found == CAI_FOREIGN;) {
        const struct ca_arena_chunk *chunk = &lane->chunks[i];
        size_t used = i + 1 == lane->chunks_used  ? (size_t)(lane->top - chunk->start)
                      : i + 1 < lane->chunks_used ? chunk->used
                                                  : 0;
        found = cai_bump_where(chunk->start, used, chunk->layout.size, block);
    }
    return found;
}

static CAI_COLD enum cai_where where_else(const ca_arena *arena, ca_block block)
{
    for (unsigned i = 0; i < CA_ARENA_LANES; i++)
        if (where(&arena->lane[i], block) != CAI_FOREIGN)
            return CAI_OTHER_TYPE;
    return CAI_FOREIGN;
}

CAI_INLINE struct cai_bump_found find(ca_arena *arena, enum cai_arena_lane number, ca_block block)
{
    ca_arena_lane *lane = &arena->lane[number];
    enum cai_where here = where(lane, block);

    return (struct cai_bump_found){.where = CAI_LIKELY(here != CAI_FOREIGN) ? here : where_else(arena, block),
                                   .owner = "a block of this arena",
                                   .allocator = ca_arena_allocator(arena),
                                   .top = &lane->top,
                                   .floor = CAI_TOOLS ? lane->end : lane->floor,
                                   .end = lane->end};
}

static ca_block_result allocate(void *self, ca_layout layout)
{
    return ca_arena_allocate(self, layout);
}

static ca_nocaps_result allocate_nocaps(void *self, ca_layout layout)
{
    return ca_arena_allocate_nocaps(self, layout);
}

static ca_mustzero_result allocate_mustzero(void *self, ca_layout layout)
{
    return ca_arena_allocate_mustzero(self, layout);
}

#define DEALLOCATION(type, name, lane, clears)                                                                         \
    static void name(void *self, type block, ca_layout layout)                                                         \
    {                                                                                                                  \
        ca_block back = {.ptr = block.ptr, .size = block.size};                                                        \
        if (cai_bump_give_back(find(self, lane, back), back, layout, "ca_allocator_" #name) && clears)                 \
            cai_wipe(block.ptr, block.size);                                                                           \
    }
DEALLOCATION(ca_block, deallocate, CAI_LANE_ORDINARY, false)
DEALLOCATION(ca_nocaps, deallocate_nocaps, CAI_LANE_NOCAPS, false)
DEALLOCATION(ca_mustzero, deallocate_zeroed, CAI_LANE_MUSTZERO, true)

static ca_block_result grow(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    return cai_bump_resize(find(self, CAI_LANE_ORDINARY, block), block, old_layout, new_layout, "ca_allocator_grow");
}

static ca_block_result shrink(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    return cai_bump_resize(find(self, CAI_LANE_ORDINARY, block), block, old_layout, new_layout, "ca_allocator_shrink");
}

static unsigned promises_now(void *self)
{
    return ca_allocator_promises(((ca_arena *)self)->from) & (CA_PROMISE_NOCAPS_PLACE | CA_PROMISE_MUSTZERO_PLACE);
}

static const ca_allocator_vtable vtable = {
    .struct_size = sizeof(ca_allocator_vtable),
    .allocate = allocate,
    .deallocate = deallocate,
    .grow = grow,
    .shrink = shrink,
    .allocate_nocaps = allocate_nocaps,
    .deallocate_nocaps = deallocate_nocaps,
    .allocate_mustzero = allocate_mustzero,
    .deallocate_zeroed = deallocate_zeroed,
    .promises_now = promises_now,
};

CAI_EXPORT ca_allocator ca_arena_allocator(ca_arena *arena)
{
    return (ca_allocator){.vtable = &vtable, .self = arena};
}
