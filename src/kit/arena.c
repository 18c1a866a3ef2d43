/* The arena's memory: lanes of chunks, each twice as large as the one before, so that there are few of them and
 * little is asked of the allocator below. Records lie in tables beside the chunks.
 */
#include "kit/arena.h"

#include "base/bits.h"
#include "base/tools.h"
#include "kit/bump.h"

#include <string.h>

enum { CHUNK_ALIGN = 64, TABLE_FIRST = 8 };
static const size_t chunk_bytes_min = 4 * CAI_KIB;  /* small: many arenas live for one request */
static const size_t chunk_bytes_max = 64 * CAI_MIB; /* from here on no more than this may lie unused */

static ca_layout table_layout(size_t capacity, size_t element)
{
    return (ca_layout){.size = capacity * element, .align = _Alignof(max_align_t)};
}

ca_error cai_arena_table_grow(ca_arena *arena, void **table, size_t count, size_t *capacity, size_t element)
{
    if (count < *capacity)
        return CA_OK;
    size_t wider = *capacity == 0 ? TABLE_FIRST : *capacity * 2;
    ca_layout layout = table_layout(*capacity, element);
    ca_block_result grown = ca_allocator_grow(arena->from, (ca_block){.ptr = *table, .size = layout.size}, layout,
                                              table_layout(wider, element));
    if (!ca_is_ok(grown))
        return ca_error_of(grown);
    *table = grown.ptr;
    *capacity = wider;
    return CA_OK;
}

void cai_arena_table_free(ca_arena *arena, void *table, size_t capacity, size_t element)
{
    ca_layout layout = table_layout(capacity, element);

    ca_allocator_deallocate(arena->from, (ca_block){.ptr = table, .size = layout.size}, layout);
}

/* --- chunks --- */

static ca_block_result chunk_allocate(ca_arena *arena, enum cai_arena_lane lane, ca_layout layout)
{
    if (lane == CAI_LANE_ORDINARY)
        return ca_allocator_allocate(arena->from, layout);
    if (lane == CAI_LANE_NOCAPS) {
        ca_nocaps_result made = ca_allocator_allocate_nocaps(arena->from, layout);
        return CAI_AS(ca_block, made);
    }
    ca_mustzero_result made = ca_allocator_allocate_mustzero(arena->from, layout);
    return CAI_AS(ca_block, made);
}

static void chunk_free(ca_arena *arena, enum cai_arena_lane lane, const struct ca_arena_chunk *chunk)
{
    ca_layout layout = chunk->layout;

    if (lane == CAI_LANE_ORDINARY)
        ca_allocator_deallocate(arena->from, (ca_block){.ptr = chunk->start, .size = layout.size}, layout);
    else if (lane == CAI_LANE_NOCAPS)
        ca_allocator_deallocate_nocaps(arena->from, (ca_nocaps){.ptr = chunk->start, .size = layout.size}, layout);
    else
        ca_allocator_deallocate_zeroed(arena->from, (ca_mustzero){.ptr = chunk->start, .size = layout.size}, layout);
}

/* What the next chunk of the lane has, when that is enough for the block. */
static ca_layout chunk_layout(const ca_arena_lane *lane, ca_layout layout)
{
    size_t bytes = chunk_bytes_min;

    if (CAI_TOOLS) /* each block is one of the allocator below: so tools know it */
        return layout;
    if (lane->chunk_count != 0)
        bytes = cai_min(lane->chunks[lane->chunk_count - 1].layout.size * 2, chunk_bytes_max);
    return (ca_layout){.size = cai_max(bytes, layout.size), .align = cai_max(CHUNK_ALIGN, layout.align)};
}

/* A new chunk that holds the block, behind all others. */
static ca_error chunk_add(ca_arena *arena, enum cai_arena_lane number, ca_layout layout)
{
    ca_arena_lane *lane = &arena->lane[number];
    ca_layout wanted = chunk_layout(lane, layout);
    ca_error error = cai_arena_table_grow(arena, (void **)&lane->chunks, lane->chunk_count, &lane->chunk_capacity,
                                          sizeof *lane->chunks);

    if (error != CA_OK)
        return error;
    ca_block_result made = chunk_allocate(arena, number, wanted);
    if (!ca_is_ok(made)) {
        /* There may still be enough for the block alone. */
        wanted = layout;
        made = chunk_allocate(arena, number, wanted);
    }
    if (!ca_is_ok(made))
        return ca_error_of(made);
    lane->chunks[lane->chunk_count++] = (struct ca_arena_chunk){.start = made.ptr, .layout = wanted, .used = 0};
    return CA_OK;
}

