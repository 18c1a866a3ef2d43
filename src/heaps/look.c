/* See look.h.
 *
 * A waiting block's state byte changes by the one who looks alone; a free that finds it waiting is a double free. That
 * keeps its run what it is without any other lock: a slab with a waiting slot is not empty, by counter and by state
 * bytes. The run's neighbours change meanwhile, so the walk from run to run holds the zone's lock, and what was
 * released in a slab is told only when it is held again.
 */
#include "heaps/look.h"

#include "base/sixteen.h"
#include "blocks/cache.h"
#include "blocks/clear.h"
#include "blocks/fence.h"
#include "blocks/large.h"
#include "blocks/stale.h"
#include "core/checks.h"
#include "core/mode.h"
#include "core/settings.h"
#include "harden/finding.h"
#include "harden/still.h"
#include "heaps/account.h"
#include "heaps/age.h"
#include "heaps/guarded.h"
#include "heaps/quarantine.h"
#include "heaps/registry.h"
#include "heaps/remote.h"
#include "os/os.h"
#include "pages/run.h"
#include "revoke/marks.h"
#include "revoke/quiet.h"

#include <string.h>

/* From this length on, blocks that a sweep has kept give their pages back. */
#define DROPPED_BYTES_MIN (16 * CAI_KIB)

/* For the child of a fork: the slab in which slots are being released and have not been told; and there, where a thread
 * that is not there was at it, until it has been counted anew. Two, as the thread that forked may look itself before it
 * comes to that: a handler that forks may have interrupted it where it waits to look. */
static struct cai_unit *releasing;
static struct cai_unit *lost;

/* A stale pointer can write while a block waits: it is zero again when it leaves. Must-zero memory is never taken at
 * its word. */
static void make_zero(enum cai_place place, char *address, size_t bytes)
{
    if (CAI_HARDENS && cai_look_clears() && bytes <= CAI_CLEARED_BYTES_MAX) {
        if (CAI_LIKELY(cai_is_zero(address, bytes)) && !cai_place_zeroes(place))
            return;
        cai_finding_note(place, address, bytes);
    }
    if (cai_place_zeroes(place)) {
        cai_wipe(address, bytes);
    } else if (!cai_look_clears()) {
        return;
    } else if (bytes > CAI_CLEARED_BYTES_MAX) {
        if (!cai_os_discard((uintptr_t)address, bytes))
            cai_wipe(address, bytes);
    } else {
        cai_stale_look(address, bytes);
    }
}

static enum cai_look purpose;
static bool everywhere; /* in this look: something was freed of which nobody noted where */
static struct cai_looked this_look;

/* Nobody knows for how long: its pages are zero and go back, where it has whole ones. Once: what a stale pointer makes
 * of them again goes with the block. */
static void keep(uint8_t *state, uintptr_t address, size_t bytes)
{
    uintptr_t begin = cai_round_up(address, cai_settings->page_bytes);
    uintptr_t end = cai_round_down(address + bytes, cai_settings->page_bytes);

    this_look.kept += bytes;
    if (cai_load_relaxed(state) == CAI_STATE_KEPT)
        return;
    cai_store_relaxed(state, CAI_STATE_KEPT);
    if (end >= begin + DROPPED_BYTES_MIN)
        cai_os_discard(begin, end - begin);
}

/* What a waiting block becomes. True: it is to go. Its state is ours: nobody else stores there. */
static bool is_to_go(uint8_t *state, unsigned zone, uintptr_t address, size_t bytes)
{
    if (cai_load_acquire(state) == CAI_STATE_QUARANTINED) {
        if ((purpose & CAI_LOOK_GATHER) != 0)
            cai_store_relaxed(state, CAI_STATE_CANDIDATE);
        return false;
    }
    if ((purpose & CAI_LOOK_RELEASE) == 0)
        return false;
    bool kept = cai_settings->revoke && cai_is_marked(zone, address, bytes);
    if (kept)
        keep(state, address, bytes);
    else
        this_look.gone += bytes;
    return !kept;
}

/* One look at a waiting slot. True: it is free now. */
static bool look_at(unsigned zone, uint8_t *state, char *slot, size_t bytes)
{
    enum cai_place place = (enum cai_place)(zone / CAI_GRAINS);

    if (!is_to_go(state, zone, (uintptr_t)slot, bytes))
        return false;
    if (!CAI_DELAYS || cai_place_zeroes(place))
        make_zero(place, slot, bytes);
    cai_store_release(state, cai_look_clears() || cai_place_zeroes(place) ? CAI_STATE_IN_SLAB | CAI_STATE_ZERO
                                                                          : CAI_STATE_IN_SLAB);
    return true;
}

/* Not when its time is over, but when it is about to be written anyway (blocks/stale.h, heaps/hardened.h). */
static bool is_looked_at_later(const struct cai_unit *slab)
{
    return cai_look_clears() && !cai_place_zeroes((enum cai_place)(slab->zone / CAI_GRAINS));
}

