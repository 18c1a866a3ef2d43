/* See tick.h. */
#include "heap/tick.h"

#include "core/settings.h"
#include "estate/purge.h"
#include "heap/branch.h"
#include "heap/large.h"
#include "os/os.h"

/* Allocations of one bin between two looks at the clock. */
enum { PERIOD_MAX = 512, PERIOD_ARMED = 16 };

/* A look after this long finds a thread that allocates little: shorter periods for it. */
enum { LONG_MS = 50 };

static uint64_t last_purge_ms, last_branches_ms; /* atomic */

/* Old runs of all threads, and the empty slabs of those that do not look themselves; by one thread at a time. */
static void purge(uint64_t now_ms)
{
    uint64_t last = cai_load_relaxed(&last_purge_ms);

    if (now_ms - last < cai_settings->decay_ms / 4 + 1 || !cai_swap_strong_acq_rel(&last_purge_ms, &last, now_ms))
        return;
    for (struct cai_thread *thread = cai_thread_first(); thread != NULL; thread = thread->next_all)
        cai_cache_collect(thread, false);
    if (now_ms - cai_load_relaxed(&last_branches_ms) >= cai_settings->decay_ms) {
        cai_store_relaxed(&last_branches_ms, now_ms);
        cai_branch_flush(true); /* costs a barrier in every thread for each branch in use */
    }
    cai_thread_cool(now_ms - cai_settings->decay_ms);
    cai_purge_old(now_ms);
}

static void look(struct cai_thread *thread, uint64_t now_ms)
{
    thread->tick_ms = now_ms;
    if (now_ms - thread->idle_ms >= cai_settings->decay_ms) {
        thread->idle_ms = now_ms;
        cai_cache_flush_idle(thread);
        if (thread->large_idle)
            cai_large_flush(thread);
        thread->large_idle = true;
    }
    purge(now_ms);
}

void cai_tick(struct cai_thread *thread, struct cai_bin *bin)
{
    uint64_t now_ms = cai_os_milliseconds();
    uint64_t elapsed = now_ms - thread->tick_ms;

    bin->rounds += (uint64_t)((int64_t)bin->period - bin->countdown);
    if (elapsed >= LONG_MS)
        bin->period /= 8;
    else if (bin->period < PERIOD_MAX)
        bin->period = bin->period * 2 + 1;
    bin->countdown = bin->period;
    if (elapsed != 0)
        look(thread, now_ms);
}

void cai_tick_slow(struct cai_thread *thread)
{
    uint64_t now_ms = cai_os_milliseconds();

    if (now_ms != thread->tick_ms)
        look(thread, now_ms);
}

void cai_tick_arm(struct cai_thread *thread)
{
    thread->armed = false;
    for (unsigned place = 0; place < CAI_PLACES; place++)
        for (unsigned word = 0; word < 2; word++)
            for (uint64_t bits = thread->used_bins[place][word]; bits != 0; bits &= bits - 1) {
                struct cai_bin *bin = &thread->bins[place][word * 64 + (unsigned)__builtin_ctzll(bits)];
                if (bin->countdown > PERIOD_ARMED) {
                    bin->period -= bin->countdown - PERIOD_ARMED;
                    bin->countdown = PERIOD_ARMED;
                }
            }
}

void cai_tick_give_back(struct cai_thread *thread)
{
    bool borrowed = thread != cai_self;

    if (thread->id != 0) {
        cai_large_flush(thread);
        cai_cache_flush_all(thread);
    }
    cai_branch_flush(false);
    cai_thread_cool(UINT64_MAX);
    if (!borrowed)
        cai_thread_flush_shared();
    for (struct cai_thread *other = cai_thread_first(); other != NULL; other = other->next_all)
        cai_cache_drop_empty(other);
    cai_purge_all();
}

size_t cai_tick_trim(void)
{
    uint64_t before = cai_purged_bytes();

    cai_tick_give_back(cai_self);
    return (size_t)(cai_purged_bytes() - before);
}

static void *help(void *unused)
{
    static const uint32_t never = 0;

    for (;;) {
        cai_os_wait(&never, 0, (uint64_t)(cai_settings->decay_ms / 2 + 1) * 1000000u);
        purge(cai_os_milliseconds());
    }
    return unused;
}

void cai_tick_start_helper(void)
{
    if (cai_settings->helper)
        cai_os_thread_start(help, NULL);
}
