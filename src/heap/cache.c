/* The slow half of the thread cache: refilling and flushing bins, and frees that are not the thread's own.
 *
 * Data flow: run -> slab -> bin -> program -> bin -> slab -> run. Each step moves a batch under one lock.
 */
#include "heap/cache.h"

#include "base/check.h"
#include "core/violation.h"
#include "estate/meta.h"
#include "estate/purge.h"
#include "heap/branch.h"
#include "heap/tick.h"

#include <string.h>

/* A bin starts small and grows fourfold up to what this many bytes or slots allow. */
enum { BIN_START = 16, BIN_GROWTH = 4, BIN_SLOTS_MAX = 1024, BIN_SLOTS_MIN = 8, BIN_BYTES_MAX = 512 * 1024 };

/* What the first refill takes. */
enum { WANT_MIN = 8 };

/* Foreign frees in one slab are told together, at most so many. */
enum { PENDING_MAX = 64 };

static struct cai_unit *unit_at(unsigned zone, uint32_t number)
{
    return cai_view_of(zone)->units + number;
}

/* --- lists of slabs with room; the thread's lock is held --- */

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
    slab->listed = 0;
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
    slab->listed = 1;
}

static struct cai_slabs *list_of(struct cai_thread *thread, const struct cai_unit *slab)
{
    return &thread->slabs[slab->zone / CAI_GRAINS][slab->size_class];
}

/* A slab got slots back: it has room now, or is empty. One empty slab of a fine class is kept, so that a program that
 * takes and frees around a slab's edge does not take and give back slabs. */
static CAI_NOINLINE void settle_changed(struct cai_thread *thread, struct cai_unit *slab)
{
    struct cai_slabs *list = list_of(thread, slab);

    if (slab->used == 0 && (list->first != 0 || cai_zone_grain(slab->zone) == CAI_COARSE) &&
        !(slab->listed && list->first == list->last && cai_zone_grain(slab->zone) == CAI_FINE) &&
        cai_slab_is_empty(slab)) {
        if (slab->listed)
            list_unlink(list, slab);
        cai_slab_destroy(slab);
        thread->armed = true;
    } else if (!slab->listed && cai_slab_room(slab) != 0) {
        list_push(list, slab);
    }
}

void cai_cache_list(struct cai_thread *thread, struct cai_unit *slab)
{
    slab->listed = 0;
    if (cai_slab_room(slab) != 0)
        list_push(list_of(thread, slab), slab);
}

CAI_INLINE void settle(struct cai_thread *thread, struct cai_unit *slab)
{
    if (slab->used == 0 || !slab->listed)
        settle_changed(thread, slab);
}

/* --- what others freed --- */

static void collect(struct cai_thread *thread)
{
    if (cai_load_relaxed(&thread->returned) == NULL)
        return;
    struct cai_unit *slab = cai_exchange_acquire(&thread->returned, NULL);
    while (slab != NULL) {
        struct cai_unit *next = cai_load_relaxed(&slab->next_returned);
        uint32_t number = cai_unit_number(slab);

        cai_store_seq_cst(&slab->returned, 0);
        if (cai_load_relaxed(&cai_view_of(slab->zone)->owner[number]) == thread->id && slab->head == number &&
            slab->kind == CAI_UNIT_SLAB) {
            cai_slab_listen(slab);
            settle(thread, slab);
        } else if (cai_load_seq_cst(&slab->remote) != 0) {
            cai_slab_tell(slab, 0); /* its units are another heap's slab by now */
        }
        slab = next;
    }
}

void cai_cache_collect(struct cai_thread *thread, bool wait)
{
    if (cai_load_relaxed(&thread->returned) == NULL)
        return;
    if (wait)
        cai_lock_take(&thread->lock);
    else if (!cai_lock_try(&thread->lock))
        return;
    collect(thread);
    cai_lock_give(&thread->lock);
}

void cai_cache_publish(struct cai_thread *thread)
{
    if (thread->pending == 0)
        return;
    cai_slab_tell(thread->pending_slab, thread->pending);
    thread->pending = 0;
    thread->pending_slab = NULL;
}

/* --- bins --- */

static uint32_t bin_slots_max(unsigned size_class)
{
    return (uint32_t)cai_min(cai_max(BIN_BYTES_MAX / cai_class_bytes(size_class), BIN_SLOTS_MIN), BIN_SLOTS_MAX);
}

