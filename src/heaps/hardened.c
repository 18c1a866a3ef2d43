/* See hardened.h. */
#include "heaps/hardened.h"

#include "base/decimal.h"
#include "base/wipe.h"
#include "base/zero.h"
#include "blocks/clear.h"
#include "blocks/fence.h"
#include "blocks/large.h"
#include "core/tagging.h"
#include "core/violation.h"
#include "harden/canary.h"
#include "harden/finding.h"
#include "harden/still.h"
#include "harden/tag.h"
#include "heaps/allocate.h"
#include "heaps/claim.h"
#include "heaps/fence_report.h"
#include "heaps/free.h"
#include "heaps/guarded.h"
#include "heaps/life.h"
#include "heaps/nothing.h"
#include "heaps/quarantine.h"
#include "heaps/resize.h"
#include "heaps/sample.h"

#include <string.h>

/* A neighbour may be under the hands of another thread: it is believed when it says the same so often. */
enum { LOOKS_AT_NEIGHBOUR = 4 };

static bool has(enum cai_check check)
{
    return (cai_settings->checks & check) != 0;
}

/* --- taking --- */

/* A large block: whole pages, and one behind them. */
static size_t with_guard(size_t bytes)
{
    return cai_round_up(bytes, cai_settings->page_bytes) + cai_fence_room();
}

static char *take_large(enum cai_place place, size_t bytes, size_t align, bool zeroed)
{
    struct cai_heap *heap = cai_self_heap();
    size_t pages = with_guard(bytes) - cai_fence_room();
    void *kept = align <= CAI_UNIT_BYTES ? cai_large_take_fenced(heap, place, pages, cai_fence_room(), zeroed) : NULL;

    if (kept == NULL)
        return cai_allocate_aligned(place, with_guard(bytes), align, zeroed);
    return cai_sample_large(heap, place, kept);
}

/* Of a block that is claimed. */
static void record(char *block, struct cai_live live, size_t bytes)
{
    cai_exact_set(live, bytes);
    if (has(CAI_CHECK_canary))
        cai_canary_write(block, bytes, cai_canary_slack(live, bytes));
    if (cai_tags_are_on() && live.size_class != 0)
        cai_tag_fit(block, bytes, cai_class_sizes[live.size_class]);
}

/* What the slot of a block that was just allocated said before (blocks/cache.h). */
static bool was_zero(struct cai_live live)
{
    return live.size_class > 1 && cai_load_relaxed(live.state + 1) == CAI_STATE_WAS_ZERO;
}

static void look_for_writes(enum cai_place place, char *block, struct cai_live live, bool zeroed)
{
    size_t slot = cai_class_sizes[live.size_class];

    if (CAI_LIKELY(cai_is_still_zero(block, slot, zeroed)))
        return;
    cai_finding_tell(place, block, slot);
    cai_wipe(block, slot);
}

/* What was just allocated as one of this class. */
static struct cai_live live_of(enum cai_place place, const void *block, unsigned size_class)
{
    unsigned zone = cai_zone_number(place, cai_class_grain(size_class));
    const struct cai_view *view = cai_view_of(zone);

    if (CAI_UNLIKELY(size_class == 0))
        return cai_find_live(place, block);
    uint8_t *state = view->state + cai_granule_of(view, cai_class_grain(size_class), block);
    if (CAI_UNLIKELY(cai_load_relaxed(state) == CAI_STATE_GUARDED))
        return cai_find_live(place, block);
    return (struct cai_live){.state = cai_load_relaxed(state) == size_class ? state : NULL,
                             .byte = (uint8_t)size_class,
                             .size_class = (uint8_t)size_class,
                             .zone = (uint8_t)zone};
}

