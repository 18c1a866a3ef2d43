/* See registry.h. */
#include "heaps/registry.h"

#include "pages/meta.h"

_Thread_local struct cai_thread *cai_self __attribute__((tls_model("initial-exec"))) = &cai_thread_none;

struct cai_thread cai_thread_none, cai_thread_gone;

static struct {
    struct cai_lock lock; /* protects what follows; readers of `first`, `first_account` and `by_number` need none */
    struct cai_owner *first;
    struct cai_account *first_account;
    struct cai_thread *warm, *cold;     /* heaps without a thread: bins with slots, the latest first; empty bins */
    uint32_t last_thread, last_account; /* numbers given */
    uint64_t attached, attached_peak;
} registry = {.lock = CAI_LOCK_INIT(CAI_RANK_REGISTRY), .last_account = CAI_ACCOUNTS - 1};

/* Under the registry's lock, too. By itself, for what is zero at the start is neither in the file nor in memory. */
static struct cai_owner *by_number[CAI_OWNERS];

/* Serves threads that have no heap of their own, one at a time. */
static struct {
    struct cai_lock lock;
    struct cai_thread *thread;
} shared = {.lock = CAI_LOCK_INIT(CAI_RANK_SHARED)};

/* The heap that this thread is getting or leaving: neither cai_self nor an orphan. */
static _Thread_local struct cai_thread *held __attribute__((tls_model("initial-exec")));

void cai_registry_hold(struct cai_thread *thread)
{
    held = thread;
    cai_fence_for_compiler();
}

struct cai_owner *cai_registry_owner(uint32_t number)
{
    return cai_load_acquire(&by_number[number]);
}

struct cai_account *cai_registry_account(uint32_t number)
{
    return cai_is_account(number) ? (struct cai_account *)cai_registry_owner(number) : NULL;
}

struct cai_owner *cai_registry_first(void)
{
    return cai_load_acquire(&registry.first);
}

struct cai_account *cai_registry_first_account(void)
{
    return cai_load_acquire(&registry.first_account);
}

uint64_t cai_registry_threads(void)
{
    return cai_load_acquire(&registry.attached); /* what counted threads no more have done is visible */
}

uint64_t cai_registry_threads_peak(void)
{
    return cai_load_relaxed(&registry.attached_peak);
}

/* The registry's lock is held. What never changes is there before anybody can find the heap. NULL: out of memory, or of
 * numbers below `end`. */
static void *create(size_t bytes, uint32_t *last, uint32_t end)
{
    struct cai_owner *owner = *last + 1 < end ? cai_meta_allocate(bytes) : NULL;

    if (owner == NULL)
        return NULL;
    cai_lock_set_rank(&owner->heap.lock, CAI_RANK_HEAP);
    owner->heap.id = ++*last;
    owner->next = registry.first;
    if (cai_is_account(owner->heap.id)) {
        cai_lock_set_rank(&((struct cai_account *)owner)->use, CAI_RANK_ACCOUNT);
        ((struct cai_account *)owner)->next_account = registry.first_account;
    } else {
        cai_registry_hold((struct cai_thread *)owner);
    }
    cai_store_release(&by_number[owner->heap.id], owner);
    cai_store_release(&registry.first, owner);
    return owner;
}

static void link_orphan(struct cai_thread **list, struct cai_thread *thread)
{
    thread->next_orphan = *list;
    cai_store_relaxed(list, thread);
    cai_fence_for_compiler();
    thread->orphan = true; /* last: whoever is no orphan is made one in the child of a fork */
}

static struct cai_thread *unlink_orphan(struct cai_thread **link)
{
    struct cai_thread *thread = *link;

    cai_registry_hold(thread);
    cai_store_relaxed(link, thread->next_orphan);
    thread->orphan = false;
    return thread;
}

/* A heap nobody uses, the warmest first, or a new one; the registry's lock is held. */
static struct cai_thread *adopt(void)
{
    struct cai_thread **list = registry.warm != NULL ? &registry.warm : &registry.cold;

    return *list != NULL ? unlink_orphan(list) : create(sizeof(struct cai_thread), &registry.last_thread, CAI_ACCOUNTS);
}

struct cai_thread *cai_registry_adopt(void)
{
    cai_lock_take(&registry.lock);
    struct cai_thread *thread = adopt();
    cai_store_relaxed(&registry.attached, registry.attached + (thread != NULL));
    if (registry.attached > registry.attached_peak)
        cai_store_relaxed(&registry.attached_peak, registry.attached);
    cai_lock_give(&registry.lock);
    return thread;
}

