/* See free.h. A block goes back to whose it is: the calling thread's own slot into its bin, another heap's slot
 * straight into its slab, a large block to the thread that freed it or to all.
 */
#include "heaps/free.h"

#include "base/tools.h"
#include "blocks/claimed.h"
#include "blocks/clear.h"
#include "blocks/fence.h"
#include "blocks/large.h"
#include "core/tagging.h"
#include "harden/tag.h"
#include "heaps/account.h"
#include "heaps/claim.h"
#include "heaps/guarded.h"
#include "heaps/hardened.h"
#include "heaps/housekeeping.h"
#include "heaps/life.h"
#include "heaps/nothing.h"
#include "heaps/quarantine.h"
#include "heaps/remote.h"
#include "heaps/sample.h"
#include "os/os.h"
#include "os/process.h"
#include "pages/run.h"

/* A slot of another heap's slab: back into the slab at once, the count told later, or at once where the slab may go
 * with its account, or the record of it is the shared heap's, which a thread without one borrows. The exchange makes
 * two threads that free the same block in the same instant one free and one violation. */
static bool put_remote(struct cai_thread *thread, enum cai_place place, struct cai_live live)
{
    struct cai_unit *slab = cai_live_run(live);
    uint8_t byte = live.byte;
    struct cai_account *account = cai_account_of(cai_live_owner(live)); /* its lock comes before the shared heap's */
    bool own = cai_thread_has_heap(thread);
    struct cai_thread *teller = own ? thread : cai_registry_borrow(true);
    struct cai_pending *pending = teller != NULL ? cai_remote_pending(teller, live.size_class) : NULL;

    if (teller != NULL)
        cai_remote_prepare(teller, pending, slab);
    bool put = cai_swap_strong_acq_rel(live.state, &byte, cai_state_freed(place, CAI_STATE_IN_SLAB));
    bool due = put && teller != NULL && cai_remote_note(pending, cai_class_grain(live.size_class));
    if (put && teller == NULL)
        cai_remote_tell(slab, 1);
    if (teller != NULL && (due || account != NULL || !own))
        cai_remote_publish_one(teller, pending);
    if (teller != NULL && !own)
        cai_registry_return();
    if (put && account != NULL) /* the slab may have ended since it was told, and be of another class */
        cai_account_credit(account, cai_class_sizes[live.size_class]);
    if (account != NULL)
        cai_account_return(account);
    return put;
}

/* What a slot that has just come into a bin says of itself, when it is zero by somebody's word. */
CAI_INLINE void set_zero(struct cai_live live, bool is_zero)
{
    if (is_zero)
        cai_store_relaxed(live.state, CAI_STATE_CACHED | CAI_STATE_ZERO);
}

/* Into the bin of an account that the calling thread holds, when that is simple. */
static bool put_in_account(struct cai_thread *thread, struct cai_account *account, enum cai_place place,
                           struct cai_live live, void *address, bool is_zero)
{
    struct cai_bin *bin = &account->owner.heap.bins[place][live.size_class];

    if (!cai_bias_enter_account(thread, account))
        return false;
    bool room = bin->top != bin->end;
    if (room) {
        cai_bin_push(bin, place, live.state, address);
        set_zero(live, is_zero);
    }
    cai_bias_leave(thread);
    return room;
}

/* Into a bin that the calling thread may use without a lock. */
static bool put_near(struct cai_thread *thread, enum cai_place place, void *address, struct cai_live live, bool is_zero)
{
    uint32_t number = cai_load_relaxed(cai_live_owner(live));
    struct cai_account *account = cai_is_account(number) ? cai_registry_account(number) : NULL;
    struct cai_heap *heap = &thread->owner.heap;

    if (account != NULL && put_in_account(thread, account, place, live, address, is_zero))
        return true;
    if (!cai_thread_has_heap(thread) || number != heap->id ||
        !cai_cache_put_full(heap, place, live.size_class, live.state, address))
        return false;
    set_zero(live, is_zero);
    if (cai_load_relaxed(&heap->armed))
        cai_housekeeping_arm(heap);
    return true;
}

static struct cai_thread *attach(void)
{
    struct cai_thread *thread = cai_life_attach();

    return thread != NULL ? thread : cai_self;
}

