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
    CAI_RANK_START,    /* starting the library */
    CAI_RANK_REGISTRY, /* the list of thread heaps */
    CAI_RANK_THREAD,   /* one thread heap's slabs */
    CAI_RANK_ZONE,     /* the runs of one zone */
    CAI_RANK_META,     /* the metadata allocator */
};

struct cai_lock {
    uint32_t word; /* 0 free, 1 held, 2 held and somebody sleeps */
};

void cai_lock_wait(struct cai_lock *lock);
void cai_lock_wake(struct cai_lock *lock);

CAI_INLINE bool cai_lock_try(struct cai_lock *lock)
{
    uint32_t free = 0;

    return __atomic_compare_exchange_n(&lock->word, &free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

CAI_INLINE void cai_lock_take(struct cai_lock *lock)
{
    if (CAI_UNLIKELY(!cai_lock_try(lock)))
        cai_lock_wait(lock);
}

CAI_INLINE void cai_lock_give(struct cai_lock *lock)
{
    if (CAI_UNLIKELY(cai_exchange_release(&lock->word, 0) == 2))
        cai_lock_wake(lock);
}

/* In a forked child, where the holder may not exist any more. */
CAI_INLINE void cai_lock_reset(struct cai_lock *lock)
{
    cai_store_relaxed(&lock->word, 0);
}

#endif