void cai_arena_enter(ca_arena_lane *lane, size_t number)
{
    lane->chunks_used = number;
    lane->top = lane->end = lane->floor = NULL;
    if (number != 0) {
        const struct ca_arena_chunk *chunk = &lane->chunks[number - 1];
        lane->top = lane->floor = chunk->start;
        lane->end = chunk->start + chunk->layout.size;
    }
}

/* Whether the block fits into the chunk when that is empty. */
static bool is_enough(const struct ca_arena_chunk *chunk, ca_layout layout)
{
    char *top = chunk->start;

    return cai_bump(&top, chunk->start + chunk->layout.size, layout) != NULL;
}

/* The block does not fit into the chunk in use: a spare one, or a new one. Chunks passed over stay empty. */
static CAI_NOINLINE ca_block_result take_from_next(ca_arena *arena, enum cai_arena_lane number, ca_layout layout)
{
    ca_arena_lane *lane = &arena->lane[number];
    size_t next = lane->chunks_used;

    while (next < lane->chunk_count && !is_enough(&lane->chunks[next], layout))
        next++;
    if (next == lane->chunk_count) {
        ca_error error = chunk_add(arena, number, layout);
        if (error != CA_OK)
            return cai_failure(error);
    }
    if (lane->chunks_used != 0) {
        struct ca_arena_chunk *left = &lane->chunks[lane->chunks_used - 1];
        left->used = (size_t)(lane->top - left->start);
    }
    for (size_t i = lane->chunks_used; i < next; i++)
        lane->chunks[i].used = 0;
    cai_arena_enter(lane, next + 1);
    return cai_bump_result(cai_bump(&lane->top, lane->end, layout), layout);
}

ca_block_result cai_arena_take(ca_arena *arena, enum cai_arena_lane number, ca_layout layout)
{
    ca_arena_lane *lane = &arena->lane[number];

    if (CAI_UNLIKELY(!ca_layout_is_valid(layout)))
        return cai_failure(CA_ERROR_LAYOUT);
    if (CAI_UNLIKELY(layout.size == 0))
        return cai_dangling(layout);
    char *block = lane->top != NULL ? cai_bump(&lane->top, lane->end, layout) : NULL;
    return CAI_LIKELY(block != NULL) ? cai_bump_result(block, layout) : take_from_next(arena, number, layout);
}

/* --- the doors --- */

CAI_EXPORT void ca_arena_init(ca_arena *arena, ca_allocator from)
{
    *arena = (ca_arena){.from = from};
}

CAI_EXPORT CAI_NOINLINE ca_block_result ca_arena_allocate_slow(ca_arena *arena, ca_layout layout)
{
    return cai_arena_take(arena, CAI_LANE_ORDINARY, layout);
}

CAI_EXPORT ca_block_result ca_arena_allocate_zeroed(ca_arena *arena, ca_layout layout)
{
    ca_block_result made = ca_arena_allocate(arena, layout);

    if (made.ptr != NULL)
        memset(made.ptr, 0, made.size_or_error);
    return made;
}

CAI_EXPORT ca_nocaps_result ca_arena_allocate_nocaps(ca_arena *arena, ca_layout layout)
{
    ca_block_result made = cai_arena_take(arena, CAI_LANE_NOCAPS, layout);

    return CAI_AS(ca_nocaps, made);
}

CAI_EXPORT ca_mustzero_result ca_arena_allocate_mustzero(ca_arena *arena, ca_layout layout)
{
    ca_block_result made = cai_arena_take(arena, CAI_LANE_MUSTZERO, layout);

    return CAI_AS(ca_mustzero, made);
}

CAI_EXPORT size_t ca_arena_trim(ca_arena *arena)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < CA_ARENA_LANES; i++) {
        ca_arena_lane *lane = &arena->lane[i];
        while (lane->chunk_count > lane->chunks_used) {
            const struct ca_arena_chunk *chunk = &lane->chunks[--lane->chunk_count];
            bytes += chunk->layout.size;
            chunk_free(arena, (enum cai_arena_lane)i, chunk);
        }
    }
    return bytes;
}

CAI_EXPORT size_t ca_arena_held(const ca_arena *arena)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < CA_ARENA_LANES; i++)
        for (size_t chunk = 0; chunk < arena->lane[i].chunk_count; chunk++)
            bytes += arena->lane[i].chunks[chunk].layout.size;
    return bytes;
}
