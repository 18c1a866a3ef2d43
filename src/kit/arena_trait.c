/* The arena as an allocator. Only the newest block of a lane can move the top, and only when it belongs to the
 * innermost open scope: otherwise the end of that scope would cut through it.
 */
#include "kit/arena.h"

#include "core/violation.h"
#include "estate/place.h"
#include "heap/clear.h"
#include "kit/bump.h"

#include <string.h>

enum where { FOREIGN, FREE, HANDED_OUT };

/* Where in the lane, going from the newest chunk to the oldest: there are few, and it is mostly the newest. */
static enum where find(const ca_arena_lane *lane, ca_block block)
{
    for (size_t i = lane->chunk_count; i-- > 0;) {
        const struct ca_arena_chunk *chunk = &lane->chunks[i];
        uintptr_t offset = (uintptr_t)block.ptr - (uintptr_t)chunk->start;
        if (offset >= chunk->layout.size)
            continue;
        size_t used = i + 1 == lane->chunks_used  ? (size_t)(lane->top - chunk->start)
                      : i + 1 < lane->chunks_used ? chunk->used
                                                  : 0;
        return offset < used && block.size <= used - offset ? HANDED_OUT : FREE;
    }
    return FOREIGN;
}

static CAI_COLD void report(const ca_arena *arena, ca_block block, enum where where, const char *function)
{
    bool elsewhere = false;

    for (unsigned i = 0; i < CA_ARENA_LANES; i++)
        elsewhere |= where == FOREIGN && find(&arena->lane[i], block) != FOREIGN;
    cai_violation_report((ca_violation){
        .kind = where == FREE ? CA_VIOLATION_DOUBLE_FREE
                : elsewhere   ? CA_VIOLATION_WRONG_DEALLOCATOR
                              : CA_VIOLATION_INVALID_FREE,
        .function = function,
        .address = block.ptr,
        .place = cai_place_name(CAI_PLACE_none),
        .stated = "a block of this arena",
        .found = where == FREE ? "memory that is free"
                 : elsewhere   ? "a block of another type"
                               : "foreign memory",
    });
}

static bool is_ours(const ca_arena *arena, enum cai_arena_lane lane, ca_block block, const char *function)
{
    enum where where = find(&arena->lane[lane], block);

    if (CAI_LIKELY(where == HANDED_OUT))
        return true;
    report(arena, block, where, function);
    return false;
}

static bool is_movable(const ca_arena_lane *lane, ca_block block)
{
    return (char *)block.ptr + block.size == lane->top && (char *)block.ptr >= lane->floor;
}

static void give_back(ca_arena *arena, enum cai_arena_lane number, ca_block block, const char *function)
{
    ca_arena_lane *lane = &arena->lane[number];

    if (!is_ours(arena, number, block, function))
        return;
    if (number == CAI_LANE_MUSTZERO)
        cai_clear(block.ptr, block.size);
    if (is_movable(lane, block))
        lane->top = block.ptr;
}

static ca_block_result allocate(void *self, ca_layout layout)
{
    return ca_arena_allocate(self, layout);
}

static void deallocate(void *self, ca_block block, ca_layout layout)
{
    (void)layout;
    give_back(self, CAI_LANE_ORDINARY, block, "ca_allocator_deallocate");
}

static ca_block_result refused(void)
{
    return (ca_block_result){.ptr = NULL, .size_or_error = CA_ERROR_INVALID};
}

static ca_block_result grow(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    ca_arena *arena = self;
    ca_arena_lane *lane = &arena->lane[CAI_LANE_ORDINARY];

    if (!is_ours(arena, CAI_LANE_ORDINARY, block, "ca_allocator_grow"))
        return refused();
    if (((uintptr_t)block.ptr & (new_layout.align - 1)) == 0 && is_movable(lane, block) &&
        new_layout.size <= (size_t)(lane->end - (char *)block.ptr)) {
        lane->top = (char *)block.ptr + new_layout.size;
        return cai_bump_result(block.ptr, new_layout);
    }
    ca_block_result made = ca_arena_allocate(arena, new_layout);
    if (made.ptr != NULL)
        memcpy(made.ptr, block.ptr, old_layout.size);
    return made;
}

static ca_block_result shrink(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    ca_arena *arena = self;
    ca_arena_lane *lane = &arena->lane[CAI_LANE_ORDINARY];

    (void)old_layout;
    if (!is_ours(arena, CAI_LANE_ORDINARY, block, "ca_allocator_shrink"))
        return refused();
    if (is_movable(lane, block))
        lane->top = (char *)block.ptr + new_layout.size;
    return cai_bump_result(block.ptr, new_layout);
}

static ca_nocaps_result allocate_nocaps(void *self, ca_layout layout)
{
    return ca_arena_allocate_nocaps(self, layout);
}

static void deallocate_nocaps(void *self, ca_nocaps block, ca_layout layout)
{
    (void)layout;
    give_back(self, CAI_LANE_NOCAPS, (ca_block){.ptr = block.ptr, .size = block.size},
              "ca_allocator_deallocate_nocaps");
}

static ca_mustzero_result allocate_mustzero(void *self, ca_layout layout)
{
    return ca_arena_allocate_mustzero(self, layout);
}

static void deallocate_zeroed(void *self, ca_mustzero block, ca_layout layout)
{
    (void)layout;
    give_back(self, CAI_LANE_MUSTZERO, (ca_block){.ptr = block.ptr, .size = block.size},
              "ca_allocator_deallocate_zeroed");
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
