/* The slow half of the bins: refilling and flushing them.
 *
 * Data flow: run -> slab -> bin -> program -> bin -> slab -> run. Each step moves a batch under the heap's lock.
 */
#include "blocks/cache.h"

#include "base/probe.h"
#include "blocks/claimed.h"
#include "blocks/wall.h"
#include "pages/meta.h"
#include "pages/run.h"

#include <string.h>

/* A bin starts small, and grows in two steps up to what this many bytes or slots allow, doubled as often as the
 * program's swing has asked for: each array that it outgrows stays behind for another bin. */
enum { BIN_START = 16, BIN_NEXT = 64, BIN_SLOTS_MAX = 1024, BIN_SLOTS_MIN = 16, BIN_BYTES_MAX = 256 * 1024 };
/* How often that may be, and how many slots it may bring to all bins of a heap together: where many classes swing at
 * once, their arrays and the slabs that cannot end would take more than they are worth. */
enum { SWING_DOUBLINGS_MAX = 6, SWING_SLOTS_MAX = 16 * 1024 };

/* No refill wants less. */
enum { WANT_MIN = 8 };

static struct cai_unit *unit_at(unsigned zone, uint32_t number)
{
    return cai_view_of(zone)->units + number;
}

/* The slab, which is in no list, leaves the heap. */
static void end_slab(struct cai_heap *heap, struct cai_unit *slab)
{
    cai_claimed_settle(heap, slab);
    CAI_PROBE(slab_end, cai_class_bytes(slab->size_class), cai_unit_address(slab), heap->id);
    if (CAI_HARDENS)
        cai_wall_lift(slab);
    cai_run_give(slab);
}

/* --- lists of slabs with room; the heap's lock is held --- */

static void list_unlink(struct cai_slabs *list, struct cai_unit *slab)
{
    if (slab->prev != 0)
        unit_at(slab->zone, slab->prev)->next = slab->next;
    else
        list->first = slab->next;
    if (slab->next != 0)
        unit_at(slab->zone, slab->next)->prev = slab->prev;
    else
        list->last = slab->prev;
    cai_store_relaxed(&slab->listed, 0);
}

static void list_push(struct cai_slabs *list, struct cai_unit *slab)
{
    uint32_t number = cai_unit_number(slab);

    slab->prev = 0;
    slab->next = list->first;
    if (list->first != 0)
        unit_at(slab->zone, list->first)->prev = number;
    else
        list->last = number;
    list->first = number;
    cai_store_relaxed(&slab->listed, 1);
}

static struct cai_slabs *list_of(struct cai_heap *heap, const struct cai_unit *slab)
{
    return &heap->slabs[slab->zone / CAI_GRAINS][slab->size_class];
}

/* A slab got slots back: it has room now, or is empty. One empty slab of a fine class is kept, so that a program that
 * takes and frees around a slab's edge does not take and give back slabs. */
static CAI_NOINLINE void settle_changed(struct cai_heap *heap, struct cai_unit *slab)
{
    struct cai_slabs *list = list_of(heap, slab);

    if (slab->used == 0 && (list->first != 0 || cai_zone_grain(slab->zone) == CAI_COARSE) &&
        !(slab->listed && list->first == list->last && cai_zone_grain(slab->zone) == CAI_FINE) &&
        cai_slab_is_empty(slab)) {
        if (slab->listed)
            list_unlink(list, slab);
        end_slab(heap, slab);
        cai_store_relaxed(&heap->armed, true);
    } else if (!slab->listed && cai_slab_room(slab) != 0) {
        list_push(list, slab);
    }
}

void cai_cache_list(struct cai_heap *heap, struct cai_unit *slab)
{
    cai_store_relaxed(&slab->listed, 0);
    if (cai_slab_room(slab) != 0)
        list_push(list_of(heap, slab), slab);
}

CAI_INLINE void settle(struct cai_heap *heap, struct cai_unit *slab)
{
    if (slab->used == 0 || !slab->listed)
        settle_changed(heap, slab);
}

void cai_cache_settle(struct cai_heap *heap, struct cai_unit *slab)
{
    if (slab->listed && cai_slab_room(slab) == 0)
        list_unlink(list_of(heap, slab), slab);
    else
        settle(heap, slab);
}

/* --- what others freed --- */

/* It may have ended, and what lies there now, a large block of this heap perhaps, be anybody's in this moment: who
 * reads the owner of that finds it no slab any more. */
