/* See large.h. A heap keeps a few blocks that were freed, because programs free and take the same large sizes in turn;
 * all others wait as dirty runs, shared by all heaps.
 */
#include "blocks/large.h"

#include "base/alone.h"
#include "base/probe.h"
#include "blocks/cache.h"
#include "blocks/claimed.h"
#include "blocks/clear.h"
#include "blocks/fence.h"
#include "blocks/touched.h"
#include "core/mode.h"
#include "os/os.h"
#include "pages/move.h"
#include "pages/run.h"

#include <string.h>

/* The largest block a heap keeps, 1 MiB, and what it keeps in all: more is in the way of blocks that grow. In the
 * hardened library there is a guard behind it, and all that one look makes free comes at once. */
enum {
    KEPT_UNITS_MAX = (1 << (20 - CAI_UNIT_SHIFT)) + (CAI_HARDENS ? 1 : 0),
    KEPT_UNITS_ALL = (CAI_HARDENS ? 2 : 1) * KEPT_UNITS_MAX,
};
#define KEPT_BYTES_MAX ((size_t)KEPT_UNITS_MAX << CAI_UNIT_SHIFT)

/* What no address space can hold is refused before any arithmetic on it. */
#define LARGE_BYTES_MAX ((size_t)1 << 45)
#define LARGE_ALIGN_MAX ((size_t)1 << 40)

/* From this many bytes on, moving pages is cheaper than copying them. */
#define MOVE_BYTES_MIN (256 * CAI_KIB)

static uint8_t *state_of(const struct cai_unit *run)
{
    const struct cai_view *view = cai_view_of(run->zone);

    return view->state + ((size_t)(run - view->units) << (CAI_UNIT_SHIFT - CAI_COARSE_SHIFT));
}

static uint32_t *owner_of(const struct cai_unit *run)
{
    const struct cai_view *view = cai_view_of(run->zone);

    return &view->owner[run - view->units].id;
}

static struct cai_live live_of(const struct cai_unit *run)
{
    return cai_find_of_state(state_of(run), CAI_STATE_LARGE);
}

static size_t run_bytes(const struct cai_unit *run)
{
    return (size_t)run->units << CAI_UNIT_SHIFT;
}

static uint32_t units_for(size_t bytes)
{
    return (uint32_t)(cai_round_up(bytes, CAI_UNIT_BYTES) >> CAI_UNIT_SHIFT);
}

static bool is_must_zero(const struct cai_unit *run)
{
    return cai_place_zeroes((enum cai_place)(run->zone / CAI_GRAINS));
}

size_t cai_large_run_bytes(size_t bytes)
{
    return bytes > LARGE_BYTES_MAX ? 0 : (size_t)units_for(cai_max(bytes, 1)) << CAI_UNIT_SHIFT;
}

/* Of a heap that is one: others keep no record. What was stored before is there before it, what comes after, after. */
static void note_ending(struct cai_heap *heap, unsigned which, struct cai_unit *run)
{
    cai_fence_for_compiler();
    if (heap->id != 0)
        heap->ending[which] = run;
    cai_fence_for_compiler();
}

/* Where blocks of this length are kept. */
static struct cai_unit **set_of(struct cai_heap *heap, uint32_t units)
{
    return heap->kept[units < CAI_KEPT_SETS ? units : 0];
}

CAI_INLINE struct cai_unit *take_from(struct cai_heap *heap, struct cai_unit **set, unsigned zone, uint32_t units,
                                      uint32_t shut_from)
{
    for (unsigned way = 0; way < CAI_KEPT_WAYS; way++) {
        struct cai_unit *run = set[way];
        if (run != NULL && run->units >= units && run->units <= units + units / 8 && run->zone == zone &&
            (shut_from == 0 || run->shut_from == shut_from)) {
            note_ending(heap, 0, run);
            set[way] = NULL;
            heap->kept_units -= run->units;
            return run;
        }
    }
    return NULL;
}

