/* Large blocks. A thread keeps a few that it freed, because programs free and take the same large sizes in turn; all
 * others wait as dirty runs, shared by all threads.
 */
#include "heap/large.h"

#include "core/settings.h"
#include "estate/purge.h"
#include "estate/run.h"
#include "heap/branch.h"
#include "heap/clear.h"
#include "heap/heap.h"
#include "heap/tick.h"

#include <string.h>

/* The largest block a thread keeps for itself: 1 MiB. */
enum { CACHED_UNITS_MAX = 1 << (20 - CAI_UNIT_SHIFT) };

/* What no address space can hold is refused before any arithmetic on it. */
#define LARGE_BYTES_MAX ((size_t)1 << 45)
#define LARGE_ALIGN_MAX ((size_t)1 << 40)

/* From this many bytes on, moving pages is cheaper than copying them. */
#define MOVE_BYTES_MIN (256 * CAI_KIB)

static const struct cai_view *view_of(enum cai_place place)
{
    return cai_view_of(cai_zone_number(place, CAI_COARSE));
}

static struct cai_unit *run_at(enum cai_place place, size_t granule)
{
    return view_of(place)->units + cai_unit_of_granule(CAI_COARSE, granule);
}

static uint8_t *state_of(const struct cai_unit *run)
{
    return cai_view_of(run->zone)->state + ((size_t)cai_unit_number(run) << (CAI_UNIT_SHIFT - CAI_COARSE_SHIFT));
}

/* A cached block of this length, or at most an eighth longer. */
static struct cai_unit *take_cached(struct cai_thread *thread, enum cai_place place, uint32_t units)
{
    for (unsigned i = 0; i < CAI_LARGE_CACHED; i++) {
        struct cai_unit *run = thread->large[i];
        if (run != NULL && run->units >= units && run->units <= units + units / 8 &&
            run->zone == cai_zone_number(place, CAI_COARSE)) {
            thread->large[i] = NULL;
            thread->large_idle = false;
            run->zeroed = cai_place_zeroes(place);
            cai_store_relaxed(&run->inferred, 0);
            return run;
        }
    }
    return NULL;
}

static struct cai_unit *take_run(enum cai_place place, uint32_t units, uint32_t align_units)
{
    struct cai_zone *zone = &cai_zones[cai_zone_number(place, CAI_COARSE)];
    struct cai_unit *run = cai_run_take(zone, units, align_units, CAI_UNIT_LARGE);

    if (run == NULL) {
        cai_tick_give_back(cai_self);
        run = cai_run_take(zone, units, align_units, CAI_UNIT_LARGE);
    }
    return run;
}

/* What the program may use: whole pages, less than the whole run. */
static size_t usable(const struct cai_unit *run)
{
    return cai_round_up(run->bytes, cai_settings->page_bytes);
}

static uint32_t units_for(size_t bytes)
{
    return (uint32_t)(cai_round_up(bytes, CAI_UNIT_BYTES) >> CAI_UNIT_SHIFT);
}

static uint32_t *owner_of(const struct cai_unit *run)
{
    return &cai_view_of(run->zone)->owner[cai_unit_number(run)];
}

/* The run becomes a live block. */
static void *begin(struct cai_thread *heap, struct cai_unit *run, size_t bytes, bool zeroed)
{
    void *address = (void *)cai_unit_address(run);

    run->bytes = bytes;
    if (zeroed)
        cai_cache_zero(heap, address, usable(run), run->zeroed);
    cai_store_release(state_of(run), CAI_STATE_LARGE);
    if (heap->id != 0)
        heap->large_allocations++;
    return address;
}

size_t cai_large_charge(size_t bytes)
{
    return bytes > LARGE_BYTES_MAX ? 0 : (size_t)units_for(cai_max(bytes, 1)) << CAI_UNIT_SHIFT;
}