static bool is_own(const struct cai_heap *heap, const struct cai_unit *slab)
{
    uint32_t number = cai_unit_number(slab);

    return cai_load_acquire(&cai_view_of(slab->zone)->owner[number].id) == heap->id &&
           cai_load_relaxed(&slab->head) == number && cai_load_relaxed(&slab->kind) == CAI_UNIT_SLAB;
}

/* The heap's lock is held. */
static void collect(struct cai_heap *heap)
{
    if (cai_load_relaxed(&heap->returned) == NULL)
        return;
    struct cai_unit *slab = cai_exchange_acquire(&heap->returned, NULL);
    while (slab != NULL) {
        struct cai_unit *next = cai_load_relaxed(&slab->next_returned);
        if (is_own(heap, slab)) {
            cai_store_seq_cst(&slab->returned, 0);
            cai_slab_collect(slab);
            settle(heap, slab);
        } else {
            /* `returned` stays: nobody pushes it anywhere as long as it is here. */
            cai_store_relaxed(&slab->next_returned, heap->strays);
            cai_store_relaxed(&heap->strays, slab);
        }
        slab = next;
    }
}

void cai_cache_collect(struct cai_heap *heap, bool wait)
{
    if (cai_load_relaxed(&heap->returned) == NULL)
        return;
    if (wait)
        cai_lock_take(&heap->lock);
    else if (!cai_lock_try(&heap->lock))
        return;
    collect(heap);
    cai_lock_give(&heap->lock);
}

struct cai_unit *cai_cache_strays(struct cai_heap *heap)
{
    if (CAI_LIKELY(cai_load_relaxed(&heap->strays) == NULL))
        return NULL;
    cai_lock_take(&heap->lock);
    struct cai_unit *strays = heap->strays;
    cai_store_relaxed(&heap->strays, NULL);
    cai_lock_give(&heap->lock);
    return strays;
}

/* --- bins --- */

static uint32_t bin_slots_max(const struct cai_heap *heap, enum cai_place place, unsigned size_class)
{
    uint32_t most =
        (uint32_t)cai_min(cai_max(BIN_BYTES_MAX / cai_class_sizes[size_class], BIN_SLOTS_MIN), BIN_SLOTS_MAX);

    return most << heap->swings[place][size_class].doublings;
}

/* The bin is empty. */
static void swing(struct cai_heap *heap, enum cai_place place, unsigned size_class)
{
    struct cai_swing *swing = &heap->swings[place][size_class];

    if (CAI_LIKELY(!swing->overflowed))
        return;
    swing->overflowed = false;
    uint32_t more = bin_slots_max(heap, place, size_class);
    if (swing->doublings == SWING_DOUBLINGS_MAX || heap->doubled_slots + more > SWING_SLOTS_MAX)
        return;
    heap->doubled_slots += more;
    swing->doublings++;
}

/* The bin gets an array of so many slots, which hold what it has. False: memory is short, nothing changed. */
static bool bin_move(struct cai_heap *heap, struct cai_bin *bin, uint32_t limit)
{
    void **base = cai_meta_allocate_beside(bin, limit * sizeof *base);
    void **before = bin->base;
    size_t before_bytes = cai_bin_limit(bin) * sizeof *base;
    uint32_t count = cai_bin_count(bin);

    if (base == NULL)
        return false;
    if (before != NULL)
        memcpy(base, before, count * sizeof *base);
    heap->moved = *bin;
    heap->moved.base = base;
    heap->moved.top = base + count;
    heap->moved.end = base + limit;
    cai_fence_for_compiler();
    heap->moving = bin;
    cai_fence_for_compiler();
    *bin = heap->moved;
    cai_fence_for_compiler();
    heap->moving = NULL;
    cai_fence_for_compiler();
    if (before != NULL)
        cai_meta_free(before, before_bytes);
    return true;
}

/* Makes the bin larger unless it is as large as it may be. False: it has no array and memory is short. */
static bool bin_grow(struct cai_heap *heap, enum cai_place place, unsigned size_class)
{
    struct cai_bin *bin = &heap->bins[place][size_class];
    uint32_t most = bin_slots_max(heap, place, size_class);

    uint32_t before = cai_bin_limit(bin);

    if (before >= most)
        return true;
    if (!bin_move(heap, bin, (uint32_t)cai_min(before == 0 ? BIN_START : before < BIN_NEXT ? BIN_NEXT : most, most)))
        return before != 0;
    heap->used_bins[place][size_class / 64] |= UINT64_C(1) << size_class % 64;
    return true;
}