/* A kept block of this length, or at most an eighth longer; if it can be, with a guard at this page (fence.h). */
CAI_INLINE struct cai_unit *take_kept(struct cai_heap *heap, enum cai_place place, uint32_t units, uint32_t shut_from)
{
    unsigned zone = cai_zone_number(place, CAI_COARSE);
    struct cai_unit **set = set_of(heap, units);
    struct cai_unit *run = shut_from != 0 ? take_from(heap, set, zone, units, shut_from) : NULL;

    if (CAI_LIKELY(run == NULL))
        run = take_from(heap, set, zone, units, 0);
    if (CAI_UNLIKELY(run == NULL)) {
        struct cai_unit **longer = set_of(heap, units + units / 8);
        if (longer != set)
            run = take_from(heap, longer, zone, units, 0);
        if (run == NULL)
            return NULL;
    }
    heap->large_idle = false;
    run->zeroed = cai_place_zeroes(place) || cai_claimed_is_marked(run);
    cai_store_relaxed(&run->inferred, 0);
    return run;
}

static struct cai_unit *take_run(enum cai_place place, uint32_t units, size_t align)
{
    return cai_run_take(&cai_zones[cai_zone_number(place, CAI_COARSE)], units,
                        (uint32_t)(cai_max(align, CAI_UNIT_BYTES) >> CAI_UNIT_SHIFT), CAI_UNIT_LARGE);
}

static bool is_possible(size_t bytes, size_t align)
{
    return bytes <= LARGE_BYTES_MAX && align <= LARGE_ALIGN_MAX;
}

/* The run becomes a live block of the heap. */
CAI_INLINE void *begin(struct cai_heap *heap, struct cai_unit *run, size_t bytes, bool zeroed)
{
    const struct cai_view *view = cai_view_of(run->zone);
    size_t offset = (size_t)(run - view->units) << CAI_UNIT_SHIFT;
    uint8_t *state = view->state + (offset >> CAI_COARSE_SHIFT);
    void *block = (void *)(view->origin + offset);

    cai_store_relaxed(&run->bytes, bytes);
    cai_store_relaxed(&run->claimed, 0);
    if (zeroed)
        cai_cache_zero(heap, block, cai_round_up(bytes, cai_settings->page_bytes), run->zeroed);
    heap->large_allocations++;
    cai_store_release(state, CAI_STATE_LARGE);
    CAI_PROBE(large, bytes, block, heap->id);
    return block;
}

void *cai_large_take_kept(struct cai_heap *heap, enum cai_place place, size_t bytes, size_t align, bool zeroed)
{
    if (bytes > KEPT_BYTES_MAX || align > CAI_UNIT_BYTES)
        return NULL;
    bytes = cai_max(bytes, 1);
    struct cai_unit *run = take_kept(heap, place, units_for(bytes), 0);
    if (CAI_HARDENS && run != NULL)
        cai_fence_lift(live_of(run));
    void *block = run != NULL ? begin(heap, run, bytes, zeroed) : NULL;
    note_ending(heap, 0, NULL);
    return block;
}

void *cai_large_take_fenced(struct cai_heap *heap, enum cai_place place, size_t bytes, size_t room, bool zeroed)
{
    struct cai_unit *run = NULL;
    void *block = NULL;

    if (!CAI_HARDENS) /* said here too: what is not optimised keeps the function */
        return NULL;
    if (is_possible(bytes, 1))
        run = take_kept(heap, place, units_for(bytes + room), (uint32_t)(bytes / cai_settings->page_bytes));
    if (run != NULL) {
        cai_store_relaxed(&run->bytes, bytes);
        run->zeroed = cai_fence_is_shut(live_of(run)); /* where it could be touched, nobody's word counts */
        cai_fence_tail(live_of(run));
        block = begin(heap, run, bytes, zeroed);
    }
    note_ending(heap, 0, NULL);
    return block;
}

void *cai_large_take(struct cai_heap *heap, enum cai_place place, size_t bytes, size_t align, bool zeroed)
{
    bytes = cai_max(bytes, 1);
    struct cai_unit *run = is_possible(bytes, align) ? take_run(place, units_for(bytes), align) : NULL;

    if (run == NULL)
        return NULL;
    if (CAI_HARDENS)
        cai_fence_none(live_of(run));
    void *block = begin(heap, run, bytes, zeroed);
    cai_run_publish(run, CAI_UNIT_LARGE, heap->id);
    return block;
}

