/* The arena's scopes. A scope is known by a number that is never used again, and carries the number of the one around
 * it; so the arena knows the innermost open one without a list, and any other is out of order.
 *
 * In the must-zero lane everything behind the top is zero, always: what a scope used is cleared before the top goes
 * back.
 */
#include "kit/arena.h"

#include "base/compiler.h"
#include "base/tools.h"
#include "base/wipe.h"
#include "core/violation.h"
#include "heaps/heaps.h"

CAI_EXPORT ca_arena_scope ca_arena_mark(ca_arena *arena)
{
    ca_arena_scope scope = {
        .arena = arena, .number = ++arena->scope_newest, .outer = arena->scope, .drop_count = arena->drop_count};

    for (unsigned i = 0; i < CA_ARENA_LANES; i++) {
        ca_arena_lane *lane = &arena->lane[i];
        scope.lane[i].top = lane->top;
        scope.lane[i].floor = lane->floor;
        scope.lane[i].chunks_used = lane->chunks_used;
        lane->floor = lane->top;
    }
    arena->scope = scope.number;
    return scope;
}

/* Newest first. One that allocates finds the arena as it is. */
static void run_drops(ca_arena *arena, size_t count)
{
    while (arena->drop_count > count) {
        struct ca_arena_drop drop = arena->drops[--arena->drop_count];
        drop.drop(drop.object);
    }
}

static void clear_chunk(const struct ca_arena_chunk *chunk, size_t from)
{
    if (chunk->used > from)
        cai_wipe(chunk->start + from, chunk->used - from);
}

/* Clears what lies behind this position of the lane. */
static void clear_behind(ca_arena_lane *lane, size_t chunks_used, const char *top)
{
    if (lane->chunks_used == 0)
        return;
    lane->chunks[lane->chunks_used - 1].used = (size_t)(lane->top - lane->chunks[lane->chunks_used - 1].start);
    for (size_t i = chunks_used; i < lane->chunks_used; i++)
        clear_chunk(&lane->chunks[i], 0);
    if (chunks_used != 0)
        clear_chunk(&lane->chunks[chunks_used - 1], (size_t)(top - lane->chunks[chunks_used - 1].start));
}

static void go_back(ca_arena *arena, const ca_arena_scope *scope)
{
    run_drops(arena, scope->drop_count);
    for (unsigned i = 0; i < CA_ARENA_LANES; i++) {
        ca_arena_lane *lane = &arena->lane[i];
        if (i == CAI_LANE_MUSTZERO)
            clear_behind(lane, scope->lane[i].chunks_used, scope->lane[i].top);
        cai_arena_enter(lane, scope->lane[i].chunks_used);
        lane->top = scope->lane[i].top;
        lane->floor = scope->lane[i].floor;
    }
    arena->scope = scope->outer;
    if (CAI_TOOLS)
        ca_arena_trim(arena);
}

CAI_EXPORT void ca_arena_release(ca_arena *arena, ca_arena_scope scope)
{
    if (CAI_LIKELY(scope.arena == arena && scope.number == arena->scope && scope.number != 0)) {
        go_back(arena, &scope);
        return;
    }
    cai_violation_report((ca_violation){
        .kind = CA_VIOLATION_ARENA_ORDER,
        .function = "ca_arena_release",
        .address = arena,
        .place = cai_place_name(CAI_PLACE_none),
        .stated = "the innermost open scope",
        .found = scope.arena != arena          ? "a scope of another arena"
                 : scope.number < arena->scope ? "a scope with open ones inside, or a closed one"
                                               : "a closed scope",
    });
}

CAI_EXPORT void ca_arena_reset(ca_arena *arena)
{
    ca_arena_scope everything = {.arena = arena};

    go_back(arena, &everything);
}

CAI_EXPORT void ca_arena_destroy(ca_arena *arena)
{
    ca_arena_reset(arena);
    ca_arena_trim(arena);
    for (unsigned i = 0; i < CA_ARENA_LANES; i++)
        cai_arena_table_free(arena, arena->lane[i].chunks, arena->lane[i].chunk_capacity,
                             sizeof *arena->lane[i].chunks);
    cai_arena_table_free(arena, arena->drops, arena->drop_capacity, sizeof *arena->drops);
    ca_arena_init(arena, arena->from);
}

CAI_EXPORT ca_error ca_arena_on_release(ca_arena *arena, void (*drop)(void *object), void *object)
{
    ca_error error = cai_arena_table_grow(arena, (void **)&arena->drops, arena->drop_count, &arena->drop_capacity,
                                          sizeof *arena->drops);

    if (error != CA_OK)
        return error;
    arena->drops[arena->drop_count++] = (struct ca_arena_drop){.drop = drop, .object = object};
    return CA_OK;
}