/* What the program's swing has asked for is forgotten. The bin is empty. */
static void bin_calm(struct cai_heap *heap, enum cai_place place, unsigned size_class)
{
    struct cai_bin *bin = &heap->bins[place][size_class];

    uint32_t swung = bin_slots_max(heap, place, size_class);
    heap->swings[place][size_class] = (struct cai_swing){.doublings = 0};
    uint32_t most = bin_slots_max(heap, place, size_class);
    heap->doubled_slots -= swung - most;
    if (CAI_UNLIKELY(cai_bin_limit(bin) > most))
        (void)bin_move(heap, bin, most);
}

CAI_INLINE void settle_put(struct cai_heap *heap, struct cai_unit *slab, uint32_t count)
{
    cai_slab_count_put(slab, count);
    settle(heap, slab);
}

/* These slots go back to their slabs, by their states in this zone; the heap's lock is held. Returns how many. */
CAI_INLINE uint32_t put_all(struct cai_heap *heap, struct cai_view view, enum cai_grain grain, void *const *slots,
                            uint32_t count)
{
    struct cai_unit *slab = NULL;
    size_t unit = SIZE_MAX; /* of the slot before */
    uint32_t put = 0, all = 0;

    for (void *const *end = slots + count; slots != end; slots++) {
        size_t granule = cai_granule_of(&view, grain, *slots);
        if (CAI_UNLIKELY(cai_unit_of_granule(grain, granule) != unit)) {
            struct cai_unit *of_this = cai_slab_of(&view, grain, granule);
            if (slab != NULL && of_this != slab) {
                settle_put(heap, slab, put);
                all += put;
                put = 0;
            }
            slab = of_this;
            unit = cai_unit_of_granule(grain, granule);
        }
        uint8_t state = cai_load_relaxed(&view.state[granule]);
        if (CAI_LIKELY(cai_state_is_cached(state))) {
            cai_slab_put_uncounted(&view.state[granule], state);
            put++;
        }
    }
    if (slab != NULL)
        settle_put(heap, slab, put);
    return all + put;
}

/* The bin's lowest slots go back; the heap's lock is held. Returns their bytes. */
static size_t put_back(struct cai_heap *heap, enum cai_place place, unsigned size_class, uint32_t count)
{
    struct cai_bin *bin = &heap->bins[place][size_class];
    bool is_fine = cai_class_grain(size_class) == CAI_FINE;
    /* A copy, and a loop for each grain: to the compiler a store to a state byte could change the view. */
    struct cai_view view = *cai_view_of(cai_zone_number(place, is_fine ? CAI_FINE : CAI_COARSE));
    uint32_t put =
        is_fine ? put_all(heap, view, CAI_FINE, bin->base, count) : put_all(heap, view, CAI_COARSE, bin->base, count);

    bin->top -= count;
    memmove(bin->base, bin->base + count, cai_bin_count(bin) * sizeof *bin->base);
    return (size_t)put * cai_class_sizes[size_class];
}

/* Twice as many as the last time when little but what that brought was handed out since. Where blocks come back
 * meanwhile the bin lives on those, and what is taken from slabs beyond the need is memory that would not have been
 * touched. */
static uint32_t wanted(struct cai_refill *last, uint32_t handed_out)
{
    uint32_t since = handed_out - last->handed_out;

    last->handed_out = handed_out;
    if (since < last->slots + last->slots / 4)
        return cai_max(2 * last->slots, WANT_MIN);
    return cai_max(since < 2 * last->slots ? last->slots : last->slots / 2, WANT_MIN);
}

uint32_t cai_cache_wants(struct cai_heap *heap, enum cai_place place, unsigned size_class)
{
    struct cai_bin *bin = &heap->bins[place][size_class];
    struct cai_refill *refill = &heap->refills[place][size_class];

    swing(heap, place, size_class);
    uint32_t want = wanted(refill, (uint32_t)cai_bin_allocations(heap, place, size_class));
    if (cai_bin_limit(bin) < 2 * want && !bin_grow(heap, place, size_class))
        return 0;
    refill->slots = cai_min(want, (cai_bin_limit(bin) + 1) / 2);
    return refill->slots;
}

