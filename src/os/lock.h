/* A small lock with a rank. It names its holder, so that the child of a fork knows which locks were held by threads
 * that are not there (cai_lock_inherit); nobody waits for a thread that forks.
 *
 * The zero value is a free lock. Locks are taken in the order of their ranks (os/rank.h), and never held across user
 * code or a violation report.
 */
#ifndef CAI_OS_LOCK_H
#define CAI_OS_LOCK_H

#include "base/atomic.h"
#include "base/compiler.h"
#include "os/holder.h"
#include "os/rank.h"

#include <stdbool.h>
#include <stdint.h>

struct cai_lock {
    uint32_t word; /* 0: free; else the holder's number, and CAI_LOCK_WAITED when somebody may sleep */
#if CAI_RANK_CHECKED
    uint32_t rank; /* enum cai_lock_rank */
#endif
};

enum { CAI_LOCK_FREE = 0, CAI_LOCK_WAITED = 1 };

/* A lock gets its rank where it is defined, or before it is used first. */
#if CAI_RANK_CHECKED
#define CAI_LOCK_INIT(of_rank)                                                                                         \
    {                                                                                                                  \
        CAI_LOCK_FREE, (of_rank)                                                                                       \
    }
#else
#define CAI_LOCK_INIT(of_rank)                                                                                         \
    {                                                                                                                  \
        CAI_LOCK_FREE                                                                                                  \
    }
#endif

CAI_INLINE void cai_lock_set_rank(struct cai_lock *lock, enum cai_lock_rank rank)
{
#if CAI_RANK_CHECKED
    lock->rank = rank;
#else
    (void)lock;
    (void)rank;
#endif
}

CAI_INLINE enum cai_lock_rank cai_lock_rank_of(const struct cai_lock *lock)
{
#if CAI_RANK_CHECKED
    return (enum cai_lock_rank)cai_load_relaxed(&lock->rank);
#else
    (void)lock;
    return CAI_RANK_NONE;
#endif
}

/* The calling thread holds it: in a signal handler, that it interrupted itself there. */
CAI_INLINE bool cai_lock_is_mine(const struct cai_lock *lock)
{
    return (cai_load_relaxed(&lock->word) & ~(uint32_t)CAI_LOCK_WAITED) == cai_lock_self();
}

void cai_lock_wait(struct cai_lock *lock);
void cai_lock_wake(struct cai_lock *lock);

/* The lock alone, without its rank. */
CAI_INLINE bool cai_lock_seize(struct cai_lock *lock)
{
    uint32_t free = CAI_LOCK_FREE;

    return __atomic_compare_exchange_n(&lock->word, &free, cai_lock_self(), 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

CAI_INLINE void cai_lock_seize_or_wait(struct cai_lock *lock)
{
    cai_locks_count(1);
    if (CAI_UNLIKELY(!cai_lock_seize(lock)))
        cai_lock_wait(lock);
}

/* Does not wait, and so needs no order. */
CAI_INLINE bool cai_lock_try(struct cai_lock *lock)
{
    cai_locks_count(1);
    bool seized = cai_lock_seize(lock);

    if (!seized)
        cai_locks_count(-1u);
    if (CAI_RANK_CHECKED && seized)
        cai_rank_enter_without_waiting(cai_lock_rank_of(lock));
    return seized;
}

CAI_INLINE void cai_lock_take(struct cai_lock *lock)
{
    if (CAI_RANK_CHECKED)
        cai_rank_enter(cai_lock_rank_of(lock));
    cai_lock_seize_or_wait(lock);
}

/* Takes another lock of a rank that is held. The caller sees to it that nobody takes the two in the other order. */
CAI_INLINE void cai_lock_take_beside(struct cai_lock *lock)
{
    if (CAI_RANK_CHECKED)
        cai_rank_enter_beside(cai_lock_rank_of(lock));
    cai_lock_seize_or_wait(lock);
}

CAI_INLINE void cai_lock_give(struct cai_lock *lock)
{
    cai_rank_leave(cai_lock_rank_of(lock));
    if (CAI_UNLIKELY((cai_exchange_release(&lock->word, CAI_LOCK_FREE) & CAI_LOCK_WAITED) != 0))
        cai_lock_wake(lock);
    cai_locks_count(-1u);
}

/* In the child of a fork: what a lock is to the thread that looks after all. LOST: it was held by one that is not
 * there; what it protects may have been left in the middle, and it is the calling thread's until that is repaired, so
 * that a child that is forked meanwhile repairs it again. MINE: held by the calling thread, which was interrupted and
 * goes on. */
enum cai_lock_inherited { CAI_LOCK_WAS_FREE, CAI_LOCK_MINE, CAI_LOCK_LOST };
enum cai_lock_inherited cai_lock_inherit(struct cai_lock *lock);
void cai_lock_repaired(struct cai_lock *lock);

#endif