/* The whole run, past what the program may use: an overflow may have got there. */
static CAI_NOINLINE void clear_from(struct cai_heap *heap, const struct cai_unit *run, size_t keep)
{
    cai_clear_touched(heap, (char *)cai_unit_address(run) + keep, run_bytes(run) - keep);
}

/* In the hardened library, where nothing waits: what waits is cleared when it begins to. */
CAI_INLINE bool clears_all(void)
{
    return CAI_HARDENS && (cai_settings->checks & CAI_CHECK_zero) != 0;
}

/* From live to cached. The usual block of a process with one thread: by way of a state in which it is nothing, as two
 * plain instructions take half the time of one that compares and exchanges. */
CAI_INLINE bool take_live(uint8_t *state, uint8_t live)
{
    if (CAI_UNLIKELY(live != CAI_STATE_LARGE) || !cai_is_alone())
        return cai_swap_strong_acq_rel(state, &live, CAI_STATE_CACHED);
    if (CAI_UNLIKELY(!cai_alone_leave_127(state)))
        return false;
    cai_store_relaxed(state, CAI_STATE_CACHED);
    return true;
}

bool cai_large_claim(struct cai_heap *heap, struct cai_unit *run, uint8_t live)
{
    if (!cai_state_is_live(live))
        return false;
    note_ending(heap, 0, run);
    if (CAI_UNLIKELY(!take_live(state_of(run), live))) {
        note_ending(heap, 0, NULL);
        return false;
    }
    if (CAI_UNLIKELY(cai_state_is_wiped(live)))
        cai_claimed_mark(run);
    if ((CAI_UNLIKELY(is_must_zero(run)) && !cai_claimed_is_marked(run)) || clears_all())
        clear_from(heap, run, 0);
    return true;
}

/* It leaves the heap: nobody's word counts for others. */
static void settle_claim(struct cai_heap *heap, struct cai_unit *run)
{
    if (is_must_zero(run) && cai_claimed_is_marked(run))
        cai_claimed_make_zero(heap, (void *)cai_unit_address(run), run_bytes(run));
}

void cai_large_give(struct cai_heap *heap, struct cai_unit *run)
{
    if (CAI_HARDENS)
        cai_fence_lift(live_of(run));
    settle_claim(heap, run);
    cai_run_withdraw_owned(run); /* from here on the run tells of itself whose it is */
    note_ending(heap, 0, NULL);
    cai_run_give(run);
}

bool cai_large_may_keep(const struct cai_unit *run)
{
    return run->units <= KEPT_UNITS_MAX;
}

/* At each step each of the three is somewhere, or at two places: cai_large_salvage counts it once. */
static CAI_NOINLINE void replace(struct cai_heap *heap, struct cai_unit **set, struct cai_unit *run)
{
    struct cai_unit *leaves = set[CAI_KEPT_WAYS - 1];

    note_ending(heap, 1, leaves);
    for (unsigned way = CAI_KEPT_WAYS - 1; way > 0; way--) {
        set[way] = set[way - 1];
        cai_fence_for_compiler();
    }
    set[0] = run;
    heap->kept_units += run->units - leaves->units;
    note_ending(heap, 0, leaves);
    note_ending(heap, 1, NULL);
    cai_large_give(heap, leaves);
}

bool cai_large_keep(struct cai_heap *heap, struct cai_unit *run)
{
    heap->large_idle = false;
    if (heap->id == 0 || !cai_large_may_keep(run) || heap->kept_units + run->units > KEPT_UNITS_ALL) {
        cai_large_give(heap, run);
        return false;
    }
    uint32_t *owner = owner_of(run);
    if (*owner != heap->id)
        cai_store_release(owner, heap->id);
    struct cai_unit **set = set_of(heap, run->units);
    for (unsigned way = 0; way < CAI_KEPT_WAYS; way++)
        if (set[way] == NULL) {
            set[way] = run;
            heap->kept_units += run->units;
            note_ending(heap, 0, NULL);
            return true;
        }
    replace(heap, set, run);
    return false;
}