void *cai_hardened_allocate(enum cai_place place, size_t bytes, size_t align, bool zeroed, enum cai_family family)
{
    if (!cai_life_start()) /* nothing below makes sense before the settings are read */
        return NULL;
    if (bytes == 0) {
        void *nothing = has(CAI_CHECK_guard) ? cai_nothing_allocate(align, family) : NULL;
        if (nothing != NULL) {
            cai_fence_report_start();
            return nothing;
        }
        bytes = 1;
    }
    if (bytes > PTRDIFF_MAX)
        return NULL;
    unsigned size_class = cai_class_for(cai_hardened_least(bytes), align);
    char *block = size_class == 0 ? take_large(place, bytes, align, zeroed)
                                  : cai_allocate_aligned(place, cai_hardened_least(bytes), align, false);
    if (block == NULL)
        return NULL;
    struct cai_live live = live_of(place, block, size_class);
    if (live.state == NULL) /* another thread gave it back by an old pointer */
        return NULL;
    if (CAI_UNLIKELY(live.byte == CAI_STATE_GUARDED)) {
        cai_guarded_set(live, bytes, (unsigned)family + 1);
        return block;
    }
    if (was_zero(live) && has(CAI_CHECK_zero))
        look_for_writes(place, block, live, zeroed);
    if (zeroed && size_class != 0)
        cai_cache_zero(cai_self_heap(), block, bytes, was_zero(live));
    cai_exact_set(live, bytes);
    if (has(CAI_CHECK_canary))
        cai_canary_begin(block, bytes, cai_canary_slack(live, bytes));
    if (size_class == 0) {
        cai_fence_tail(live);
        cai_fence_report_start();
    } else if (cai_tags_are_on()) {
        block = cai_tag_begin(block, bytes, cai_class_sizes[size_class]);
        cai_fence_report_start();
    }
    cai_store_release(live.state, (uint8_t)(CAI_STATE_HARDENED + family));
    return block;
}

/* --- looking --- */

static CAI_COLD void report_overflow(enum cai_place place, const void *block, size_t bytes, size_t over,
                                     const char *function)
{
    char found[80];

    stpcpy(cai_decimal_add(found, over),
           over == 1 ? " byte written behind a live block" : " bytes written behind a live block");
    cai_violation_report((ca_violation){
        .kind = CA_VIOLATION_OVERFLOW,
        .function = function,
        .address = block,
        .size = bytes,
        .place = cai_place_name(place),
        .stated = "nothing written behind it",
        .found = found,
    });
}

static size_t overflow_of(const char *block, struct cai_live live, size_t *bytes)
{
    *bytes = cai_exact_bytes(live);
    return cai_canary_overflow(block, *bytes, cai_canary_slack(live, *bytes));
}

/* The slot before this one in its slab. It is not ours: each look takes what it says as one of some moment. */
static void look_before(enum cai_place place, const char *address, struct cai_live live, const char *function)
{
    size_t slot = cai_class_sizes[live.size_class];
    const char *block = address - slot;
    size_t over = 0;
    size_t bytes = 0;

    if ((uintptr_t)address - cai_slab_begin(cai_live_run(live)) < slot)
        return;
    live.state -= slot >> cai_grain_shift(cai_zone_grain(live.zone));
    for (unsigned i = 0; i < LOOKS_AT_NEIGHBOUR; i++) {
        live.byte = cai_load_acquire(live.state);
        if (!cai_state_is_hardened(live.byte))
            return;
        size_t now = overflow_of(block, live, &bytes);
        if (now == 0 || (i != 0 && now != over) || cai_load_acquire(live.state) != live.byte)
            return;
        over = now;
    }
    report_overflow(place, block, bytes, over, function);
}

void cai_hardened_look(enum cai_place place, const void *address, struct cai_live live, const char *function)
{
    size_t bytes;

    if (!has(CAI_CHECK_canary) || !cai_state_is_hardened(live.byte))
        return;
    size_t over = overflow_of(address, live, &bytes);
    /* Where somebody else gives it back this moment, that has cleared it. */
    if (CAI_UNLIKELY(over != 0) && cai_load_acquire(live.state) == live.byte)
        report_overflow(place, address, bytes, over, function);
    if (live.size_class != 0)
        look_before(place, address, live, function);
}

/* A guarded sample that such a door has made. */
static bool is_of_doors(struct cai_live live)
{
    return live.byte == CAI_STATE_GUARDED && cai_live_run(live)->family != 0;
}

bool cai_hardened_family_slow(enum cai_place place, const void *address, enum cai_family family, const char *function)
{
    static const char *const found[] = {"a live block of malloc", "a live block of operator new",
                                        "a live block of operator new[]", "a live block of aligned operator new",
                                        "a live block of aligned operator new[]"};
    static const char *const doors[] = {"a block of malloc", "a block of operator new", "a block of operator new[]",
                                        "a block of aligned operator new", "a block of aligned operator new[]"};
    struct cai_live live = cai_find_live(place, address);
    enum cai_family of;

    if (!has(CAI_CHECK_mismatch))
        return true;
    if (live.state != NULL && cai_state_is_hardened(live.byte))
        of = (enum cai_family)(live.byte - CAI_STATE_HARDENED);
    else if (live.state != NULL && is_of_doors(live))
        of = (enum cai_family)(cai_live_run(live)->family - 1);
    else if (live.state != NULL || !cai_nothing_family(address, &of))
        return true;
    if (CAI_LIKELY(of == family))
        return true;
    cai_violation_report((ca_violation){
        .kind = CA_VIOLATION_MISMATCHED_DELETE,
        .function = function,
        .address = address,
        .size = live.state != NULL ? cai_exact_bytes(live) : 0,
        .place = cai_place_name(live.state != NULL ? place : CAI_PLACE_none),
        .stated = doors[family],
        .found = found[of],
    });
    return false;
}

