/* The registry of thread heaps: made once, adopted again and again, never unmapped, so that an owner's number always
 * leads to a heap.
 */
#include "heap/thread.h"

#include "estate/meta.h"
#include "heap/branch.h"
#include "heap/heap.h"
#include "heap/large.h"
#include "os/os.h"

#include <string.h>

enum { THREADS_MAX = 1 << 16 };

/* Numbers that branches leave to threads, and to the heap that threads share: who has made too many heaps of its own
 * takes neither malloc from new threads nor the heir from those it revokes. */
enum { FOR_THREADS = THREADS_MAX / 4 };

/* How many orphans keep what is in their bins. */
enum { WARM_MAX = 8 };

_Thread_local struct cai_thread *cai_self __attribute__((tls_model("initial-exec"))) = &cai_thread_none;

struct cai_thread cai_thread_none, cai_thread_gone;

static struct {
    struct cai_lock lock; /* protects what follows; readers of `first` and `by_id` need none */
    struct cai_thread *first;
    struct cai_thread *orphans;
    uint32_t last_id;
    uint64_t attached;
    uint32_t warm; /* orphans whose bins hold slots */
    struct cai_thread *by_id[THREADS_MAX];
} registry;

/* Serves threads that have no heap of their own, one at a time. */
static struct {
    struct cai_lock lock;
    struct cai_thread *thread;
} shared;

struct cai_thread *cai_thread_of_id(uint32_t id)
{
    return cai_load_acquire(&registry.by_id[id]);
}

struct cai_thread *cai_thread_first(void)
{
    return cai_load_acquire(&registry.first);
}

uint64_t cai_thread_count(void)
{
    return cai_load_acquire(&registry.attached); /* what counted threads no more have done is visible */
}

/* The registry's lock is held. What never changes is there before anybody can find the heap by its number. */
static struct cai_thread *create(bool is_branch)
{
    if (registry.last_id + 1 >= THREADS_MAX)
        return NULL;
    struct cai_thread *thread = cai_meta_allocate(sizeof *thread);
    if (thread == NULL)
        return NULL;
    thread->id = ++registry.last_id;
    thread->is_branch = is_branch;
    thread->next_all = registry.first;
    cai_store_release(&registry.by_id[thread->id], thread);
    cai_store_release(&registry.first, thread);
    return thread;
}

/* A heap nobody uses, or a new one; the registry's lock is held. */
static struct cai_thread *adopt_or_create(void)
{
    struct cai_thread *thread = registry.orphans;

    if (thread == NULL)
        return create(false);
    registry.orphans = thread->next_orphan;
    thread->orphan = false;
    cai_store_relaxed(&registry.warm, registry.warm - thread->warm);
    thread->warm = false;
    return thread;
}

struct cai_thread *cai_thread_create_branch(void)
{
    cai_lock_take(&registry.lock);
    struct cai_thread *thread = registry.last_id < THREADS_MAX - FOR_THREADS ? create(true) : NULL;
    cai_lock_give(&registry.lock);
    return thread;
}

struct cai_thread *cai_thread_attach(void)
{
    if (cai_self != &cai_thread_none || !cai_heap_start())
        return NULL;
    cai_lock_take(&registry.lock);
    struct cai_thread *thread = adopt_or_create();
    cai_store_relaxed(&registry.attached, registry.attached + (thread != NULL));
    cai_lock_give(&registry.lock);
    if (thread != NULL) {
        cai_self = thread;
        cai_os_thread_started();
    }
    return thread;
}

/* The registry's lock is held. */
static void orphan(struct cai_thread *thread)
{
    thread->orphan = true;
    thread->next_orphan = registry.orphans;
    registry.orphans = thread;
    cai_store_release(&registry.attached, registry.attached - 1);
}

/* The registry's lock is held, so that nobody adopts it meanwhile. */
static void cool(struct cai_thread *thread)
{
    cai_cache_flush_all(thread);
    thread->warm = false;
    cai_store_relaxed(&registry.warm, registry.warm - 1);
}

void cai_thread_detach(void)
{
    struct cai_thread *thread = cai_self;

    if (thread->id != 0)
        cai_branch_detach(thread);
    cai_self = &cai_thread_gone;
    if (thread->id == 0)
        return;
    cai_large_flush(thread);
    cai_cache_publish(thread);
    memset(thread->wants, 0, sizeof thread->wants);
    cai_lock_take(&registry.lock);
    thread->warm = true;
    thread->orphan_ms = cai_os_milliseconds();
    cai_store_relaxed(&registry.warm, registry.warm + 1);
    if (registry.warm > WARM_MAX)
        cool(thread);
    orphan(thread);
    cai_lock_give(&registry.lock);
}

void cai_thread_cool(uint64_t orphaned_ms)
{
    if (cai_load_relaxed(&registry.warm) == 0)
        return;
    cai_lock_take(&registry.lock);
    for (struct cai_thread *thread = registry.orphans; thread != NULL; thread = thread->next_orphan)
        if (thread->warm && thread->orphan_ms <= orphaned_ms)
            cool(thread);
    cai_lock_give(&registry.lock);
}

struct cai_thread *cai_thread_borrow(void)
{
    if (!cai_heap_start())
        return NULL;
    cai_lock_take(&shared.lock);
    if (shared.thread == NULL) {
        cai_lock_take(&registry.lock);
        shared.thread = adopt_or_create();
        cai_lock_give(&registry.lock);
    }
    if (shared.thread == NULL)
        cai_lock_give(&shared.lock);
    return shared.thread;
}

void cai_thread_return(void)
{
    cai_lock_give(&shared.lock);
}

void cai_thread_flush_shared(void)
{
    cai_lock_take(&shared.lock);
    if (shared.thread != NULL)
        cai_cache_flush_all(shared.thread);
    cai_lock_give(&shared.lock);
}

void cai_thread_lock_all(void)
{
    cai_lock_hold_for_fork(&shared.lock);
    cai_lock_hold_for_fork(&registry.lock);
    for (struct cai_thread *thread = registry.first; thread != NULL; thread = thread->next_all)
        cai_lock_hold_for_fork(&thread->lock);
}

void cai_thread_unlock_all(void)
{
    for (struct cai_thread *thread = registry.first; thread != NULL; thread = thread->next_all)
        cai_lock_give_after_fork(&thread->lock);
    cai_lock_give_after_fork(&registry.lock);
    cai_lock_give_after_fork(&shared.lock);
}

/* The other threads stopped in the middle of anything: a slot may have left a bin and not be live yet, or be live and
 * still stand in the bin. Putting back only what the state byte calls cached is right in both cases. */
void cai_thread_after_fork_in_child(void)
{
    for (struct cai_thread *thread = registry.first; thread != NULL; thread = thread->next_all) {
        if (thread == cai_self || thread == shared.thread || thread->orphan || thread->is_branch)
            continue;
        cai_large_salvage(thread);
        thread->pending = 0;
        thread->pending_slab = NULL;
        cai_cache_salvage(thread);
        orphan(thread);
    }
}
