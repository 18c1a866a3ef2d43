/* See guarded.h. An entry is in the hands of one thread while its block is made or ended, and says so, for the child of
 * a fork. Of the state byte and the entry's state that which lets others in is stored last.
 */
#include "heaps/guarded.h"

#include "base/wipe.h"
#include "core/chance.h"
#include "core/settings.h"
#include "heaps/claim.h"
#include "heaps/fence_report.h"
#include "heaps/guarded_report.h"
#include "heaps/page.h"
#include "heaps/sample.h"
#include "os/guard.h"
#include "os/os.h"
#include "pages/mapping.h"
#include "pages/policy.h"
#include "pages/run.h"
#include "stack/stack.h"

#include <string.h>

/* What a run whose pages are protected takes of mappings beside the one that it lies in. */
enum { MAPPINGS = 4 };

/* A sample takes some twenty microseconds, calls of the kernel most of it. Where their pace is kept, the next comes
 * eight milliseconds later at the earliest: a quarter of a percent of the time on the clock is the most that they
 * take, however quickly blocks come and go. */
enum { PACE_NS = 8000000 };

uint32_t cai_guarded_rate;

static uint64_t turns;   /* atomic */
static uint64_t last_ns; /* atomic; when one was due */

void cai_guarded_start(void)
{
    if (cai_settings->guard_sample == 0)
        return;
    uint64_t random = cai_os_random();
    cai_guarded_filling = (uint8_t)(random >> 56 | 0x80);
    cai_chance_seed(random);
    cai_store_release(&cai_guarded_rate, cai_settings->guard_sample);
}

static bool keeps_pace(void)
{
    if (!cai_settings->guard_paced)
        return true;
    uint64_t last = cai_load_acquire(&last_ns);
    uint64_t now = cai_os_nanoseconds(); /* after it: not before the one that was due last */
    return now - last >= PACE_NS && cai_swap_strong_acq_rel(&last_ns, &last, now);
}

bool cai_guarded_is_due(struct cai_heap *heap, enum cai_place place, unsigned size_class, uint64_t passed)
{
    return cai_sample_count(&heap->bins[place][size_class], &heap->guard_blocks[place][size_class], passed,
                            cai_load_relaxed(&cai_guarded_rate), 1) &&
           keeps_pace();
}

/* --- where things are --- */

static uint64_t mine(void)
{
    return (uint64_t)cai_lock_self() << 3 | CAI_GUARDED_BUSY;
}

static bool seize(struct cai_guarded *entry, uint64_t from)
{
    return cai_load_relaxed(&entry->state) == from && cai_swap_strong_acq_rel(&entry->state, &from, mine());
}

struct span {
    uintptr_t from, to;
};

static struct span whole_of(const struct cai_unit *run)
{
    uintptr_t address = cai_unit_address(run);

    return (struct span){address, address + ((uintptr_t)run->units << CAI_UNIT_SHIFT)};
}

/* The pages that its block touches. */
static struct span pages_of(const struct cai_unit *run)
{
    uintptr_t block = cai_guarded_address(run);
    size_t page = cai_settings->page_bytes;

    return (struct span){cai_round_down(block, page), cai_round_up(block + cai_class_bytes(run->size_class), page)};
}

static void shut(struct cai_guarded *entry, struct span span)
{
    unsigned ways = span.from < span.to ? cai_os_shut(span.from, span.to - span.from) : 0;

    if ((ways & ~(unsigned)entry->ways & CAI_SHUT_BY_MAPPING) != 0)
        cai_mappings_guarded(MAPPINGS);
    entry->ways |= (uint8_t)ways;
}

static void open_again(const struct cai_guarded *entry, struct span span)
{
    cai_os_unshut(span.from, span.to - span.from, entry->ways);
}

static bool zeroes(const struct cai_unit *run)
{
    return cai_place_zeroes((enum cai_place)(run->zone / CAI_GRAINS));
}

static void note_calls(struct cai_guarded_calls *calls)
{
    calls->count = (uint32_t)cai_stack_read(calls->frame, CAI_GUARDED_FRAMES, 1);
}

/* --- what lies beside the block --- */

/* In places that zero what is cut off from a block is cleared, so there zeros stand behind it, to the end of its slot.
 * Elsewhere the block may have been longer for a while. */
