/* See quarantine.h.
 *
 * A waiting block's state byte changes by the one who looks alone, under `looking`; a free that finds it waiting is a
 * double free. That keeps its run what it is without any other lock: a slab with a waiting slot is not empty, by
 * counter and by state bytes. The run's neighbours change meanwhile, so the walk from run to run holds the zone's
 * lock, and what was released in a slab is told only when it is held again.
 */
#include "heaps/quarantine.h"

#include "base/sixteen.h"
#include "blocks/cache.h"
#include "blocks/clear.h"
#include "blocks/exact.h"
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
#include "heaps/claim.h"
#include "heaps/guarded.h"
#include "heaps/remote.h"
#include "os/os.h"
#include "pages/run.h"
#include "revoke/marks.h"
#include "revoke/sweep.h"

#include <string.h>

/* A round is never shorter. By age alone two of them wait, with sweeps one. In the hardened library less: what waits
 * longer leaves the processor's nearer caches, which costs more than all else that is done there. */
#define FLOOR_BYTES (CAI_HARDENS ? CAI_MIB / 2 : 4 * CAI_MIB)
#define SWEEP_FLOOR_BYTES (12 * CAI_MIB)

/* Longer large blocks give their pages back while they wait; shorter ones are cleared and keep them. */
#define KEPT_BYTES_MAX (256 * CAI_KIB)

/* From this length on, so do blocks that a sweep has kept. */
#define DROPPED_BYTES_MIN (16 * CAI_KIB)

static struct cai_lock looking = CAI_LOCK_INIT(CAI_RANK_QUARANTINE);

static size_t limit = FLOOR_BYTES; /* atomic: with so much freed since the last look it is time for another */
static size_t freed;               /* atomic: bytes freed since the last look began, and told */
static uint64_t looks;             /* atomic: of which sweeps, those that saw everything */
static uint64_t kept_bytes;        /* atomic: pointed to, by the last of them */

/* For the child of a fork: the slab in which slots are being released and have not been told. */
static struct cai_unit *releasing;
static bool releasing_lost;

struct cai_quarantine_told cai_quarantine_told(void)
{
    return (struct cai_quarantine_told){.looks = cai_load_relaxed(&looks),
                                        .kept_bytes = cai_load_relaxed(&kept_bytes),
                                        .ahead_bytes = cai_sweep_bytes_ahead(),
                                        .in_doubt = cai_sweeps_in_doubt(),
                                        .stale_bytes = cai_stale_bytes()};
}

struct cai_lock *cai_quarantine_lock(void)
{
    return &looking;
}

/* What is freed is zero, and looked at. */
static bool clears(void)
{
    return !CAI_HARDENS || (cai_settings->checks & CAI_CHECK_zero) != 0;
}

/* --- going in --- */

static void clear_for_good(enum cai_place place, char *address, size_t bytes)
{
    if (!clears() && !cai_place_zeroes(place))
        return;
    cai_clear_count(cai_self_heap(), bytes);
    /* Pages of must-zero memory are cleared by stores before anything else: giving them back alone may leave what was
     * there somewhere. */
    if (cai_place_zeroes(place) || bytes <= KEPT_BYTES_MAX || !cai_os_discard((uintptr_t)address, bytes))
        cai_wipe(address, bytes);
}

/* Returns how many bytes wait now; 0: it is not what it was found to be any more. */
static size_t enter(enum cai_place place, void *address, struct cai_live live)
{
    if (live.byte != CAI_STATE_CLAIMED && !cai_claim(live))
        return 0;
    size_t bytes = cai_slot_bytes(live);
    /* Also what was wiped, or is said to be zero: it may have been written to since. */
    if (!CAI_HARDENS || live.size_class != 0)
        clear_for_good(place, address, bytes);
    else if (cai_place_zeroes(place) || !cai_fence_all(live))
        clear_for_good(place, address, cai_fence_open_bytes(live));
    cai_store_release(live.state, CAI_STATE_QUARANTINED);
    cai_claim_end();
    return bytes;
}

static bool is_due(void)
{
    return cai_load_relaxed(&freed) >= cai_load_relaxed(&limit);
}

bool cai_quarantine_tell(void)
{
    if (cai_thread_has_heap(cai_self)) {
        cai_add_relaxed(&freed, cai_self->untold);
        cai_self->untold = 0;
    }
    return is_due();
}

/* True: it is time for a look. */
CAI_INLINE bool count(size_t bytes)
{
    struct cai_thread *thread = cai_self;

    if (!cai_thread_has_heap(thread))
        cai_add_relaxed(&freed, bytes);
    else if ((thread->untold += bytes) < CAI_UNTOLD_MAX)
        return false;
    return cai_quarantine_tell();
}

enum cai_quarantined cai_quarantine_put(enum cai_place place, void *address, struct cai_live live)
{
    size_t bytes = enter(place, address, live);

    if (bytes == 0)
        return CAI_QUARANTINED_NOT;
    return count(bytes) ? CAI_QUARANTINED_DUE : CAI_QUARANTINED;
}