void *cai_large_take_for(struct cai_thread *branch, enum cai_place place, size_t bytes, size_t align, bool zeroed)
{
    if (bytes > LARGE_BYTES_MAX || align > LARGE_ALIGN_MAX)
        return NULL;
    bytes = cai_max(bytes, 1);
    struct cai_unit *run =
        take_run(place, units_for(bytes), (uint32_t)(cai_max(align, CAI_UNIT_BYTES) >> CAI_UNIT_SHIFT));
    if (run == NULL)
        return NULL;
    cai_store_release(owner_of(run), branch->id);
    return begin(branch, run, bytes, zeroed);
}

void *cai_large_take(enum cai_place place, size_t bytes, size_t align, bool zeroed)
{
    struct cai_unit *run = NULL;

    if (!cai_heap_start())
        return NULL;
    if (cai_self == &cai_thread_none)
        cai_thread_attach();
    struct cai_thread *thread = cai_self;
    if (bytes > LARGE_BYTES_MAX || align > LARGE_ALIGN_MAX)
        return NULL;
    bytes = cai_max(bytes, 1);
    if (thread->id != 0 && align <= CAI_UNIT_BYTES)
        run = take_cached(thread, place, units_for(bytes));
    if (run == NULL)
        run = take_run(place, units_for(bytes), (uint32_t)(cai_max(align, CAI_UNIT_BYTES) >> CAI_UNIT_SHIFT));
    if (run == NULL)
        return NULL;
    void *address = begin(thread, run, bytes, zeroed);
    if (thread->id != 0)
        cai_tick_slow(thread);
    return address;
}

/* Keeps the run in the thread's cache; returns the one that has to leave for it. */
static struct cai_unit *put_cached(struct cai_thread *thread, struct cai_unit *run)
{
    thread->large_idle = false;
    for (unsigned i = 0; i < CAI_LARGE_CACHED; i++)
        if (thread->large[i] == NULL) {
            thread->large[i] = run;
            return NULL;
        }
    struct cai_unit *leaves = thread->large[CAI_LARGE_CACHED - 1];
    for (unsigned i = CAI_LARGE_CACHED - 1; i > 0; i--)
        thread->large[i] = thread->large[i - 1];
    thread->large[0] = run;
    return leaves;
}

/* The whole run, past what the program may use: an overflow may have got there. */
static void clear_run(const struct cai_unit *run)
{
    cai_clear((void *)cai_unit_address(run), (size_t)run->units << CAI_UNIT_SHIFT);
}

bool cai_large_put(enum cai_place place, size_t granule, uint8_t live)
{
    struct cai_thread *thread = cai_self;
    struct cai_unit *run = run_at(place, granule);

    /* Large blocks can afford the exchange: of two threads that free one at once, the second is told. */
    if (!cai_swap_strong_acq_rel(state_of(run), &live, CAI_STATE_CACHED))
        return false;
    if (cai_place_zeroes(place) && live != CAI_STATE_WIPED)
        clear_run(run);
    if (cai_load_relaxed(owner_of(run)) != 0) {
        cai_branch_release(owner_of(run), (size_t)run->units << CAI_UNIT_SHIFT);
    } else if (thread->id != 0 && run->units <= CACHED_UNITS_MAX) {
        run = put_cached(thread, run);
    }
    if (run != NULL)
        cai_run_give(run);
    if (thread->id != 0)
        cai_tick_slow(thread);
    return true;
}

void cai_large_discard(struct cai_unit *run)
{
    uint8_t live = cai_load_relaxed(state_of(run));

    cai_store_release(owner_of(run), 0);
    /* Somebody else is giving it back this moment: it is theirs. */
    if (!cai_state_is_live(live) || !cai_swap_strong_acq_rel(state_of(run), &live, CAI_STATE_CACHED))
        return;
    if (cai_place_zeroes((enum cai_place)(run->zone / CAI_GRAINS)) && live != CAI_STATE_WIPED)
        clear_run(run);
    cai_run_give(run);
}