/* Makes the bin larger unless it is as large as it may be. False: it has no array and memory is short. */
static bool bin_grow(struct cai_thread *thread, enum cai_place place, unsigned size_class)
{
    struct cai_bin *bin = &thread->bins[place][size_class];
    uint32_t most = bin_slots_max(size_class);

    if (bin->limit >= most)
        return true;
    uint32_t limit = (uint32_t)cai_min(bin->limit == 0 ? BIN_START : bin->limit * BIN_GROWTH, most);
    void **slots = cai_meta_allocate(limit * sizeof *slots);
    if (slots == NULL)
        return bin->limit != 0;
    void **before = bin->slots;
    uint32_t before_limit = bin->limit;
    if (before != NULL)
        memcpy(slots, before, bin->count * sizeof *slots);
    bin->slots = slots;
    bin->limit = limit;
    if (before != NULL)
        cai_meta_free(before, before_limit * sizeof *slots); /* last: a child forked now finds the bin whole */
    thread->used_bins[place][size_class / 64] |= UINT64_C(1) << size_class % 64;
    return true;
}

/* The bin's slots [0, count) go back to their slabs; the thread's lock is held. */
static void put_back(struct cai_thread *thread, enum cai_place place, unsigned size_class, uint32_t count)
{
    struct cai_bin *bin = &thread->bins[place][size_class];
    enum cai_grain grain = cai_class_grain(size_class);
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    struct cai_unit *slab = NULL;
    size_t put = 0;

    for (uint32_t i = 0; i < count; i++) {
        size_t granule = cai_granule_of(view, grain, bin->slots[i]);
        if (CAI_UNLIKELY(granule >= cai_load_relaxed_in_place(&view->granules)))
            continue; /* in the child of a fork: half written by a thread that is not there */
        struct cai_unit *of_this = cai_slab_of(view, grain, granule);
        if (of_this != slab && slab != NULL)
            settle(thread, slab);
        slab = of_this;
        if (CAI_LIKELY(cai_state_is_cached(cai_load_relaxed(&view->state[granule])))) {
            cai_slab_put(slab, &view->state[granule]);
            put++;
        }
    }
    if (slab != NULL)
        settle(thread, slab);
    bin->count -= count;
    memmove(bin->slots, bin->slots + count, bin->count * sizeof *bin->slots);
    if (thread->is_branch)
        cai_add_release(&thread->uncharged, put * cai_class_sizes[size_class]);
}

static void reverse(void **slots, uint32_t count)
{
    for (uint32_t low = 0, high = count; low + 1 < high; low++) {
        void *swap = slots[low];
        slots[low] = slots[--high];
        slots[high] = swap;
    }
}

/* Half fills the empty bin, lowest address on top. False: out of memory. */
static bool refill(struct cai_thread *thread, enum cai_place place, unsigned size_class)
{
    struct cai_bin *bin = &thread->bins[place][size_class];
    struct cai_slabs *list = &thread->slabs[place][size_class];
    unsigned zone = cai_zone_number(place, cai_class_grain(size_class));
    uint32_t got = 0;

    if (bin->limit < 2u * thread->wants[place][size_class] + WANT_MIN && !bin_grow(thread, place, size_class))
        return false;
    uint16_t *wants = &thread->wants[place][size_class];
    uint32_t want = (uint32_t)cai_min(cai_max(*wants, WANT_MIN), (bin->limit + 1) / 2);
    *wants = (uint16_t)(want * 2);
    if (thread->is_branch && (want = cai_branch_charge(thread, want, cai_class_sizes[size_class])) == 0)
        return false;
    cai_lock_take(&thread->lock);
    collect(thread);
    while (got < want) {
        struct cai_unit *slab = list->first != 0 ? unit_at(zone, list->first) : NULL;
        if (slab == NULL) {
            slab = got == 0 ? cai_slab_create(thread, place, size_class) : NULL;
            if (slab == NULL)
                break;
            list_push(list, slab);
        }
        uint32_t taken = cai_slab_take(slab, bin->slots + got, want - got);
        got += taken;
        if (cai_slab_room(slab) == 0 || (taken == 0 && slab->cursor == 0))
            list_unlink(list, slab); /* the latter: miscounted, because two threads freed one block at once */
    }
    cai_lock_give(&thread->lock);
    if (thread->is_branch)
        cai_add_release(&thread->uncharged, (size_t)(want - got) * cai_class_sizes[size_class]);
    reverse(bin->slots, got);
    bin->count = got;
    return got != 0;
}

