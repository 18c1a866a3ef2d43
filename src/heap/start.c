/* Starting the library, once, by whichever allocation comes first, and the hooks into the life of process and threads.
 *
 * The hook into fork is registered after the heap works, because registering it may allocate.
 */
#include "heap/heap.h"

#include "cap/tags.h"
#include "core/settings.h"
#include "estate/meta.h"
#include "estate/policy.h"
#include "estate/run.h"
#include "heap/branch.h"
#include "heap/tick.h"
#include "os/os.h"

enum progress { NOT_STARTED, FAILED, STARTED };

static struct cai_lock start_lock;
static uint32_t progress; /* atomic, enum progress */

static void on_thread_exit(void)
{
    cai_thread_detach();
}

static void before_fork(void)
{
    cai_branch_lock_all(); /* first: who holds these takes the others */
    cai_thread_lock_all();
    for (unsigned i = 0; i < CAI_ZONES; i++)
        cai_lock_hold_for_fork(&cai_zones[i].lock);
    cai_authority_lock();
    cai_meta_lock();
    cai_tags_lock();
}

static void unlock_estate(void)
{
    cai_tags_unlock();
    cai_meta_unlock();
    cai_authority_unlock();
    for (unsigned i = CAI_ZONES; i-- > 0;)
        cai_lock_give_after_fork(&cai_zones[i].lock);
}

static void after_fork_in_parent(void)
{
    unlock_estate();
    cai_thread_unlock_all();
    cai_branch_unlock_all();
}

static void after_fork_in_child(void)
{
    cai_policy_after_fork_in_child(); /* first: whatever comes may look at the blocks */
    unlock_estate();
    cai_branch_after_fork_in_child();
    cai_thread_after_fork_in_child();
    cai_thread_unlock_all();
    cai_branch_unlock_all();
    cai_tick_start_helper();
}

/* Once: every allocation fails from now on, and nobody would know why. */
static CAI_COLD void say_why_not(enum cai_estate_start result)
{
    static const char second[] =
        "capalloc: second-engine: another copy of the library is at work in this process; this one "
        "gives no memory\n";
    static const char nowhere[] =
        "capalloc: no-addresses: no part of the address space is free enough for the heap; there "
        "will be no memory\n";

    if (result == CAI_ESTATE_SECOND_ENGINE)
        cai_os_write_error(second, sizeof second - 1);
    else
        cai_os_write_error(nowhere, sizeof nowhere - 1);
}

static bool start(void)
{
    cai_settings_start();
    cai_os_on_thread_exit(on_thread_exit);
    enum cai_estate_start result = cai_estate_start();
    if (result != CAI_ESTATE_STARTED)
        say_why_not(result);
    return result == CAI_ESTATE_STARTED;
}

static CAI_COLD bool start_once(void)
{
    cai_lock_take(&start_lock);
    bool first = progress == NOT_STARTED;
    if (first)
        cai_store_release(&progress, start() ? STARTED : FAILED);
    bool started = progress == STARTED;
    cai_lock_give(&start_lock);
    if (first && started) {
        cai_os_on_fork(before_fork, after_fork_in_parent, after_fork_in_child);
        cai_tick_start_helper();
    }
    return started;
}

bool cai_heap_start(void)
{
    return CAI_LIKELY(cai_load_acquire(&progress) == STARTED) || start_once();
}