static size_t behind_from(const struct cai_unit *run)
{
    return zeroes(run) ? cai_class_bytes(run->size_class) : run->most;
}

static void fill_beside(const struct cai_unit *run)
{
    struct span pages = pages_of(run);
    uintptr_t block = cai_guarded_address(run);
    uintptr_t behind = block + behind_from(run);

    memset((void *)pages.from, cai_guarded_filling, block - pages.from);
    memset((void *)behind, cai_guarded_filling, pages.to - behind);
}

/* These eight bytes are all `byte`: most of a page is looked at. */
static bool is_word_of(const uint8_t *at, uint8_t byte)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word == byte * UINT64_C(0x0101010101010101);
}

/* How many bytes before `end` lie between the first that is not `byte` and there. */
static size_t changed_before(const uint8_t *from, const uint8_t *end, uint8_t byte)
{
    while (end - from >= 8 && is_word_of(from, byte))
        from += 8;
    while (from < end && *from == byte)
        from++;
    return (size_t)(end - from);
}

static size_t changed_behind(const uint8_t *from, const uint8_t *end, uint8_t byte)
{
    while (end - from >= 8 && is_word_of(end - 8, byte))
        end -= 8;
    while (from < end && end[-1] == byte)
        end--;
    return (size_t)(end - from);
}

static void look_beside(const struct cai_guarded *entry)
{
    const struct cai_unit *run = entry->run;
    struct span pages = pages_of(run);
    const uint8_t *block = (const uint8_t *)(cai_guarded_address(run));
    const uint8_t *end = block + run->exact;
    const uint8_t *behind = block + behind_from(run);

    if (!entry->is_known)
        return;
    size_t over = changed_behind(behind, (const uint8_t *)pages.to, cai_guarded_filling);
    if (over != 0)
        over += (size_t)(behind - end);
    else if (zeroes(run))
        over = changed_behind(end, behind, 0);
    size_t under = changed_before((const uint8_t *)pages.from, block, cai_guarded_filling);
    if (CAI_UNLIKELY(over != 0 || under != 0))
        cai_guarded_report_beside(entry, over, under);
}

/* --- taking --- */

/* Its run goes back to all. */
static void recycle(struct cai_guarded *entry)
{
    struct cai_unit *run = entry->run;

    open_again(entry, whole_of(run));
    if ((entry->ways & CAI_SHUT_BY_MAPPING) != 0)
        cai_mappings_guarded(-MAPPINGS);
    cai_store_relaxed(cai_guarded_state(run), CAI_STATE_NONE);
    cai_run_withdraw_owned(run);
    cai_store_release(&entry->run, NULL); /* from here on, in the child of a fork, it is nobody's */
    cai_run_give(run);
}

/* The one that waits longest, of those that have waited since this turn. */
static struct cai_guarded *oldest_since(uint64_t turn)
{
    struct cai_guarded *oldest = NULL;

    for (unsigned i = 0; i < CAI_GUARDED_MAX; i++) {
        struct cai_guarded *entry = &cai_guarded_table[i];
        uint64_t since = cai_load_relaxed(&entry->turn);
        if (cai_load_acquire(&entry->state) == CAI_GUARDED_WAITS && since >= turn &&
            (oldest == NULL || since < cai_load_relaxed(&oldest->turn)))
            oldest = entry;
    }
    return oldest;
}

/* An entry for this thread alone; it may have a run, which is shut and holds nothing. NULL: all are in use, or nobody
 * knows yet that they are not. */
static struct cai_guarded *entry_new(void)
{
    struct cai_guarded *entry;

    for (unsigned i = 0; i < CAI_GUARDED_MAX; i++)
        if (seize(&cai_guarded_table[i], CAI_GUARDED_FREE))
            return &cai_guarded_table[i];
    for (uint64_t turn = 0; (entry = oldest_since(turn)) != NULL; turn = cai_load_relaxed(&entry->turn) + 1) {
        if (!seize(entry, CAI_GUARDED_WAITS))
            continue;
        if (cai_state_is_in_slab(cai_load_acquire(cai_guarded_state(entry->run))))
            return entry;
        cai_store_release(&entry->state, CAI_GUARDED_WAITS); /* something may still point to it */
    }
    return NULL;
}