/* --- looking --- */

static unsigned granule_shift(const struct cai_unit *run)
{
    return cai_grain_shift(cai_zone_grain(run->zone));
}

static uint8_t *states_of(const struct cai_unit *run)
{
    return cai_view_of(run->zone)->state + ((size_t)cai_unit_number(run) << (CAI_UNIT_SHIFT - granule_shift(run)));
}

static size_t granules_of(const struct cai_unit *run)
{
    return (size_t)run->units << (CAI_UNIT_SHIFT - granule_shift(run));
}

/* A stale pointer can write while a block waits: it is zero again when it leaves. Must-zero memory is never taken at
 * its word. */
static void make_zero(enum cai_place place, char *address, size_t bytes)
{
    if (CAI_HARDENS && clears() && bytes <= KEPT_BYTES_MAX) {
        if (CAI_LIKELY(cai_is_zero(address, bytes)) && !cai_place_zeroes(place))
            return;
        cai_finding_note(place, address, bytes);
    }
    if (cai_place_zeroes(place))
        cai_wipe(address, bytes);
    else if (clears() && bytes <= KEPT_BYTES_MAX)
        cai_stale_look(address, bytes);
    else if (clears() && !cai_os_discard((uintptr_t)address, bytes))
        cai_wipe(address, bytes);
}

/* What a look does: by age alone both at once; by marks the first, then the sweep, then the second. */
enum purpose { GATHER = 1, RELEASE = 2 };

static struct {
    enum purpose purpose;
    size_t live, kept, gone; /* bytes found so; released */
} this_look;

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
        if ((this_look.purpose & GATHER) != 0)
            cai_store_relaxed(state, CAI_STATE_CANDIDATE);
        return false;
    }
    if ((this_look.purpose & RELEASE) == 0)
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
    cai_store_release(state,
                      clears() || cai_place_zeroes(place) ? CAI_STATE_IN_SLAB | CAI_STATE_ZERO : CAI_STATE_IN_SLAB);
    return true;
}

/* Not when its time is over, but when it is about to be written anyway (blocks/stale.h, heaps/hardened.h). */
static bool is_looked_at_later(const struct cai_unit *slab)
{
    return clears() && !cai_place_zeroes((enum cai_place)(slab->zone / CAI_GRAINS));
}

