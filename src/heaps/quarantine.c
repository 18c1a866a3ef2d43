/* See quarantine.h. What waits is looked at in heaps/look.c. */
#include "heaps/quarantine.h"

#include "blocks/cache.h"
#include "blocks/clear.h"
#include "blocks/exact.h"
#include "blocks/fence.h"
#include "blocks/stale.h"
#include "core/mode.h"
#include "core/settings.h"
#include "harden/finding.h"
#include "heaps/account.h"
#include "heaps/claim.h"
#include "heaps/fence_report.h"
#include "heaps/look.h"
#include "heaps/remote.h"
#include "os/os.h"
#include "revoke/quiet.h"
#include "revoke/sweep.h"

#include <string.h>

/* A round is never shorter. By age alone two of them wait, with sweeps one. In the hardened library less: what waits
 * longer leaves the processor's nearer caches, which costs more than all else that is done there. */
#define FLOOR_BYTES (CAI_HARDENS ? CAI_MIB / 2 : 4 * CAI_MIB)
#define SWEEP_FLOOR_BYTES (12 * CAI_MIB)

/* A sweep that was postponed is due again after a quarter of a round, and after four of them it waits. */
enum { POSTPONED_PART = 4, POSTPONED_MAX = 4 };

uint8_t cai_freed_unnoted;

static struct cai_lock looking = CAI_LOCK_INIT(CAI_RANK_QUARANTINE);

static size_t limit = FLOOR_BYTES; /* atomic: with so much freed since the last look it is time for another */
static size_t freed;               /* atomic: bytes freed since the last look began, and told */
static uint64_t looks;             /* atomic: of which sweeps, those that saw everything */
static uint64_t kept_bytes;        /* atomic: pointed to, by the last of them */
static unsigned postponed;         /* sweeps in a row; `looking` */

struct cai_quarantine_told cai_quarantine_told(void)
{
    return (struct cai_quarantine_told){.looks = cai_load_relaxed(&looks),
                                        .kept_bytes = cai_load_relaxed(&kept_bytes),
                                        .ahead_bytes = cai_sweep_bytes_ahead(),
                                        .in_doubt = cai_sweeps_in_doubt(),
                                        .postponed = cai_sweeps_postponed(),
                                        .stale_bytes = cai_stale_bytes()};
}

struct cai_lock *cai_quarantine_lock(void)
{
    return &looking;
}

/* --- going in --- */

static void clear_for_good(enum cai_place place, char *address, size_t bytes)
{
    if (!cai_look_clears() && !cai_place_zeroes(place))
        return;
    cai_clear_count(cai_self_heap(), bytes);
    /* Pages of must-zero memory are cleared by stores before anything else: giving them back alone may leave what was
     * there somewhere. */
    if (cai_place_zeroes(place) || bytes <= CAI_CLEARED_BYTES_MAX || !cai_os_discard((uintptr_t)address, bytes))
        cai_wipe(address, bytes);
}

/* A large block of the hardened library. */
static void shut(enum cai_place place, char *address, struct cai_live live)
{
    bool is_clear = !cai_place_zeroes(place) && cai_fence_keeps_pages(live);

    if (is_clear)
        cai_clear(cai_self_heap(), address, cai_fence_open_bytes(live));
    if (!cai_place_zeroes(place) && cai_fence_all(live, is_clear))
        cai_fence_report_start();
    else if (!is_clear)
        clear_for_good(place, address, cai_fence_open_bytes(live));
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
    else
        shut(place, address, live);
    cai_store_release(live.state, CAI_STATE_QUARANTINED);
    if (live.size_class != 0)
        cai_quarantine_note(cai_is_alone(), live.zone, live.state);
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

/* Returns how much was read beside the heap. */
static uint64_t sweep(bool now)
{
    uint64_t beside;
    struct cai_looked left = {0, 0, 0};
    enum cai_swept swept = cai_sweep(now || postponed == POSTPONED_MAX, &beside);

    postponed = swept == CAI_SWEPT_LATER ? postponed + 1 : 0;
    if (swept == CAI_SWEPT) {
        left = cai_look(CAI_LOOK_RELEASE);
        cai_store_relaxed(&kept_bytes, left.kept);
        cai_add_relaxed(&looks, 1);
    }
    cai_sweep_end(left.kept, left.gone);
    return beside;
}

/* `looking` is held. `now`: who looks needs what can be released. */
static void look(bool now)
{
    uint64_t roots = 0;

    cai_exchange_acquire(&freed, 0);
    struct cai_looked found = cai_look(cai_settings->revoke ? CAI_LOOK_GATHER : CAI_LOOK_BY_AGE);
    if (cai_settings->revoke)
        roots = sweep(now);
    else
        cai_add_relaxed(&looks, 1);
    /* What sleeping threads got back need not stay theirs. */
    for (struct cai_owner *owner = cai_registry_first(); owner != NULL; owner = owner->next) {
        cai_cache_collect(&owner->heap, false);
        cai_remote_forward(&owner->heap);
    }
    size_t round = cai_max(cai_settings->revoke ? SWEEP_FLOOR_BYTES : FLOOR_BYTES,
                           (found.live + roots) / 100 * cai_settings->delay_percent);
    cai_store_relaxed(&limit, postponed == 0 ? round : round / POSTPONED_PART);
}

static bool may_look(void)
{
    return !cai_settings->revoke || cai_sweep_may();
}

/* Whoever makes it due looks, unless somebody is at it; who frees much more meanwhile than is due has to wait. So three
 * rounds and three quarters wait at most, while one is being looked at, and what threads have not told. */
CAI_NOINLINE void cai_quarantine_look(void)
{
    if (!may_look())
        return;
    if (!cai_lock_try(&looking)) {
        if (cai_load_relaxed(&freed) < cai_load_relaxed(&limit) / 4 * 5)
            return;
        cai_lock_take(&looking);
    }
    if (is_due())
        look(false);
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
    if (!may_look())
        return;
    cai_lock_take(&looking);
    look(true);
    if (!cai_settings->revoke)
        look(true);
    cai_lock_give(&looking);
}

bool cai_quarantine_sweep(void)
{
    if (!may_look())
        return false;
    cai_lock_take(&looking);
    uint64_t in_doubt = cai_sweeps_in_doubt();
    look(true);
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
    size_t step = slot_bytes >> cai_look_shift(slab);

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
        uint8_t byte = cai_load_relaxed(cai_look_states(run));
        if (cai_state_is_open(byte))
            bytes = enter((enum cai_place)(run->zone / CAI_GRAINS), (void *)cai_unit_address(run),
                          cai_find_of_state(cai_look_states(run), byte));
    }
    cai_add_relaxed(&freed, bytes);
}

/* --- fork --- */

void cai_quarantine_settle(void)
{
    if (cai_settings->revoke)
        cai_sweep_settle();
}

void cai_quarantine_repair(void)
{
    cai_quarantine_settle();
    cai_store_relaxed(&cai_freed_unnoted, 1); /* what threads that are not here had noted, nobody knows */
    cai_quiet_repair();
    if (cai_lock_inherit(&looking) != CAI_LOCK_LOST)
        return;
    cai_look_repair();
    cai_sweep_repair();
    cai_lock_repaired(&looking);
}

void cai_quarantine_repair_rest(void)
{
    cai_look_repair_rest();
}