/* Returns how many slots became free. */
CAI_NO_TSAN static uint32_t look_at_slab(const struct cai_unit *slab)
{
    unsigned shift = cai_look_shift(slab);
    uint8_t *state = cai_look_states(slab);
    char *address = (char *)cai_unit_address(slab);
    size_t bytes = cai_class_bytes(slab->size_class);
    size_t granules = cai_look_granules(slab);
    uint32_t released = 0;

    if (purpose == CAI_LOOK_GATHER) {
        cai_gather(state, granules);
        return 0;
    }
    for (size_t at = 0; at < granules; at += sizeof(cai_bytes16)) {
        cai_bytes16 chunk;
        memcpy(&chunk, state + at, sizeof chunk);
        cai_words2 match = (cai_words2)((chunk & 0xfc) == CAI_STATE_QUARANTINED);
        for (unsigned half = 0; half < 2; half++)
            for (uint64_t found = match[half]; found != 0;) {
                unsigned bit = (unsigned)__builtin_ctzll(found) & ~7u;
                size_t granule = at + half * 8 + bit / 8;
                found &= ~(UINT64_C(0xff) << bit);
                released += look_at(slab->zone, &state[granule], address + (granule << shift), bytes);
            }
    }
    return released;
}

/* Who pays, if anybody, is told what came back. Nobody takes accounts apart meanwhile: they would hold the lock of the
 * quarantine. */
static bool credit(const struct cai_unit *run, size_t bytes)
{
    struct cai_account *account =
        cai_registry_account(cai_load_relaxed(&cai_view_of(run->zone)->owner[cai_unit_number(run)].id));

    if (account != NULL)
        cai_account_credit(account, bytes);
    return account != NULL;
}

/* Between the two: the first slot that is released, and the count of all. The zone's lock is held. */
static void begin_releasing(struct cai_unit *slab)
{
    releasing = slab;
    cai_fence_for_compiler();
}

static void end_releasing(struct cai_unit *slab, uint32_t released)
{
    if (released != 0) {
        credit(slab, (size_t)released * cai_class_bytes(slab->size_class));
        cai_remote_tell(slab, released);
    }
    cai_fence_for_compiler();
    releasing = NULL;
}

/* Where nothing is live and all that waited is released the slab may end, and nobody would look at what was written
 * there any more. */
static void look_before_end(const struct cai_unit *slab, struct cai_slots slots, uint32_t released)
{
    if (CAI_HARDENS && slots.live == 0 && released >= slots.waiting && (cai_settings->checks & CAI_CHECK_zero) != 0)
        cai_still_look_at_slab(slab);
}

/* The zone's lock is held before and after. */
static void pass_slab(struct cai_zone *zone, struct cai_unit *slab, struct cai_slots slots)
{
    begin_releasing(slab);
    cai_lock_give(&zone->lock);
    uint32_t released = look_at_slab(slab);
    slab->waits = released < slots.waiting;
    look_before_end(slab, slots, released);
    cai_lock_take(&zone->lock);
    end_releasing(slab, released);
}

/* By age alone one walk over the states says what there is and releases; it is so short that the zone's lock is given
 * only where more is to be done, and now and then. */
static void age_slab(struct cai_zone *zone, struct cai_unit *slab)
{
    enum { TURNS = 16 };
    static uint32_t turn;

    begin_releasing(slab);
    size_t step = cai_class_bytes(slab->size_class) >> cai_look_shift(slab);
    struct cai_aged aged = step >= CAI_AGE_LONG ? cai_age_long(cai_slab_states(slab), slab->slots, step)
                                                : cai_age(cai_look_states(slab), cai_look_granules(slab));
    this_look.live += aged.slots.live * cai_class_bytes(slab->size_class);
    slab->waits = aged.released < aged.slots.waiting;
    bool pins = aged.slots.waiting != 0; /* counted as used, it holds the slab */
    bool may_end = pins && aged.slots.live == 0 && aged.released == aged.slots.waiting;
    if (may_end || (pins && ++turn % TURNS == 0)) {
        cai_lock_give(&zone->lock);
        look_before_end(slab, aged.slots, aged.released);
        cai_lock_take(&zone->lock);
    }
    end_releasing(slab, aged.released);
}

static void release_large(struct cai_unit *run)
{
    size_t bytes = (size_t)run->units << CAI_UNIT_SHIFT;
    size_t open = CAI_HARDENS ? cai_fence_open_bytes(cai_find_of_state(cai_look_states(run), CAI_STATE_LARGE)) : bytes;

    if (open != 0) /* what could not be touched is zero */
        make_zero((enum cai_place)(run->zone / CAI_GRAINS), (char *)cai_unit_address(run), open);
    bool is_heaps = !credit(run, bytes) && cai_thread_has_heap(cai_self);
    cai_large_release(is_heaps ? cai_self_heap() : NULL, run);
}

/* Of a run that is one block. True: it waited, and is to go. */
static bool look_at_block(const struct cai_unit *run, uint8_t *state, uintptr_t address, size_t bytes)
{
    uint8_t now = cai_load_acquire(state);

    this_look.live += cai_state_is_live(now) ? bytes : 0;
    if (purpose == CAI_LOOK_GATHER && cai_state_waits(now))
        cai_quiet_note_candidates(run);
    return cai_state_waits(now) && is_to_go(state, run->zone, address, bytes);
}