void cai_registry_orphan(struct cai_thread *thread, bool warm, uint64_t now_ms)
{
    cai_lock_take(&registry.lock);
    thread->orphan_ms = now_ms;
    link_orphan(warm ? &registry.warm : &registry.cold, thread);
    cai_store_release(&registry.attached, registry.attached - 1);
    cai_registry_hold(NULL);
    cai_lock_give(&registry.lock);
}

unsigned cai_registry_warm(void)
{
    unsigned count = 0;

    cai_lock_take(&registry.lock);
    for (const struct cai_thread *thread = registry.warm; thread != NULL; thread = thread->next_orphan)
        count++;
    cai_lock_give(&registry.lock);
    return count;
}

struct cai_thread *cai_registry_take_warm(uint64_t orphaned_ms)
{
    struct cai_thread *taken = NULL;

    if (cai_load_relaxed(&registry.warm) == NULL)
        return NULL;
    cai_lock_take(&registry.lock);
    for (struct cai_thread **link = &registry.warm; taken == NULL && *link != NULL; link = &(*link)->next_orphan)
        if ((*link)->orphan_ms <= orphaned_ms) {
            taken = unlink_orphan(link);
            cai_store_relaxed(&registry.attached, registry.attached + 1);
            break;
        }
    cai_lock_give(&registry.lock);
    return taken;
}

struct cai_account *cai_registry_create_account(void)
{
    cai_lock_take(&registry.lock);
    struct cai_account *account = create(sizeof *account, &registry.last_account, CAI_OWNERS);
    if (account != NULL)
        cai_store_release(&registry.first_account, account);
    cai_lock_give(&registry.lock);
    return account;
}

struct cai_thread *cai_registry_borrow(bool create)
{
    cai_lock_take(&shared.lock);
    if (shared.thread == NULL && create) {
        cai_lock_take(&registry.lock);
        shared.thread = adopt();
        cai_lock_give(&registry.lock);
    }
    struct cai_thread *thread = shared.thread; /* once the lock is given it may be there */
    if (thread == NULL)
        cai_lock_give(&shared.lock);
    return thread;
}

void cai_registry_return(void)
{
    cai_lock_give(&shared.lock);
}

/* --- fork --- */

/* All lists anew, from the table: it is written first. Whoever had no thread is cold. */
static void relink(void)
{
    registry.first = NULL;
    registry.first_account = NULL;
    registry.warm = registry.cold = NULL;
    for (uint32_t number = 1; number < CAI_OWNERS; number++) {
        struct cai_owner *owner = by_number[number];
        if (owner == NULL)
            continue;
        owner->next = registry.first;
        registry.first = owner;
        if (cai_is_account(number)) {
            ((struct cai_account *)owner)->next_account = registry.first_account;
            registry.first_account = (struct cai_account *)owner;
        } else {
            ((struct cai_thread *)owner)->orphan = false; /* all of them are looked at now */
        }
    }
}

static bool is_lost(const struct cai_owner *owner)
{
    const struct cai_thread *thread = (const struct cai_thread *)owner;

    return !cai_is_account(owner->heap.id) && !thread->orphan && thread != cai_self && thread != held &&
           thread != shared.thread;
}

bool cai_registry_repair(void)
{
    enum cai_lock_inherited lock = cai_lock_inherit(&registry.lock);
    uint64_t lost = 0;

    if (lock == CAI_LOCK_LOST)
        relink();
    if (cai_lock_inherit(&shared.lock) == CAI_LOCK_LOST) {
        if (shared.thread != NULL && shared.thread->orphan == false)
            registry.attached++; /* it becomes a heap like others, whose thread is not there */
        shared.thread = NULL;
        cai_lock_repaired(&shared.lock);
    }
    for (struct cai_owner *owner = registry.first; owner != NULL; owner = owner->next) {
        owner->lost = owner->lost || is_lost(owner);
        lost += owner->lost && !cai_is_account(owner->heap.id);
    }
    if (lock == CAI_LOCK_LOST) {
        registry.attached = lost + cai_thread_has_heap(cai_self);
        cai_lock_repaired(&registry.lock);
    }
    return lost != 0 || shared.thread != NULL;
}

struct cai_thread *cai_registry_next_lost(struct cai_owner *after)
{
    struct cai_owner *owner = after == NULL ? registry.first : after->next;

    while (owner != NULL && (cai_is_account(owner->heap.id) || !owner->lost))
        owner = owner->next;
    return (struct cai_thread *)owner;
}

const struct cai_thread *cai_registry_shared(void)
{
    return shared.thread;
}

bool cai_registry_borrows(void)
{
    return cai_lock_is_mine(&shared.lock);
}