CAI_NOINLINE bool cai_free_slot(enum cai_place place, void *address, struct cai_live live)
{
    struct cai_thread *thread = attach();

    return put_near(thread, place, address, live, false) || put_remote(thread, place, live);
}

/* By a thread without a heap: the shared one has the record. */
static CAI_NOINLINE bool put_large_borrowing(struct cai_live live)
{
    struct cai_unit *run = cai_live_run(live);
    struct cai_account *account = cai_account_of(cai_live_owner(live)); /* its lock comes before the shared heap's */
    struct cai_thread *shared = cai_registry_borrow(true);
    struct cai_heap *heap = shared != NULL ? &shared->owner.heap : cai_self_heap();
    bool put = cai_large_claim(heap, run, live.byte);

    if (put && account != NULL)
        cai_account_credit(account, cai_slot_bytes(live));
    if (put)
        cai_large_give(heap, run);
    if (shared != NULL)
        cai_registry_return();
    if (account != NULL)
        cai_account_return(account);
    return put;
}

/* One in so many large blocks that were kept for the next is a reason to look at the clock. */
enum { LOOK_PERIOD = 16 };

/* It has been claimed. False: no account pays for it by now. In one go: who takes the account apart meanwhile would
 * meet a unit that is no longer a block of it. */
static CAI_NOINLINE bool put_large_of_account(struct cai_heap *heap, struct cai_live live)
{
    struct cai_account *account = cai_account_of(cai_live_owner(live));

    if (account == NULL)
        return false;
    cai_account_credit(account, cai_slot_bytes(live));
    cai_store_release(cai_live_owner(live), 0);
    cai_account_return(account);
    cai_large_give(heap, cai_live_run(live));
    return true;
}

static CAI_NOINLINE bool put_large(struct cai_live live)
{
    const struct cai_view *view = cai_view_of(live.zone);
    size_t number = cai_unit_of_granule(CAI_COARSE, cai_live_granule(live)); /* of its run */
    struct cai_thread *thread = cai_self;
    struct cai_heap *heap = &thread->owner.heap;

    if (CAI_UNLIKELY(!cai_thread_has_heap(thread)))
        return put_large_borrowing(live);
    if (CAI_UNLIKELY(!cai_large_claim(heap, &view->units[number], live.byte)))
        return false;
    bool is_charged = cai_is_account(cai_load_relaxed(&view->owner[number].id)) && put_large_of_account(heap, live);
    if (CAI_LIKELY(!is_charged) && CAI_LIKELY(cai_large_keep(heap, &view->units[number])) &&
        heap->large_allocations % LOOK_PERIOD != 0)
        return true;
    cai_housekeeping_look(&thread->owner);
    return true;
}

/* In the hardened library, one that is on. */
CAI_INLINE bool has_check(enum cai_check check)
{
    return CAI_HARDENS && (cai_settings->checks & check) != 0;
}

/* What is given back waits. */
CAI_INLINE bool waits(void)
{
    return CAI_QUARANTINES && (!CAI_HARDENS || has_check(CAI_CHECK_delay));
}

/* Of a place that zeroes, or where all is cleared: claimed before it is cleared, as it may be somebody else's block
 * right after another free. */
static CAI_NOINLINE bool put_cleared(enum cai_place place, void *address, struct cai_live live)
{
    bool claimed = live.byte == CAI_STATE_CLAIMED;
    bool is_zero = has_check(CAI_CHECK_zero);

    if (!claimed && !cai_claim(live))
        return false;
    if (is_zero || cai_place_zeroes(place))
        cai_clear(cai_self_heap(), address, cai_class_sizes[live.size_class]);
    live = cai_live_claimed(live);
    bool put = put_near(attach(), place, address, live, is_zero) || put_remote(cai_self, place, live);
    cai_claim_end();
    return put;
}

static CAI_NOINLINE void look(void)
{
    if (!CAI_QUARANTINES) /* said here too: what is not optimised keeps the function */
        return;
    cai_quarantine_look();
    cai_quarantine_report();
    if (cai_thread_has_heap(cai_self))
        cai_housekeeping_look(&cai_self->owner);
}

CAI_NOINLINE void cai_free_told(void)
{
    if (CAI_QUARANTINES && cai_quarantine_tell())
        look();
}