bool cai_hardened_stated(enum cai_place place, const void *address, size_t bytes, size_t align, const char *function)
{
    struct cai_live live = cai_find_live(place, address);

    bool is_nothing = live.state == NULL && cai_nothing_is_live(address);

    if (!has(CAI_CHECK_mismatch) ||
        (!is_nothing && (live.state == NULL || (!cai_state_is_hardened(live.byte) && !is_of_doors(live)))))
        return true;
    size_t exact = is_nothing ? 0 : cai_exact_bytes(live);
    bool is_aligned = ((uintptr_t)address & (align - 1)) == 0;
    if (CAI_LIKELY((exact == bytes || (exact == 1 && bytes == 0)) && is_aligned))
        return true;
    cai_violation_report((ca_violation){
        .kind = CA_VIOLATION_SIZE_MISMATCH,
        .function = function,
        .address = address,
        .size = exact,
        .place = cai_place_name(is_nothing ? CAI_PLACE_none : place),
        .stated = !is_aligned     ? "an alignment that it does not have"
                  : bytes > exact ? "a size that is larger"
                                  : "a size that is smaller",
        .found = "a live block",
    });
    return false;
}

/* What a program has of a live block: other blocks have no tag, and of theirs the memory may be out of reach. */
static void *pointer_of(void *address, struct cai_live live)
{
    return live.size_class != 0 && cai_state_is_hardened(live.byte) ? cai_tags_pointer(address) : address;
}

bool cai_hardened_enters_slow(void **block, const char *function)
{
    if (!CAI_TAGS)
        return true;
    void *address = (void *)cai_mte_untagged((uintptr_t)*block);
    enum cai_place place = cai_place_of(address);
    struct cai_live live = place != CAI_PLACE_none ? cai_find_live(place, address) : (struct cai_live){.state = NULL};

    if (CAI_UNLIKELY(live.state != NULL && pointer_of(address, live) != *block)) {
        cai_violation_report((ca_violation){.kind = CA_VIOLATION_STALE,
                                            .function = function,
                                            .address = address,
                                            .size = cai_exact_bytes(live),
                                            .place = cai_place_name(place),
                                            .stated = "a pointer with the tag of its block",
                                            .found = "another tag on a live block"});
        return false;
    }
    *block = address;
    return true;
}

/* --- resizing --- */

static void *move(enum cai_place place, void *address, struct cai_live live, size_t bytes, const char *function)
{
    size_t before = cai_exact_bytes(live);
    void *moved = place == CAI_PLACE_ordinary ? cai_hardened_take(bytes, CAI_FAMILY_malloc) : NULL;

    if (moved == NULL)
        moved = cai_hardened_allocate(place, bytes, 16, false, CAI_FAMILY_malloc);
    if (moved == NULL) {
        cai_claim_return(live);
        return NULL;
    }
    void *to = (void *)cai_tags_off(moved);
    cai_claim_moves_to(to);
    cai_tags_pass();
    memcpy(to, address, cai_min(bytes, before));
    cai_tags_mind();
    bool put = cai_free_live(place, address, cai_live_claimed(live));
    if (put)
        return moved;
    cai_free_slow(place, to, function);
    cai_find_report(place, address, function);
    return NULL;
}

/* It stays where it is while it fills half of its slot. */
static bool stays(struct cai_live live, size_t bytes)
{
    size_t slot = cai_class_sizes[live.size_class];

    return live.size_class != 0 && live.byte != CAI_STATE_GUARDED && cai_hardened_least(bytes) <= slot &&
           bytes >= slot / 2;
}

/* In place, while it is claimed: whoever finds it live looks at its canary. What ends in the same page has the same
 * guard; one that cannot grow keeps its own, as there may be no memory to move to; what is cut off has none. */
static bool resize_large(void *address, struct cai_live live, size_t bytes)
{
    size_t before = with_guard(cai_exact_bytes(live));
    size_t after = with_guard(bytes);

    if (after < before)
        cai_fence_lift(live);
    if (after != before && !cai_resize_in_place(&live, after))
        return false;
    if (after > before)
        cai_fence_lift(live);
    record(address, live, bytes);
    if (after != before)
        cai_fence_tail(live);
    return true;
}

