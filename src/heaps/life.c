/* See life.h.
 *
 * The hook into fork is registered after the heap works, because registering it may allocate.
 */
#include "heaps/life.h"

#include "base/tools.h"
#include "blocks/cache.h"
#include "blocks/large.h"
#include "core/settings.h"
#include "heaps/account.h"
#include "heaps/guarded.h"
#include "heaps/housekeeping.h"
#include "heaps/owned.h"
#include "heaps/page.h"
#include "heaps/quarantine.h"
#include "heaps/remote.h"
#include "heaps/repair.h"
#include "os/os.h"
#include "pages/zone.h"

#include <string.h>

/* How many orphans keep what is in their bins. */
enum { WARM_MAX = 8 };

enum progress { NOT_STARTED, FAILED, STARTED };

static struct cai_lock start_lock = CAI_LOCK_INIT(CAI_RANK_START);
static uint32_t progress; /* atomic, enum progress */

/* --- threads --- */

struct cai_thread *cai_life_attach_slow(void)
{
    struct cai_thread *thread = NULL;

    if (cai_self != &cai_thread_none || !cai_life_start() || (thread = cai_registry_adopt()) == NULL)
        return NULL;
    cai_self = thread;
    cai_os_thread_started();
    return thread;
}

static void on_thread_exit(void)
{
    struct cai_thread *thread = cai_self;
    bool has_heap = cai_thread_has_heap(thread);

    if (CAI_QUARANTINES)
        cai_quarantine_tell();
    if (has_heap) {
        cai_account_detach(thread);
        cai_registry_hold(thread);
    }
    cai_self = &cai_thread_gone;
    if (!has_heap)
        return;
    cai_large_flush(&thread->owner.heap);
    cai_owned_settle_claims(&thread->owner.heap);
    cai_remote_publish(thread);
    memset(thread->owner.heap.refills, 0, sizeof thread->owner.heap.refills);
    bool warm = cai_registry_warm() < WARM_MAX;
    if (!warm)
        cai_cache_flush_all(&thread->owner.heap);
    cai_registry_orphan(thread, warm, cai_os_milliseconds());
}

static void after_fork_in_child(void)
{
    if (cai_lock_inherit(&start_lock) == CAI_LOCK_LOST)
        cai_lock_repaired(&start_lock); /* start() begins anew */
    if (cai_load_relaxed(&progress) == STARTED)
        cai_repair();
}

static void when_settled(void)
{
    if (cai_load_relaxed(&progress) != STARTED)
        return;
    cai_repair_rest();
    cai_page_child();
    cai_housekeeping_start_helper();
}

/* --- the library --- */

/* Once: every allocation fails from now on, and nobody would know why. */
static CAI_COLD void say_why_not(enum cai_pages_start result)
{
    static const char second[] =
        "capalloc: second-engine: another copy of the library is at work in this process; this one "
        "gives no memory\n";
    static const char unknown[] =
        "capalloc: second-engine: the kernel does not say whether another copy of the library is at work in this "
        "process; this one gives no memory\n";
    static const char nowhere[] =
        "capalloc: no-addresses: no part of the address space is free enough for the heap; there "
        "will be no memory\n";

    if (result == CAI_PAGES_SECOND_ENGINE)
        cai_os_write_error(second, sizeof second - 1);
    else if (result == CAI_PAGES_UNKNOWN_ENGINE)
        cai_os_write_error(unknown, sizeof unknown - 1);
    else
        cai_os_write_error(nowhere, sizeof nowhere - 1);
}

static void tell_tools(void)
{
    static const enum cai_place with_pointers[] = {CAI_PLACE_ordinary, CAI_PLACE_mustzero};

    for (size_t i = 0; CAI_TOOLS && i < sizeof with_pointers / sizeof *with_pointers; i++)
        cai_tools_root(cai_sealed.places + ((uintptr_t)with_pointers[i] << cai_sealed.shift),
                       (size_t)1 << cai_sealed.shift);
}

static bool settings_are_read;

static void read_settings(void)
{
    if (!settings_are_read)
        cai_settings_start();
    cai_fence_for_compiler();
    settings_are_read = true;
}

/* In the child of a fork that stopped the starting thread: from the beginning. */
static bool start(void)
{
    static bool begun;

    if (begun) {
        cai_settings_reopen();
        settings_are_read = false;
        cai_pages_reopen();
    }
    begun = true;
    read_settings();
    cai_settings_seal();
    cai_os_on_thread_exit(on_thread_exit);
    enum cai_pages_start result = cai_pages_start();
    if (result != CAI_PAGES_STARTED)
        say_why_not(result);
    if (CAI_QUARANTINES)
        cai_quarantine_settle();
    if (cai_settings->guard_sample != 0) /* else that code is not touched */
        cai_guarded_start();
    if (CAI_TOOLS && result == CAI_PAGES_STARTED)
        tell_tools();
    return result == CAI_PAGES_STARTED;
}

static CAI_COLD bool start_once(void)
{
    /* Before the lock is taken: it may allocate, and a child forked from here on is not left with the lock. */
    cai_os_on_fork(after_fork_in_child, when_settled);
    cai_lock_take(&start_lock);
    bool first = progress == NOT_STARTED;
    if (first)
        cai_store_release(&progress, start() ? STARTED : FAILED);
    bool started = progress == STARTED;
    cai_lock_give(&start_lock);
    if (first && started) {
        cai_page_check();
        cai_housekeeping_start_helper();
    }
    return started;
}

CAI_COLD bool cai_life_prepare(void)
{
    if (cai_load_acquire(&progress) != NOT_STARTED)
        return cai_life_start();
    read_settings();
    return true;
}

bool cai_life_start(void)
{
    return CAI_LIKELY(cai_load_acquire(&progress) == STARTED) || start_once();
}