const uint32_t *cai_large_owner(enum cai_place place, size_t granule)
{
    return owner_of(run_at(place, granule));
}

size_t cai_large_bytes(enum cai_place place, size_t granule)
{
    return usable(run_at(place, granule));
}

size_t cai_large_run_bytes(enum cai_place place, size_t granule)
{
    return (size_t)run_at(place, granule)->units << CAI_UNIT_SHIFT;
}

uint64_t *cai_large_exact(enum cai_place place, size_t granule)
{
    return &run_at(place, granule)->bytes;
}

static void clear_tail(const struct cai_unit *run, size_t keep_bytes)
{
    cai_clear((char *)cai_unit_address(run) + keep_bytes, ((size_t)run->units << CAI_UNIT_SHIFT) - keep_bytes);
}

/* To another run: large content by moving its pages, so that nothing is copied and nothing stays behind. */
static void *move(enum cai_place place, struct cai_unit *from, size_t bytes)
{
    /* Blocks that grow once grow again. */
    uint32_t units = units_for(bytes + bytes / 8);
    struct cai_unit *to = take_run(place, units, 1);

    if (to == NULL)
        return NULL;
    void *address = (void *)cai_unit_address(to);
    size_t from_bytes = (size_t)from->units << CAI_UNIT_SHIFT;
    to->bytes = bytes;
    cai_store_release(state_of(to), CAI_STATE_LARGE);
    cai_store_relaxed(state_of(from), CAI_STATE_CACHED);
    /* Into warm memory copying is cheaper: the pages are there, and those moved would only replace them. */
    if (from_bytes >= MOVE_BYTES_MIN && to->zeroed && cai_run_move(from, to))
        return address;
    memcpy(address, (void *)cai_unit_address(from), usable(from));
    if (cai_place_zeroes(place))
        clear_run(from);
    cai_run_give(from);
    return address;
}

/* Gives units back that are more than a quarter of the run. */
static void give_tail(struct cai_unit *run, uint32_t units)
{
    uint32_t before = run->units;

    if (units >= before - before / 4)
        return;
    cai_run_shrink(run, units);
    cai_branch_uncharge(owner_of(run), (size_t)(before - run->units) << CAI_UNIT_SHIFT);
}

bool cai_large_grow_in_place(enum cai_place place, size_t granule, size_t bytes)
{
    struct cai_unit *run = run_at(place, granule);
    uint32_t units = units_for(cai_min(bytes, LARGE_BYTES_MAX));

    if (bytes > LARGE_BYTES_MAX || (units > run->units && !cai_run_grow(run, units)))
        return false;
    run->bytes = bytes;
    return true;
}

void *cai_large_resize(enum cai_place place, size_t granule, size_t bytes)
{
    struct cai_unit *run = run_at(place, granule);
    void *address = (void *)cai_unit_address(run);

    if (bytes > LARGE_BYTES_MAX)
        return NULL;
    uint32_t units = units_for(bytes);
    if (units > run->units && !cai_run_grow(run, units))
        return move(place, run, bytes);
    if (bytes < run->bytes && cai_place_zeroes(place))
        clear_tail(run, bytes);
    give_tail(run, units);
    run->bytes = bytes;
    return address;
}

void cai_large_flush(struct cai_thread *thread)
{
    for (unsigned i = 0; i < CAI_LARGE_CACHED; i++)
        if (thread->large[i] != NULL) {
            cai_run_give(thread->large[i]);
            thread->large[i] = NULL;
        }
}

void cai_large_salvage(struct cai_thread *thread)
{
    for (unsigned i = 0; i < CAI_LARGE_CACHED; i++)
        if (thread->large[i] != NULL && !cai_state_is_cached(*state_of(thread->large[i])))
            thread->large[i] = NULL;
    cai_large_flush(thread);
}
