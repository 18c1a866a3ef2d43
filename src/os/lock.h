/* A small lock with a rank: free, held, or held with sleepers.
 *
 * Ranks forbid deadlock: a thread takes locks in rising rank only, as the enum lists them. The zero value is a free
 * lock. Locks are never held across user code or a violation report.
 */
#ifndef CAI_OS_LOCK_H
#define CAI_OS_LOCK_H

#include "base/atomic.h"
#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

/* In the order in which they are taken. */
enum cai_lock_rank {
    CAI_RANK_BRANCHES, /* the list of branches */
    CAI_RANK_BRANCH,   /* the use of one branch */
    CAI_RANK_START,    /* starting the library */
    CAI_RANK_REGISTRY, /* the list of thread heaps */
    CAI_RANK_THREAD,   /* one thread heap's slabs */
    CAI_RANK_ZONE,     /* the runs of one zone */
    CAI_RANK_TREE,     /* the authorities */
    CAI_RANK_META,     /* the metadata allocator */
    CAI_RANK_TAGS,     /* the mappings of the table of tags */
};

struct cai_lock {
    uint32_t word; /* enum cai_lock_word */
};

enum cai_lock_word {
    CAI_LOCK_FREE,
    CAI_LOCK_HELD,
    CAI_LOCK_WAITED, /* held, and somebody may sleep */
    CAI_LOCK_FORK,   /* held around fork: free for the thread that forks, held for all others */
};

void cai_lock_wait(struct cai_lock *lock);
void cai_lock_wake(struct cai_lock *lock);

CAI_INLINE bool cai_lock_try(struct cai_lock *lock)
{
    uint32_t free = CAI_LOCK_FREE;

    return __atomic_compare_exchange_n(&lock->word, &free, CAI_LOCK_HELD, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

CAI_INLINE void cai_lock_take(struct cai_lock *lock)
{
    if (CAI_UNLIKELY(!cai_lock_try(lock)))
        cai_lock_wait(lock);
}

CAI_INLINE void cai_lock_give(struct cai_lock *lock)
{
    if (CAI_UNLIKELY(cai_load_relaxed(&lock->word) == CAI_LOCK_FORK))
        return;
    if (CAI_UNLIKELY(cai_exchange_release(&lock->word, CAI_LOCK_FREE) == CAI_LOCK_WAITED))
        cai_lock_wake(lock);
}

/* Around fork all locks are held by the thread that forks. Other libraries' fork handlers run in the same window, in
 * the same thread, and may allocate: for that thread a lock held for fork is no obstacle. */
void cai_lock_hold_for_fork(struct cai_lock *lock);
void cai_lock_give_after_fork(struct cai_lock *lock);

#endif