static bool put_in_quarantine(enum cai_place place, void *address, struct cai_live live)
{
    enum cai_quarantined put = CAI_QUARANTINED_NOT;

    if (CAI_QUARANTINES)
        put = cai_quarantine_put(place, address, live);
    if (CAI_QUARANTINES && CAI_UNLIKELY(put == CAI_QUARANTINED_DUE))
        look();
    return put != CAI_QUARANTINED_NOT;
}

/* What goes to another heap's slab is looked at here and now: it is nobody's word there. */
static bool put_small_claimed(enum cai_place place, void *address, struct cai_live live)
{
    struct cai_thread *thread = attach();

    if (cai_thread_has_heap(thread))
        thread->owner.heap.has_claims = true;
    if (put_near(thread, place, address, live, true))
        return true;
    if (cai_place_zeroes(place))
        cai_claimed_make_zero(cai_self_heap(), address, cai_class_sizes[live.size_class]);
    return put_remote(thread, place, live);
}

static CAI_COLD bool put_guarded(enum cai_place place, struct cai_live live)
{
    size_t bytes = cai_class_sizes[live.size_class];

    if (!cai_guarded_claim(live))
        return false;
    if (waits()) { /* who pays goes on paying */
        cai_guarded_give(live, CAI_STATE_QUARANTINED);
        return true;
    }
    struct cai_account *account = cai_account_of(cai_live_owner(live));
    cai_run_disown(cai_live_run(live));
    cai_guarded_give(live, cai_state_freed(place, CAI_STATE_IN_SLAB));
    if (account != NULL) {
        cai_account_credit(account, bytes);
        cai_account_return(account);
    }
    return true;
}

/* Claimed first: who loses does not say that it is gone. */
static bool tell_given(void *address, struct cai_live *live)
{
    if (live->byte != CAI_STATE_CLAIMED && !cai_claim(*live))
        return false;
    *live = cai_live_claimed(*live);
    if (CAI_TOOLS) /* said here too: what is not optimised keeps the function */
        cai_tools_given(address, cai_slot_bytes(*live));
    return true;
}

/* Of a block of malloc's doors, which is claimed by it: what is free has no tag. */
static CAI_NOINLINE bool end_tag(enum cai_place place, void *address, struct cai_live *live)
{
    if (!CAI_TAGS || place != CAI_PLACE_ordinary || live->size_class == 0 || cai_live_is_guarded(*live) ||
        (!cai_state_is_hardened(live->byte) && live->byte != CAI_STATE_CLAIMED))
        return true;
    if (live->byte != CAI_STATE_CLAIMED && !cai_claim(*live))
        return false;
    *live = cai_live_claimed(*live);
    cai_tag_end(address, cai_class_sizes[live->size_class]);
    return true;
}

bool cai_free_claimed_zero(enum cai_place place, void *address, struct cai_live live)
{
    if (!cai_sample_end(&live) || (CAI_TOOLS && !tell_given(address, &live)))
        return false;
    if (cai_live_is_guarded(live))
        return put_guarded(place, live);
    if (waits()) /* where what is freed is cleared, and nobody's word counts */
        return put_in_quarantine(place, address, live);
    cai_claimed_mark(cai_live_run(live));
    bool put = live.size_class == 0 ? put_large(live) : put_small_claimed(place, address, live);
    cai_claim_end();
    return put;
}

bool cai_free_live(enum cai_place place, void *address, struct cai_live live)
{
    cai_process_notice(); /* before there is something in the child of a fork that a lost thread's record speaks of */
    if (!cai_sample_end(&live) || (CAI_TOOLS && !tell_given(address, &live)) ||
        (cai_tags_are_on() && !end_tag(place, address, &live)))
        return false;
    if (cai_live_is_guarded(live))
        return put_guarded(place, live);
    if (waits())
        return put_in_quarantine(place, address, live);
    if (CAI_HARDENS && live.size_class == 0)
        cai_fence_lift(live);
    if (live.size_class == 0) {
        bool put = put_large(live);
        if (live.byte == CAI_STATE_CLAIMED)
            cai_claim_end();
        return put;
    }
    if (has_check(CAI_CHECK_zero) || live.byte == CAI_STATE_CLAIMED ||
        (cai_place_zeroes(place) && !cai_state_is_wiped(live.byte)))
        return put_cleared(place, address, live);
    return cai_free_slot(place, address, live);
}