/* From here on it is this thread's alone, and free when that is not there, in the child of a fork. */
void cai_large_release(struct cai_heap *heap, struct cai_unit *run)
{
    bool keeps = CAI_HARDENS && heap != NULL;

    if (CAI_HARDENS && !keeps)
        cai_fence_lift(live_of(run));
    if (keeps)
        note_ending(heap, 0, run);
    else
        cai_run_withdraw_owned(run);
    cai_store_relaxed(state_of(run), CAI_STATE_CACHED);
    if (keeps)
        cai_large_keep(heap, run);
    else
        cai_run_give(run);
}

bool cai_large_grow(struct cai_live live, size_t bytes)
{
    struct cai_unit *run = cai_live_run(live);
    uint32_t units = units_for(cai_min(bytes, LARGE_BYTES_MAX));

    if (bytes > LARGE_BYTES_MAX || (units > run->units && !cai_run_grow(run, units)))
        return false;
    cai_store_relaxed(&run->bytes, bytes);
    return true;
}

void cai_large_shrink(struct cai_heap *heap, struct cai_live live, size_t bytes, size_t *less)
{
    struct cai_unit *run = cai_live_run(live);
    uint32_t before = run->units;
    uint32_t units = units_for(bytes);

    if (bytes < cai_load_relaxed(&run->bytes) && is_must_zero(run))
        clear_from(heap, run, bytes);
    cai_store_relaxed(&run->bytes, bytes);
    cai_fence_for_compiler();
    /* What is less than a quarter of the run stays with it. Addresses that somebody may still know stay with it, too:
     * only their pages go. */
    if (units < before - before / 4 && !CAI_QUARANTINES)
        cai_run_shrink(run, units);
    else if (units < before - before / 4 && !is_must_zero(run))
        cai_os_discard(cai_unit_address(run) + ((uintptr_t)units << CAI_UNIT_SHIFT), (size_t)(before - units)
                                                                                         << CAI_UNIT_SHIFT);
    *less = (size_t)(before - run->units) << CAI_UNIT_SHIFT;
}

/* A run between which and another a block was to move, and which has no part in it any more. Soon it may be somebody
 * else's block, claimed as this one was: so by then the record that may lead a child of a fork to it says so. */
static void leave(struct cai_unit *run, void **to_be)
{
    cai_run_withdraw_owned(run);
    *to_be = NULL;
    cai_fence_for_compiler();
}

/* Large content by moving its pages, so that nothing is copied and nothing stays behind. */
void *cai_large_move(struct cai_heap *heap, struct cai_live live, size_t bytes, void **to_be)
{
    struct cai_unit *from = cai_live_run(live);
    enum cai_place place = (enum cai_place)(from->zone / CAI_GRAINS);
    size_t usable = cai_usable_bytes(live);
    struct cai_unit *to = NULL;

    /* Blocks that grow once grow again: room for that, but only where there is some, and not for who makes room of its
     * own, by half and more. */
    if (bytes < usable + usable / 2)
        to = take_run(place, units_for(bytes + bytes / 8), 1);
    if (to == NULL && bytes <= LARGE_BYTES_MAX)
        to = take_run(place, units_for(bytes), 1);
    if (to == NULL)
        return NULL;
    *to_be = (void *)cai_unit_address(to);
    cai_fence_for_compiler();
    if (CAI_HARDENS)
        cai_fence_none(live_of(to));
    void *address = begin(heap, to, bytes, false);
    cai_run_publish(to, CAI_UNIT_LARGE, heap->id);
    /* Into warm memory copying is cheaper: the pages are there, and those moved would only replace them. */
    if (run_bytes(from) >= MOVE_BYTES_MIN && to->zeroed && cai_run_move(from, to)) {
        leave(from, to_be);
        cai_run_give_addresses(from);
        return address;
    }
    memcpy(address, (void *)cai_unit_address(from), usable);
    if (is_must_zero(from))
        clear_from(heap, from, 0);
    leave(from, to_be); /* which ends the block that it was */
    cai_store_relaxed(live.state, CAI_STATE_CACHED);
    cai_run_give(from);
    return address;
}

/* The source is no block any more, or the target never was one. In between both are, and only one has memory: a block
 * that nobody knows of is better than none. */