uint32_t cai_cache_refill(struct cai_heap *heap, enum cai_place place, unsigned size_class, uint32_t want)
{
    struct cai_bin *bin = &heap->bins[place][size_class];
    struct cai_slabs *list = &heap->slabs[place][size_class];
    unsigned zone = cai_zone_number(place, cai_class_grain(size_class));
    uint32_t got = 0;

    cai_lock_take(&heap->lock);
    collect(heap);
    while (got < want) {
        struct cai_unit *slab = list->first != 0 ? unit_at(zone, list->first) : NULL;
        if (slab == NULL) {
            slab = got == 0 ? cai_slab_create(heap, place, size_class) : NULL;
            if (slab == NULL)
                break;
            list_push(list, slab);
        }
        uint32_t taken = cai_slab_take(slab, bin->base + want - got, want - got);
        got += taken;
        if (cai_slab_room(slab) == 0 || (taken == 0 && slab->cursor == 0))
            list_unlink(list, slab); /* the latter: miscounted, because two threads freed one block at once */
    }
    if (got < want)
        memmove(bin->base, bin->base + want - got, got * sizeof *bin->base);
    bin->top = bin->base + got; /* before the lock is given: who holds none has its slots in bins */
    cai_lock_give(&heap->lock);
    CAI_PROBE(refill, place, cai_class_bytes(size_class), got);
    return got;
}

bool cai_cache_put_full(struct cai_heap *heap, enum cai_place place, unsigned size_class, uint8_t *state, void *address)
{
    struct cai_bin *bin = &heap->bins[place][size_class];

    if (bin->top == bin->end && !bin_grow(heap, place, size_class))
        return false;
    if (bin->top == bin->end) {
        cai_lock_take(&heap->lock);
        put_back(heap, place, size_class, (cai_bin_count(bin) + 1) / 2);
        cai_lock_give(&heap->lock);
        heap->swings[place][size_class].overflowed = true;
    }
    cai_bin_push(bin, place, state, address);
    return true;
}

/* Calls flush for every bin that was ever used. */
#define FOR_USED_BINS(heap, place, size_class)                                                                         \
    for (enum cai_place place = 0; place < CAI_PLACES; place++)                                                        \
        for (unsigned word_ = 0; word_ < 2; word_++)                                                                   \
            for (uint64_t bits_ = (heap)->used_bins[place][word_]; bits_ != 0; bits_ &= bits_ - 1)                     \
                for (unsigned size_class = word_ * 64 + (unsigned)__builtin_ctzll(bits_), once_ = 1; once_ != 0;       \
                     once_ = 0)

/* The slabs of one class that were kept although they are empty; the heap's lock is held. */
static void drop_empty(struct cai_heap *heap, enum cai_place place, unsigned size_class)
{
    struct cai_slabs *list = &heap->slabs[place][size_class];
    unsigned zone = cai_zone_number(place, cai_class_grain(size_class));

    for (uint32_t number = list->first; number != 0;) {
        struct cai_unit *slab = unit_at(zone, number);
        number = slab->next;
        if (cai_slab_is_empty(slab)) {
            list_unlink(list, slab);
            end_slab(heap, slab);
        }
    }
}

/* Everything of one class that the heap has and nobody uses; its lock is held. */
static size_t empty_class(struct cai_heap *heap, enum cai_place place, unsigned size_class)
{
    size_t bytes = put_back(heap, place, size_class, cai_bin_count(&heap->bins[place][size_class]));

    bin_calm(heap, place, size_class);
    drop_empty(heap, place, size_class);
    return bytes;
}

void cai_cache_drop_empty(struct cai_heap *heap)
{
    cai_lock_take(&heap->lock);
    collect(heap);
    for (enum cai_place place = 0; place < CAI_PLACES; place++)
        for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++)
            drop_empty(heap, place, size_class);
    cai_lock_give(&heap->lock);
}

size_t cai_cache_flush_all(struct cai_heap *heap)
{
    size_t bytes = 0;

    cai_lock_take(&heap->lock);
    collect(heap);
    FOR_USED_BINS(heap, place, size_class)
    bytes += empty_class(heap, place, size_class);
    cai_lock_give(&heap->lock);
    return bytes;
}

size_t cai_cache_flush_idle(struct cai_heap *heap)
{
    size_t bytes = 0;

    cai_lock_take(&heap->lock);
    FOR_USED_BINS(heap, place, size_class)
    {
        uint32_t mark = (uint32_t)cai_bin_allocations(heap, place, size_class) * 65536 +
                        cai_bin_count(&heap->bins[place][size_class]);
        if (heap->marks[place][size_class] == mark)
            bytes += empty_class(heap, place, size_class);
        heap->marks[place][size_class] = mark;
    }
    cai_lock_give(&heap->lock);
    return bytes;
}

CAI_NO_TSAN size_t cai_cache_bytes(const struct cai_heap *heap)
{
    size_t bytes = 0;

    for (unsigned place = 0; place < CAI_PLACES; place++)
        for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++)
            bytes += (size_t)cai_bin_count_of(&heap->bins[place][size_class]) * cai_class_sizes[size_class];
    return bytes;
}
