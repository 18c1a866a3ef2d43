/* See housekeeping.h. */
#include "heaps/housekeeping.h"

#include "blocks/cache.h"
#include "blocks/large.h"
#include "core/settings.h"
#include "heaps/account.h"
#include "heaps/page.h"
#include "heaps/quarantine.h"
#include "heaps/remote.h"
#include "os/os.h"
#include "pages/purge.h"

/* Allocations of one bin between two looks at the clock. */
enum { PERIOD_MAX = 512, PERIOD_ARMED = 16 };

/* A look after this long finds a thread that allocates little: shorter periods for it. */
enum { LONG_MS = 50 };

static uint64_t last_purge_ms, last_accounts_ms; /* atomic */

/* What its user has not told or not used since the last look; returns the bytes that left bins. */
static size_t flush(struct cai_owner *owner, bool idle_only)
{
    if (!cai_is_account(owner->heap.id))
        cai_remote_publish((struct cai_thread *)owner);
    return idle_only ? cai_cache_flush_idle(&owner->heap) : cai_cache_flush_all(&owner->heap);
}

static void credit(struct cai_owner *owner, size_t bytes)
{
    if (cai_is_account(owner->heap.id))
        cai_account_credit((struct cai_account *)owner, bytes);
}

/* Empties the bins of heaps that were left at or before this time. */
static void cool(uint64_t orphaned_ms)
{
    for (struct cai_thread *thread; (thread = cai_registry_take_warm(orphaned_ms)) != NULL;) {
        cai_cache_flush_all(&thread->owner.heap);
        cai_registry_orphan(thread, false, 0);
    }
}

void cai_housekeeping_purge(uint64_t now_ms)
{
    uint64_t last = cai_load_relaxed(&last_purge_ms);

    cai_page_look(now_ms);
    if (now_ms - last < cai_settings->decay_ms / 4 + 1 || !cai_swap_strong_acq_rel(&last_purge_ms, &last, now_ms))
        return;
    for (struct cai_owner *owner = cai_registry_first(); owner != NULL; owner = owner->next) {
        cai_cache_collect(&owner->heap, false);
        cai_remote_forward(&owner->heap);
    }
    if (now_ms - cai_load_relaxed(&last_accounts_ms) >= cai_settings->decay_ms) {
        cai_store_relaxed(&last_accounts_ms, now_ms);
        cai_account_flush(true); /* costs a barrier in every thread for each account in use */
    }
    cool(now_ms - cai_settings->decay_ms);
    cai_purge_old(now_ms);
}

static void look(struct cai_owner *owner, uint64_t now_ms)
{
    owner->tick_ms = now_ms;
    if (now_ms - owner->idle_ms >= cai_settings->decay_ms) {
        owner->idle_ms = now_ms;
        credit(owner, flush(owner, true));
        if (owner->heap.large_idle)
            cai_large_flush(&owner->heap);
        owner->heap.large_idle = true;
    }
    cai_housekeeping_purge(now_ms);
}

void cai_housekeeping_due(struct cai_owner *owner, struct cai_bin *bin)
{
    uint64_t now_ms = cai_os_milliseconds();
    uint64_t elapsed = now_ms - owner->tick_ms;

    size_t number = (size_t)(bin - owner->heap.bins[0]);

    owner->heap.rounds[number / CAI_BINS_PER_PLACE][number % CAI_BINS_PER_PLACE] +=
        (uint64_t)((int64_t)bin->period - bin->countdown);
    if (elapsed >= LONG_MS)
        bin->period /= 8;
    else if (bin->period < PERIOD_MAX)
        bin->period = bin->period * 2 + 1;
    bin->countdown = bin->period;
    if (elapsed != 0)
        look(owner, now_ms);
}

void cai_housekeeping_look(struct cai_owner *owner)
{
    uint64_t now_ms = cai_os_milliseconds();

    if (now_ms != owner->tick_ms)
        look(owner, now_ms);
}

void cai_housekeeping_arm(struct cai_heap *heap)
{
    cai_store_relaxed(&heap->armed, false);
    for (unsigned place = 0; place < CAI_PLACES; place++)
        for (unsigned word = 0; word < 2; word++)
            for (uint64_t bits = heap->used_bins[place][word]; bits != 0; bits &= bits - 1) {
                struct cai_bin *bin = &heap->bins[place][word * 64 + (unsigned)__builtin_ctzll(bits)];
                if (bin->countdown > PERIOD_ARMED) {
                    bin->period -= bin->countdown - PERIOD_ARMED;
                    bin->countdown = PERIOD_ARMED;
                }
            }
}

/* Unless the caller uses it. */
static void flush_shared(void)
{
    struct cai_thread *shared = cai_registry_borrows() ? NULL : cai_registry_borrow(false);

    if (shared == NULL)
        return;
    cai_cache_flush_all(&shared->owner.heap);
    cai_registry_return();
}

/* All that its user holds without need. */
static void give_up(struct cai_owner *owner)
{
    if (owner->heap.id == 0)
        return;
    cai_large_flush(&owner->heap);
    credit(owner, flush(owner, false));
}

void cai_housekeeping_reclaim(struct cai_owner *owner)
{
    give_up(owner);
    if (owner != &cai_self->owner) /* an account's: its user has a heap as well */
        give_up(&cai_self->owner);
    cai_account_flush(false);
    cool(UINT64_MAX);
    flush_shared();
    for (struct cai_owner *other = cai_registry_first(); other != NULL; other = other->next) {
        cai_cache_drop_empty(&other->heap);
        cai_remote_forward(&other->heap);
    }
    cai_purge_all();
}

void cai_housekeeping_shortage(struct cai_owner *owner)
{
    if (CAI_QUARANTINES)
        cai_quarantine_release();
    cai_housekeeping_reclaim(owner);
}

size_t cai_housekeeping_trim(void)
{
    uint64_t before = cai_purged_bytes();

    cai_housekeeping_reclaim(&cai_self->owner);
    return (size_t)(cai_purged_bytes() - before);
}

static void *help(void *unused)
{
    static const uint32_t never = 0;

    for (;;) {
        cai_os_wait(&never, 0, (uint64_t)(cai_settings->decay_ms / 2 + 1) * 1000000u);
        cai_housekeeping_purge(cai_os_milliseconds());
    }
    return unused;
}

void cai_housekeeping_start_helper(void)
{
    if (cai_settings->helper)
        cai_os_thread_start(help, NULL);
}