static uint32_t units_for(unsigned size_class)
{
    size_t page = cai_settings->page_bytes;
    size_t length = cai_round_up(cai_class_bytes(size_class), page) + 2 * page;

    return (uint32_t)(cai_round_up(length, CAI_UNIT_BYTES) >> CAI_UNIT_SHIFT);
}

static struct cai_zone *zone_for(enum cai_place place, unsigned size_class)
{
    return &cai_zones[cai_zone_number(place, cai_class_grain(size_class))];
}

static struct cai_unit *take_run(enum cai_place place, unsigned size_class)
{
    struct cai_unit *run = cai_run_take(zone_for(place, size_class), units_for(size_class), 1, CAI_UNIT_GUARDED);

    /* Memory that is locked or hidden is no other way protected. */
    if (run != NULL && (run->guard & ~(unsigned)CAI_GUARD_DUMPED & ~(unsigned)CAI_GUARD_WIPED) != 0) {
        cai_run_give(run);
        run = NULL;
    }
    return run;
}

static void describe(struct cai_unit *run, const struct cai_guarded *entry, unsigned size_class, size_t bytes)
{
    size_t page = cai_settings->page_bytes;
    size_t length = (size_t)run->units << CAI_UNIT_SHIFT;
    bool to_the_left = (cai_chance_bytes(UINT32_MAX) & 1) != 0;

    run->size_class = (uint8_t)size_class;
    run->block_at = (uint32_t)(to_the_left ? page : length - page - cai_class_bytes(size_class));
    run->entry = (uint16_t)(entry - cai_guarded_table);
    run->family = 0;
    cai_store_relaxed(&run->exact, cai_max(bytes, 1));
    cai_store_relaxed(&run->most, cai_max(bytes, 1));
}

/* Another block in the run that the entry has, which spares shutting it. False: it does not fit, and is given back. Who
 * reads blocks of others holds the zone's lock. */
static bool renew(struct cai_guarded *entry, enum cai_place place, unsigned size_class, size_t bytes)
{
    struct cai_unit *run = entry->run;
    struct cai_zone *zone = zone_for(place, size_class);

    if (run == NULL)
        return false;
    if (&cai_zones[run->zone] != zone || run->units != units_for(size_class)) {
        recycle(entry);
        return false;
    }
    cai_lock_take(&zone->lock);
    cai_store_relaxed(cai_guarded_state(run), CAI_STATE_NONE);
    describe(run, entry, size_class, bytes);
    cai_lock_give(&zone->lock);
    open_again(entry, pages_of(run));
    return true;
}

/* Everything but the block's pages. What earlier blocks left there is gone. False: the kernel does not do it. */
static bool fence(struct cai_guarded *entry)
{
    const struct cai_unit *run = entry->run;
    struct span whole = whole_of(run);
    struct span pages = pages_of(run);

    shut(entry, whole);
    if (entry->ways == 0)
        return false;
    open_again(entry, pages);
    return true;
}

/* A run of its own for the entry. False: there is none, or the kernel does not fence it. */
static bool begin(struct cai_guarded *entry, enum cai_place place, unsigned size_class, size_t bytes)
{
    struct cai_unit *run = take_run(place, size_class);

    if (run == NULL)
        return false;
    describe(run, entry, size_class, bytes);
    entry->ways = 0;
    cai_store_release(&entry->run, run);
    if (fence(entry))
        return true;
    cai_store_release(&entry->run, NULL);
    cai_run_give(run);
    return false;
}

void *cai_guarded_take(struct cai_heap *heap, enum cai_place place, unsigned size_class, size_t bytes)
{
    cai_process_notice(); /* before there is something in the child of a fork that its parent did not have */
    struct cai_guarded *entry = entry_new();

    if (entry == NULL)
        return NULL;
    if (!renew(entry, place, size_class, bytes) && !begin(entry, place, size_class, bytes)) {
        cai_store_release(&entry->state, CAI_GUARDED_FREE);
        return NULL;
    }
    struct cai_unit *run = entry->run;
    fill_beside(run);
    entry->is_known = true;
    entry->given.count = 0;
    note_calls(&entry->taken);
    cai_run_publish(run, CAI_UNIT_GUARDED, heap->id);
    cai_store_release(cai_guarded_state(run), CAI_STATE_GUARDED);
    cai_store_release(&entry->state, CAI_GUARDED_LIVE);
    cai_fence_report_start();
    cai_page_look_at_faults();
    return (void *)(cai_guarded_address(run));
}