static void flush_bin(struct cai_thread *thread, enum cai_place place, unsigned size_class, uint32_t count)
{
    cai_lock_take(&thread->lock);
    put_back(thread, place, size_class, count);
    cai_lock_give(&thread->lock);
}

/* Calls flush for every bin that was ever used. */
#define FOR_USED_BINS(thread, place, size_class)                                                                       \
    for (enum cai_place place = 0; place < CAI_PLACES; place++)                                                        \
        for (unsigned word_ = 0; word_ < 2; word_++)                                                                   \
            for (uint64_t bits_ = (thread)->used_bins[place][word_]; bits_ != 0; bits_ &= bits_ - 1)                   \
                for (unsigned size_class = word_ * 64 + (unsigned)__builtin_ctzll(bits_), once_ = 1; once_ != 0;       \
                     once_ = 0)

/* The slabs of one class that were kept although they are empty; the thread's lock is held. */
static void drop_empty(struct cai_thread *thread, enum cai_place place, unsigned size_class)
{
    struct cai_slabs *list = &thread->slabs[place][size_class];
    unsigned zone = cai_zone_number(place, cai_class_grain(size_class));

    for (uint32_t number = list->first; number != 0;) {
        struct cai_unit *slab = unit_at(zone, number);
        number = slab->next;
        if (cai_slab_is_empty(slab)) {
            list_unlink(list, slab);
            cai_slab_destroy(slab);
        }
    }
}

/* Everything of one class that the thread holds without using it; the thread's lock is held. */
static void empty_class(struct cai_thread *thread, enum cai_place place, unsigned size_class)
{
    put_back(thread, place, size_class, thread->bins[place][size_class].count);
    drop_empty(thread, place, size_class);
}

void cai_cache_drop_empty(struct cai_thread *thread)
{
    cai_lock_take(&thread->lock);
    collect(thread);
    for (enum cai_place place = 0; place < CAI_PLACES; place++)
        for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++)
            drop_empty(thread, place, size_class);
    cai_lock_give(&thread->lock);
}

void cai_cache_flush_all(struct cai_thread *thread)
{
    cai_cache_publish(thread);
    cai_lock_take(&thread->lock);
    collect(thread);
    FOR_USED_BINS(thread, place, size_class)
    empty_class(thread, place, size_class);
    cai_lock_give(&thread->lock);
}

void cai_cache_salvage(struct cai_thread *thread)
{
    FOR_USED_BINS(thread, place, size_class)
    {
        struct cai_bin *bin = &thread->bins[place][size_class];
        if (bin->count > bin->limit)
            bin->count = bin->limit;
        put_back(thread, place, size_class, bin->count);
    }
}

void cai_cache_flush_idle(struct cai_thread *thread)
{
    cai_cache_publish(thread);
    cai_lock_take(&thread->lock);
    FOR_USED_BINS(thread, place, size_class)
    {
        struct cai_bin *bin = &thread->bins[place][size_class];
        uint32_t mark = (uint32_t)(bin->rounds + (uint64_t)bin->period - (uint64_t)bin->countdown) * 2048 + bin->count;
        if (thread->marks[place][size_class] == mark)
            empty_class(thread, place, size_class);
        thread->marks[place][size_class] = mark;
    }
    cai_lock_give(&thread->lock);
}

/* --- the slow paths --- */

/* A slot, marked live. NULL: out of memory, or *twice is the address of a slot that two threads freed at once. */
static void *take(struct cai_thread *thread, enum cai_place place, unsigned size_class, bool *is_zero, void **twice)
{
    struct cai_bin *bin = &thread->bins[place][size_class];

    /* The fast path has counted this allocation already when it came here because of the countdown. */
    if (bin->countdown < 0 || --bin->countdown < 0)
        cai_tick(thread, bin);
    if (bin->count == 0 && !refill(thread, place, size_class)) {
        if (thread->refused != CA_OK) {
            bin->countdown++;
            return NULL;
        }
        /* What this thread and others have at hand may be what is missing. */
        cai_tick_give_back(thread);
        if (!refill(thread, place, size_class)) {
            bin->countdown++;
            return NULL;
        }
    }
    void *address = bin->slots[--bin->count];
    if (CAI_LIKELY(cai_cache_activate(place, cai_class_grain(size_class), size_class, address, is_zero)))
        return address;
    *twice = address;
    if (thread->is_branch)
        cai_add_release(&thread->uncharged, cai_class_sizes[size_class]);
    return NULL;
}