static bool slide(struct cai_unit *from, struct cai_unit *to, void **to_be, bool again)
{
    bool done = cai_run_slide(from, to, again);
    struct cai_unit *empty = done ? from : to;

    if (done)
        cai_store_release(state_of(to), CAI_STATE_LARGE);
    leave(empty, to_be);
    cai_run_give_addresses(empty);
    return done;
}

void *cai_large_slide(struct cai_heap *heap, struct cai_live live, size_t bytes, void **to_be)
{
    struct cai_unit *from = cai_live_run(live);
    uint32_t units = units_for(cai_min(bytes, LARGE_BYTES_MAX));
    struct cai_unit *to = NULL;

    if (bytes <= LARGE_BYTES_MAX && units > from->units && cai_run_may_slide(from))
        to = cai_run_take_bare(&cai_zones[from->zone], units, from->units);
    if (to == NULL)
        return NULL;
    *to_be = (void *)cai_unit_address(to);
    cai_store_relaxed(&to->bytes, bytes);
    cai_store_relaxed(&to->slides, 0);
    if (CAI_HARDENS)
        cai_fence_none(live_of(to));
    cai_store_release(state_of(to), CAI_STATE_CLAIMED); /* until it is whole nobody may use it, or read it */
    cai_run_publish(to, CAI_UNIT_LARGE, heap->id);
    if (!slide(from, to, to_be, false))
        return NULL;
    void *address = (void *)cai_unit_address(to);
    heap->large_allocations++;
    CAI_PROBE(large, bytes, address, heap->id);
    return address;
}

/* Their content is the run's: which of the two it is now. Moving its pages is one step, copying is none until the old
 * run is withdrawn; those that slide do so piece by piece, and go on. */
bool cai_large_has_moved(struct cai_live live, void **to)
{
    const struct cai_view *view = cai_view_of(live.zone);
    struct cai_unit *from = cai_live_run(live);
    uintptr_t number = ((uintptr_t)*to - view->origin) >> CAI_UNIT_SHIFT;
    struct cai_unit *other = view->units + number;
    bool is_run = number < cai_zones[live.zone].frontier && cai_load_relaxed(&other->kind) == CAI_UNIT_LARGE;

    if (is_run && *state_of(other) == CAI_STATE_CLAIMED)
        return slide(from, other, to, true);
    if (cai_os_is_mapped(cai_unit_address(from), run_bytes(from)))
        return false;
    leave(from, to);
    cai_run_give_addresses(from);
    return true;
}

void cai_large_flush(struct cai_heap *heap)
{
    for (unsigned set = 0; set < CAI_KEPT_SETS; set++)
        for (unsigned way = 0; way < CAI_KEPT_WAYS; way++) {
            struct cai_unit *run = heap->kept[set][way];
            if (run == NULL)
                continue;
            note_ending(heap, 0, run);
            heap->kept[set][way] = NULL;
            heap->kept_units -= run->units;
            cai_large_give(heap, run);
        }
}

/* One that a thread had in its hand, or kept, and that is in nobody's use. */
static void end_lost(struct cai_heap *heap, struct cai_unit *run, bool was_ending)
{
    if (run->kind != CAI_UNIT_LARGE || cai_state_is_live(*state_of(run)))
        return;
    if (CAI_HARDENS)
        cai_fence_lift(live_of(run));
    if (was_ending && is_must_zero(run)) /* its thread may have been clearing it */
        clear_from(heap, run, 0);
    settle_claim(heap, run);
    cai_run_give(run);
}

void cai_large_salvage(struct cai_heap *heap)
{
    enum { HELD = CAI_ENDING, LOST = HELD + CAI_KEPT_SETS * CAI_KEPT_WAYS };
    struct cai_unit *lost[LOST] = {heap->ending[0], heap->ending[1]};

    memcpy(lost + HELD, heap->kept, sizeof heap->kept);
    for (unsigned i = 0; i < LOST; i++) {
        bool is_first = lost[i] != NULL;
        for (unsigned before = 0; before < i; before++)
            is_first = is_first && lost[before] != lost[i];
        if (is_first)
            end_lost(heap, lost[i], i < HELD);
    }
    heap->ending[0] = heap->ending[1] = NULL;
    memset(heap->kept, 0, sizeof heap->kept);
    heap->kept_units = 0;
}