/* --- giving back --- */

bool cai_guarded_claim(struct cai_live live)
{
    if (live.byte != CAI_STATE_CLAIMED && !cai_claim(live))
        return false;
    look_beside(&cai_guarded_table[cai_live_run(live)->entry]);
    return true;
}

void cai_guarded_give(struct cai_live live, uint8_t freed)
{
    struct cai_unit *run = cai_live_run(live);
    struct cai_guarded *entry = &cai_guarded_table[run->entry];

    while (!seize(entry, CAI_GUARDED_LIVE)) /* who made it is not quite done */
        cai_os_yield();
    note_calls(&entry->given);
    struct span pages = pages_of(run);
    if (zeroes(run))
        cai_wipe((void *)pages.from, pages.to - pages.from);
    cai_store_relaxed(&entry->turn, cai_add_relaxed(&turns, 1));
    /* Who reads blocks of others while they are live holds this lock. */
    cai_lock_take(&cai_zones[run->zone].lock);
    cai_store_release(live.state, freed);
    shut(entry, pages);
    cai_lock_give(&cai_zones[run->zone].lock);
    cai_store_release(&entry->state, CAI_GUARDED_WAITS);
    cai_claim_end();
}

void cai_guarded_release(const struct cai_unit *run)
{
    cai_run_disown(run);
    cai_store_release(cai_guarded_state(run),
                      cai_state_freed((enum cai_place)(run->zone / CAI_GRAINS), CAI_STATE_IN_SLAB));
}

void cai_guarded_end(struct cai_unit *run, uint8_t freed)
{
    uint8_t *state = run->block_at < (size_t)run->units << CAI_UNIT_SHIFT ? cai_guarded_state(run) : NULL;
    uint8_t byte = state != NULL ? cai_load_relaxed(state) : CAI_STATE_NONE;

    if (cai_state_is_open(byte) && cai_claim(cai_find_of_state(state, byte)))
        cai_guarded_give(cai_live_claimed(cai_find_of_state(state, byte)), freed);
}

void cai_guarded_set(struct cai_live live, size_t bytes, unsigned family)
{
    struct cai_unit *run = cai_live_run(live);

    run->family = (uint8_t)family;
    cai_store_relaxed(&run->exact, bytes);
    cai_store_relaxed(&run->most, bytes);
    if (cai_guarded_table[run->entry].is_known)
        fill_beside(run);
}

/* --- fork --- */

static void shut_beside(struct cai_guarded *entry)
{
    struct span whole = whole_of(entry->run);
    struct span pages = pages_of(entry->run);

    shut(entry, (struct span){whole.from, pages.from});
    shut(entry, (struct span){pages.to, whole.to});
}

static bool is_wiped(const struct cai_unit *run)
{
    return run != NULL && (run->guard & CAI_GUARD_WIPED) != 0;
}

static void settle(struct cai_guarded *entry)
{
    const struct cai_unit *run = entry->run;
    uint8_t *state = run != NULL && run->kind == CAI_UNIT_GUARDED ? cai_guarded_state(run) : NULL;

    if (state == NULL) {
        entry->run = NULL;
        cai_store_release(&entry->state, CAI_GUARDED_FREE);
    } else if (cai_state_is_live(cai_load_relaxed(state))) {
        entry->is_known = entry->is_known && !zeroes(run); /* the fork has wiped it, or it was being cleared */
        open_again(entry, pages_of(run));
        shut_beside(entry);
        cai_store_release(&entry->state, CAI_GUARDED_LIVE);
    } else {
        if (cai_load_relaxed(state) == CAI_STATE_NONE)
            cai_store_relaxed(state, CAI_STATE_IN_SLAB);
        shut(entry, whole_of(run));
        cai_store_release(&entry->state, CAI_GUARDED_WAITS);
    }
}

void cai_guarded_child(void)
{
    for (unsigned i = 0; i < CAI_GUARDED_MAX; i++) {
        struct cai_guarded *entry = &cai_guarded_table[i];
        uint64_t state = cai_load_relaxed(&entry->state);
        bool is_busy = (state & CAI_GUARDED_BUSY) != 0;
        if (is_busy ? state != mine() : is_wiped(entry->run))
            settle(entry);
    }
}