CAI_COLD void cai_cache_report_twice(enum cai_place place, unsigned size_class, const void *address)
{
    cai_violation_report((ca_violation){.kind = CA_VIOLATION_DOUBLE_FREE,
                                        .function = "allocate",
                                        .address = address,
                                        .size = cai_class_bytes(size_class),
                                        .place = cai_place_name(place),
                                        .stated = "a free block",
                                        .found = "a doubly freed block"});
}

CAI_NOINLINE void *cai_cache_take_slow(enum cai_place place, unsigned size_class, bool zeroed, size_t bytes)
{
    for (;;) {
        struct cai_thread *own = cai_self->id != 0 ? cai_self : cai_thread_attach();
        struct cai_thread *thread = own != NULL ? own : cai_thread_borrow();
        bool is_zero = false;
        void *twice = NULL;

        if (thread == NULL)
            return NULL;
        void *address = take(thread, place, size_class, &is_zero, &twice);
        if (address != NULL && zeroed)
            cai_cache_zero(thread, address, bytes, is_zero);
        if (own == NULL)
            cai_thread_return();
        if (twice == NULL)
            return address;
        cai_cache_report_twice(place, size_class, twice);
    }
}

void *cai_cache_take_for(struct cai_thread *branch, enum cai_place place, unsigned size_class, bool zeroed,
                         size_t bytes, void **twice)
{
    bool is_zero = false;
    void *address = take(branch, place, size_class, &is_zero, twice);

    if (address != NULL && zeroed)
        cai_cache_zero(branch, address, bytes, is_zero);
    return address;
}

/* A slot of another heap's slab: back into the slab at once, the count told later. The exchange makes two threads that
 * free the same block in the same instant one free and one violation. */
static bool put_foreign(struct cai_thread *thread, struct cai_unit *slab, enum cai_place place, uint8_t *state,
                        uint8_t live)
{
    if (!cai_swap_strong_acq_rel(state, &live, cai_state_freed(place, CAI_STATE_IN_SLAB)))
        return false;
    struct cai_thread *branch = cai_branch_lock_owner(&cai_view_of(slab->zone)->owner[cai_unit_number(slab)]);
    if (branch != NULL) {
        cai_slab_tell(slab, 1);
        cai_add_release(&branch->uncharged, cai_class_sizes[slab->size_class]);
        cai_lock_give(&branch->use);
        return true;
    }
    if (thread->id == 0) {
        cai_slab_tell(slab, 1);
        return true;
    }
    if (thread->pending_slab != slab || thread->pending == PENDING_MAX) {
        cai_cache_publish(thread);
        thread->pending_slab = slab;
    }
    thread->pending++;
    return true;
}

CAI_NOINLINE bool cai_cache_put_slow(enum cai_place place, unsigned size_class, uint8_t live, void *address)
{
    enum cai_grain grain = cai_class_grain(size_class);
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    size_t granule = cai_granule_of(view, grain, address);
    uint8_t *state = &view->state[granule];
    struct cai_unit *slab = cai_slab_of(view, grain, granule);
    struct cai_thread *thread = cai_self;

    if (thread == &cai_thread_none && cai_thread_attach() != NULL)
        thread = cai_self;
    struct cai_bin *bin = &thread->bins[place][size_class];
    uint32_t owner = cai_load_relaxed(&view->owner[cai_unit_of_granule(grain, granule)]);
    if (thread->id == 0 || owner != thread->id) {
        struct cai_thread *branch = cai_branch_of_owner(owner);
        if (branch != NULL && cai_branch_put(branch, place, size_class, state, address))
            return true;
        return put_foreign(thread, slab, place, state, live);
    }
    if (bin->count == bin->limit) {
        if (!bin_grow(thread, place, size_class))
            return put_foreign(thread, slab, place, state, live);
        if (bin->count == bin->limit)
            flush_bin(thread, place, size_class, (bin->count + 1) / 2);
        if (thread->armed)
            cai_tick_arm(thread);
    }
    cai_store_relaxed(state, cai_state_freed(place, CAI_STATE_CACHED));
    bin->slots[bin->count++] = address;
    return true;
}