void *cai_hardened_resize(enum cai_place place, void *address, struct cai_live live, size_t bytes, const char *function)
{
    cai_hardened_look(place, address, live, function);
    if (CAI_UNLIKELY(!cai_claim(live))) {
        cai_find_report(place, address, function);
        return NULL;
    }
    if (stays(live, bytes)) {
        record(address, live, bytes);
        void *pointer = pointer_of(address, live);
        cai_claim_return(live);
        return pointer;
    }
    if (live.size_class == 0 && cai_hardened_least(bytes) > CAI_SMALL_BYTES_MAX && resize_large(address, live, bytes)) {
        cai_claim_return(live);
        return address;
    }
    return move(place, address, live, bytes, function);
}

void *cai_hardened_from_nothing(enum cai_place place, void *address, size_t bytes, const char *function)
{
    void *block =
        cai_nothing_is_live(address) ? cai_hardened_allocate(place, bytes, 16, false, CAI_FAMILY_malloc) : NULL;

    if (block != NULL || !cai_nothing_is_live(address))
        cai_nothing_free(address, function);
    return block;
}

/* --- all of them --- */

struct over {
    const char *block;
    size_t bytes, over;
    enum cai_place place;
};

enum { OVERS_MAX = 8 };

static struct {
    struct over kept[OVERS_MAX];
    unsigned count;
} overs; /* under the quarantine's lock */

/* A block that says the same twice. */
static void note_overflow(enum cai_place place, const char *block, struct cai_live live)
{
    size_t bytes;
    size_t over = overflow_of(block, live, &bytes);
    size_t again;

    if (CAI_LIKELY(over == 0) || overflow_of(block, live, &again) != over || again != bytes ||
        cai_load_acquire(live.state) != live.byte || overs.count == OVERS_MAX)
        return;
    overs.kept[overs.count++] = (struct over){block, bytes, over, place};
}

static bool is_exit; /* under the quarantine's lock */

static void look_at_slot(unsigned zone, uint8_t *state, char *block, unsigned size_class)
{
    enum cai_place place = (enum cai_place)(zone / CAI_GRAINS);
    struct cai_live live = {
        .state = state, .byte = cai_load_acquire(state), .size_class = (uint8_t)size_class, .zone = (uint8_t)zone};

    if (has(CAI_CHECK_canary) && cai_state_is_hardened(live.byte))
        note_overflow(place, block, live);
    if (is_exit && has(CAI_CHECK_zero) && size_class != 0)
        cai_still_look(place, state, block, cai_class_sizes[size_class]);
}

static void look_at_run(const struct cai_unit *run)
{
    unsigned shift = cai_grain_shift(cai_zone_grain(run->zone));
    uint8_t *state = cai_view_of(run->zone)->state + ((size_t)cai_unit_number(run) << (CAI_UNIT_SHIFT - shift));
    char *block = (char *)cai_unit_address(run);

    if (cai_load_acquire(&run->kind) == CAI_UNIT_LARGE)
        look_at_slot(run->zone, state, block, 0);
    if (cai_load_acquire(&run->kind) != CAI_UNIT_SLAB)
        return;
    size_t slot = cai_class_sizes[run->size_class];
    state = cai_slab_states(run);
    block = (char *)cai_slab_begin(run);
    for (uint32_t i = 0; i < run->slots; i++)
        look_at_slot(run->zone, state + i * (slot >> shift), block + i * slot, run->size_class);
}

static void look_at_zone(struct cai_zone *zone)
{
    const struct cai_unit *units = cai_view_of(zone->number)->units;

    if (is_exit)
        cai_lock_take(&zone->lock);
    else if (!cai_lock_try(&zone->lock))
        return;
    for (uint32_t head = 1; head < zone->frontier; head += units[head].units)
        look_at_run(units + head);
    cai_lock_give(&zone->lock);
}

/* With the quarantine's lock, which is given back. */
static void look_at_zones(const char *function)
{
    for (unsigned number = 0; number < CAI_ZONES; number++)
        if (cai_load_acquire(&cai_zones[number].frontier) > 1)
            look_at_zone(&cai_zones[number]);
    unsigned count = overs.count;
    overs.count = 0;
    cai_lock_give(cai_quarantine_lock());
    for (unsigned i = 0; i < count; i++)
        report_overflow(overs.kept[i].place, overs.kept[i].block, overs.kept[i].bytes, overs.kept[i].over, function);
}

void cai_hardened_look_at_exit(void)
{
    cai_lock_take(cai_quarantine_lock());
    is_exit = true;
    look_at_zones("exit");
    cai_quarantine_report();
}

void cai_hardened_look_at_abort(void)
{
    if (!cai_lock_try(cai_quarantine_lock()))
        return;
    is_exit = false;
    look_at_zones("abort");
}