/* Its pages are shut, and what it held is gone. */
static void look_at_guarded(struct cai_unit *run)
{
    size_t bytes = cai_class_bytes(run->size_class);

    if (!look_at_block(run, cai_guarded_state(run), cai_guarded_address(run), bytes))
        return;
    credit(run, bytes);
    cai_guarded_release(run);
}

/* Something was freed in it since the last look, perhaps. The note is taken before the states are read. */
static bool take_freed(const struct cai_unit *slab)
{
    struct cai_owned *owner = &cai_view_of(slab->zone)->owner[cai_unit_number(slab)];
    bool any = everywhere;

    for (uint32_t i = 0; i < slab->units; i++)
        if (cai_load_relaxed(&owner[i].freed) != 0) {
            cai_store_relaxed(&owner[i].freed, 0);
            any = true;
        }
    cai_fence_for_compiler();
    return any;
}

/* Nothing waits: what is not in the slab is live, or in a bin. Somebody's number of this moment. */
CAI_NO_TSAN static size_t settled_bytes(const struct cai_unit *slab)
{
    return slab->used * cai_class_bytes(slab->size_class);
}

/* The state bytes of a heap are a sixteenth of it, and are read where something waited at the last look, or was freed
 * since. By marks it is looked twice: where nothing waited the first time, nothing is to go. */
static void look_at_slots(struct cai_zone *zone, struct cai_unit *slab)
{
    bool freed = (purpose & CAI_LOOK_GATHER) != 0 && take_freed(slab);

    if (!freed && !slab->waits) {
        this_look.live += settled_bytes(slab);
        return;
    }
    if (is_looked_at_later(slab) && purpose == CAI_LOOK_BY_AGE) {
        age_slab(zone, slab);
        return;
    }
    struct cai_slots slots = cai_count_slots(cai_look_states(slab), cai_look_granules(slab));
    slab->waits = slots.waiting != 0;
    this_look.live += slots.live * cai_class_bytes(slab->size_class);
    if (slots.waiting == 0)
        return;
    if (purpose == CAI_LOOK_GATHER)
        cai_quiet_note_candidates(slab);
    pass_slab(zone, slab, slots);
}

/* One look at every run of a zone. Large blocks that are to go are kept in a list by `next` until the walk is over, as
 * a run that went would leave no way on. */
static void look_at_zone(struct cai_zone *zone)
{
    struct cai_unit *units = cai_view_of(zone->number)->units;
    uint32_t going = 0;

    cai_lock_take(&zone->lock);
    for (uint32_t head = 1; head < zone->frontier; head += units[head].units) {
        struct cai_unit *run = units + head;
        unsigned kind = cai_load_acquire(&run->kind);
        if (kind == CAI_UNIT_SLAB) {
            look_at_slots(zone, run);
        } else if (kind == CAI_UNIT_GUARDED) {
            look_at_guarded(run);
        } else if (kind == CAI_UNIT_LARGE && look_at_block(run, cai_look_states(run), cai_unit_address(run),
                                                           (size_t)run->units << CAI_UNIT_SHIFT)) {
            run->next = going;
            going = head;
        }
    }
    cai_lock_give(&zone->lock);
    for (uint32_t next; going != 0; going = next) {
        next = units[going].next;
        release_large(units + going);
    }
}

struct cai_looked cai_look(enum cai_look what)
{
    purpose = what;
    this_look = (struct cai_looked){0, 0, 0};
    if (purpose == CAI_LOOK_GATHER)
        cai_quiet_forget_candidates();
    if ((purpose & CAI_LOOK_GATHER) != 0) {
        everywhere = !cai_is_alone() || cai_load_relaxed(&cai_freed_unnoted) != 0;
        if (cai_is_alone())
            cai_store_relaxed(&cai_freed_unnoted, 0);
    }
    for (unsigned number = 0; number < CAI_ZONES; number++)
        if (cai_load_acquire(&cai_zones[number].frontier) > 1)
            look_at_zone(&cai_zones[number]);
    return this_look;
}

/* --- fork --- */

void cai_look_repair(void)
{
    if (releasing == NULL)
        return;
    lost = releasing;
    cai_fence_for_compiler();
    releasing = NULL;
}

/* It may have ended by now, and be another heap's, or no slab: it is counted as what it is. */
void cai_look_repair_rest(void)
{
    if (lost == NULL)
        return;
    struct cai_owner *owner =
        cai_registry_owner(cai_load_relaxed(&cai_view_of(lost->zone)->owner[cai_unit_number(lost)].id));
    if (owner != NULL) {
        cai_lock_take(&owner->heap.lock);
        cai_cache_recount(&owner->heap, lost, cai_remote_telling());
        cai_remote_counted(&owner->heap);
        cai_lock_give(&owner->heap.lock);
        cai_account_lost_credit(owner->heap.id);
    }
    lost = NULL;
}