static CAI_NOINLINE void free_any(enum cai_place place, void *address, const char *function)
{
    if (address == NULL)
        return;
    cai_process_notice();
    struct cai_live live = cai_find_live(place, address);
    if (CAI_HARDENS && live.state != NULL)
        cai_hardened_look(place, address, live, function);
    if (CAI_HARDENS && live.state == NULL && cai_nothing_is(address)) {
        cai_nothing_free(address, function);
        return;
    }
    if (live.state == NULL || !cai_free_live(place, address, live))
        cai_find_report(place, address, function);
}

/* The thread frees in another slab of the class from here on: what it freed in the one before is told, and the free
 * begins anew. */
static CAI_NOINLINE void free_in_turn(enum cai_place place, void *address, const char *function, unsigned size_class,
                                      struct cai_unit *slab)
{
    cai_remote_prepare(cai_self, cai_remote_pending(cai_self, size_class), slab);
    cai_free_slow(place, address, function);
}

static CAI_NOINLINE void free_large(enum cai_place place, void *address, const char *function, uint8_t *state)
{
    struct cai_live live = {
        .state = state, .byte = CAI_STATE_LARGE, .zone = (uint8_t)cai_zone_number(place, CAI_COARSE)};

    cai_process_notice();
    if (CAI_UNLIKELY(!put_large(live)))
        cai_find_report(place, address, function);
}

/* The slot of a block of one class goes back into another thread's slab: what put_remote does, without what it must ask
 * about accounts, threads without a heap and places whose slots are cleared. Whatever is not as simple is called last,
 * so that it costs this nothing. */
CAI_INLINE void free_other(enum cai_place place, enum cai_grain grain, size_t granule, void *address,
                           const char *function)
{
    struct cai_thread *thread = cai_self;
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    uint8_t *state = view->state + granule;
    uint8_t byte = cai_load_relaxed(state);
    uint32_t owner = cai_load_relaxed(&view->owner[cai_unit_of_granule(grain, granule)].id);
    uint32_t own = thread->owner.heap.id;

    if (CAI_UNLIKELY(owner == own) || CAI_UNLIKELY(cai_is_account(owner)) || CAI_UNLIKELY(own == 0) ||
        CAI_UNLIKELY((uint8_t)(byte - 1) >= CAI_CLASS_LAST) || CAI_UNLIKELY(cai_process_is_new())) {
        free_any(place, address, function);
        return;
    }
    struct cai_unit *slab = cai_slab_of(view, grain, granule);
    struct cai_pending *pending = cai_remote_pending(thread, byte);
    if (CAI_UNLIKELY(!cai_remote_is_prepared(pending, slab)))
        free_in_turn(place, address, function, byte, slab);
    else if (CAI_UNLIKELY(!cai_swap_strong_acq_rel(state, &byte, cai_state_freed(place, CAI_STATE_IN_SLAB))))
        free_any(place, address, function);
    else if (CAI_UNLIKELY(cai_remote_note(pending, grain)))
        cai_remote_publish_one(thread, pending);
}

CAI_INLINE void free_slow(enum cai_place place, void *address, const char *function)
{
    uint8_t *state;
    size_t granule;

    if (CAI_FREES_SLOWLY || CAI_UNLIKELY(cai_place_zeroes(place)))
        free_any(place, address, function);
    else if (CAI_LIKELY(cai_find_state(place, CAI_FINE, address, &granule) != NULL))
        free_other(place, CAI_FINE, granule, address, function);
    else if (CAI_UNLIKELY((state = cai_find_state(place, CAI_COARSE, address, &granule)) == NULL))
        free_any(place, address, function);
    else if (cai_load_relaxed(state) == CAI_STATE_LARGE)
        free_large(place, address, function, state);
    else
        free_other(place, CAI_COARSE, granule, address, function);
}

CAI_NOINLINE void cai_free_slow(enum cai_place place, void *address, const char *function)
{
    free_slow(place, address, function);
}

CAI_NOINLINE void cai_free_slow_ordinary(void *address, const char *function)
{
    free_slow(CAI_PLACE_ordinary, address, function);
}