/* Returns how many slots became free. */
CAI_NO_TSAN static uint32_t look_at_slab(const struct cai_unit *slab)
{
    unsigned shift = granule_shift(slab);
    uint8_t *state = states_of(slab);
    char *address = (char *)cai_unit_address(slab);
    size_t bytes = cai_class_bytes(slab->size_class);
    size_t granules = granules_of(slab);
    uint32_t released = 0;

    if (is_looked_at_later(slab) && this_look.purpose == (GATHER | RELEASE))
        return cai_age(state, granules);
    if (this_look.purpose == GATHER) {
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

/* Who pays, if anybody, is told what came back. Nobody takes accounts apart meanwhile: they would hold `looking`. */
static bool credit(const struct cai_unit *run, size_t bytes)
{
    struct cai_account *account =
        cai_registry_account(cai_load_relaxed(&cai_view_of(run->zone)->owner[cai_unit_number(run)]));

    if (account != NULL)
        cai_account_credit(account, bytes);
    return account != NULL;
}

/* The zone's lock is held before and after. Where nothing is live and all that waited is released the slab may end, and
 * nobody would look at what was written there any more. */
static void pass_slab(struct cai_zone *zone, struct cai_unit *slab, struct cai_slots slots)
{
    cai_lock_give(&zone->lock);
    releasing = slab;
    cai_fence_for_compiler();
    uint32_t released = look_at_slab(slab);
    if (CAI_HARDENS && slots.live == 0 && released >= slots.waiting && (cai_settings->checks & CAI_CHECK_zero) != 0)
        cai_still_look_at_slab(slab);
    cai_lock_take(&zone->lock);
    if (released != 0) {
        credit(slab, (size_t)released * cai_class_bytes(slab->size_class));
        cai_remote_tell(slab, released);
    }
    cai_fence_for_compiler();
    releasing = NULL;
}

static void release_large(struct cai_unit *run)
{
    size_t bytes = (size_t)run->units << CAI_UNIT_SHIFT;
    size_t open = CAI_HARDENS ? cai_fence_open_bytes(cai_find_of_state(states_of(run), CAI_STATE_LARGE)) : bytes;

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
            struct cai_slots slots = cai_count_slots(states_of(run), granules_of(run));
            this_look.live += slots.live * cai_class_bytes(run->size_class);
            if (slots.waiting != 0)
                pass_slab(zone, run, slots);
        } else if (kind == CAI_UNIT_GUARDED) {
            look_at_guarded(run);
        } else if (kind == CAI_UNIT_LARGE &&
                   look_at_block(run, states_of(run), cai_unit_address(run), (size_t)run->units << CAI_UNIT_SHIFT)) {
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

static void look_at_all(enum purpose purpose)
{
    this_look.purpose = purpose;
    this_look.live = this_look.kept = this_look.gone = 0;
    for (unsigned number = 0; number < CAI_ZONES; number++)
        if (cai_load_acquire(&cai_zones[number].frontier) > 1)
            look_at_zone(&cai_zones[number]);
}

/* `looking` is held. */
static void look(void)
{
    uint64_t roots = 0;

    cai_exchange_acquire(&freed, 0);
    if (!cai_settings->revoke) {
        look_at_all(GATHER | RELEASE);
        cai_add_relaxed(&looks, 1);
    } else {
        look_at_all(GATHER);
        if (cai_sweep(&roots)) {
            look_at_all(RELEASE);
            cai_store_relaxed(&kept_bytes, this_look.kept);
            cai_add_relaxed(&looks, 1);
        }
        cai_sweep_end(this_look.kept, this_look.gone);
    }
    /* What sleeping threads got back need not stay theirs. */
    for (struct cai_owner *owner = cai_registry_first(); owner != NULL; owner = owner->next) {
        cai_cache_collect(&owner->heap, false);
        cai_remote_forward(&owner->heap);
    }
    cai_store_relaxed(&limit, cai_max(cai_settings->revoke ? SWEEP_FLOOR_BYTES : FLOOR_BYTES,
                                      (this_look.live + roots) / 100 * cai_settings->delay_percent));
}

/* Whoever makes it due looks, unless somebody is at it; who frees much more meanwhile than is due has to wait. So three
 * rounds and three quarters wait at most, while one is being looked at, and what threads have not told. */
CAI_NOINLINE void cai_quarantine_look(void)
{
    if (!cai_lock_try(&looking)) {
        if (cai_load_relaxed(&freed) < cai_load_relaxed(&limit) / 4 * 5)
            return;
        cai_lock_take(&looking);
    }
    if (is_due())
        look();
    cai_lock_give(&looking);
}

void cai_quarantine_report(void)
{
    struct cai_findings findings;

    if (CAI_HARDENS && cai_findings_wait()) {
        cai_lock_take(&looking);
        cai_findings_take(&findings);
        cai_lock_give(&looking);
        cai_findings_report(&findings);
    }
}

void cai_quarantine_release(void)
{
    cai_lock_take(&looking);
    look();
    if (!cai_settings->revoke)
        look();
    cai_lock_give(&looking);
}

bool cai_quarantine_sweep(void)
{
    cai_lock_take(&looking);
    uint64_t in_doubt = cai_sweeps_in_doubt();
    look();
    bool done = cai_sweeps_in_doubt() == in_doubt;
    cai_lock_give(&looking);
    return done;
}

/* --- a heap that ends --- */

/* Calls of others on blocks of the heap that are under way at this moment keep theirs. */
static void put_slab(const struct cai_unit *slab, size_t *bytes)
{
    uint8_t *state = cai_slab_states(slab);
    size_t slot_bytes = cai_class_bytes(slab->size_class);
    size_t step = slot_bytes >> granule_shift(slab);

    for (uint32_t slot = 0; slot < slab->slots; slot++) {
        uint8_t byte = cai_load_relaxed(&state[slot * step]);
        if (cai_state_is_open(byte))
            *bytes += enter((enum cai_place)(slab->zone / CAI_GRAINS), (char *)cai_slab_begin(slab) + slot * slot_bytes,
                            cai_find_of_state(&state[slot * step], byte));
    }
}

void cai_quarantine_put_run(struct cai_unit *run)
{
    size_t bytes = 0;

    if (cai_load_relaxed(&run->kind) == CAI_UNIT_SLAB) {
        put_slab(run, &bytes);
    } else {
        uint8_t byte = cai_load_relaxed(states_of(run));
        if (cai_state_is_open(byte))
            bytes = enter((enum cai_place)(run->zone / CAI_GRAINS), (void *)cai_unit_address(run),
                          cai_find_of_state(states_of(run), byte));
    }
    cai_add_relaxed(&freed, bytes);
}

/* --- fork --- */

void cai_quarantine_repair(void)
{
    if (cai_lock_inherit(&looking) != CAI_LOCK_LOST)
        return;
    releasing_lost = releasing != NULL;
    cai_sweep_repair();
    cai_lock_repaired(&looking);
}

void cai_quarantine_repair_rest(void)
{
    if (!releasing_lost)
        return;
    struct cai_owner *owner =
        cai_registry_owner(cai_load_relaxed(&cai_view_of(releasing->zone)->owner[cai_unit_number(releasing)]));
    if (owner != NULL) {
        cai_lock_take(&owner->heap.lock);
        cai_cache_recount(&owner->heap, releasing);
        cai_lock_give(&owner->heap.lock);
        cai_account_lost_credit(owner->heap.id);
    }
    releasing = NULL;
    releasing_lost = false;
}
