/* A small lock with a rank: free, held, or held with sleepers.
 *
 * The zero value is a free lock. Locks are taken in the order of their ranks (os/rank.h), and never held across user
 * code or a violation report.
 */
#ifndef CAI_OS_LOCK_H
#define CAI_OS_LOCK_H

#include "base/atomic.h"
#include "base/compiler.h"
#include "os/rank.h"

#include <stdbool.h>
#include <stdint.h>

struct cai_lock {
    uint32_t word; /* enum cai_lock_word */
#if CAI_RANK_CHECKED
    uint32_t rank; /* enum cai_lock_rank */
#endif
};

enum cai_lock_word {
    CAI_LOCK_FREE,
    CAI_LOCK_HELD,
    CAI_LOCK_WAITED, /* held, and somebody may sleep */
    CAI_LOCK_FORK,   /* held around fork: free for the thread that forks, held for all others */
};

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
    return (enum cai_lock_rank)lock->rank;
#else
    (void)lock;
    return CAI_RANK_NONE;
#endif
}

void cai_lock_wait(struct cai_lock *lock);
void cai_lock_wake(struct cai_lock *lock);

/* Held around fork by this very thread: taking and giving it do nothing. */
bool cai_lock_is_mine_for_fork(const struct cai_lock *lock);

/* The lock alone, without its rank. */
CAI_INLINE bool cai_lock_seize(struct cai_lock *lock)
{
    uint32_t free = CAI_LOCK_FREE;

    return __atomic_compare_exchange_n(&lock->word, &free, CAI_LOCK_HELD, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

CAI_INLINE void cai_lock_seize_or_wait(struct cai_lock *lock)
{
    if (CAI_UNLIKELY(!cai_lock_seize(lock)))
        cai_lock_wait(lock);
}

/* Does not wait, and so needs no order. */
CAI_INLINE bool cai_lock_try(struct cai_lock *lock)
{
    bool seized = cai_lock_seize(lock);

    if (CAI_RANK_CHECKED && seized)
        cai_rank_enter_without_waiting(cai_lock_rank_of(lock));
    return seized;
}

CAI_INLINE void cai_lock_take(struct cai_lock *lock)
{
    if (CAI_RANK_CHECKED && !cai_lock_is_mine_for_fork(lock))
        cai_rank_enter(cai_lock_rank_of(lock));
    cai_lock_seize_or_wait(lock);
}

/* Takes another lock of a rank that is held. The caller sees to it that nobody takes the two in the other order. */
CAI_INLINE void cai_lock_take_beside(struct cai_lock *lock)
{
    if (CAI_RANK_CHECKED && !cai_lock_is_mine_for_fork(lock))
        cai_rank_enter_beside(cai_lock_rank_of(lock));
    cai_lock_seize_or_wait(lock);
}

CAI_INLINE void cai_lock_give(struct cai_lock *lock)
{
    if (CAI_UNLIKELY(cai_load_relaxed(&lock->word) == CAI_LOCK_FORK))
        return;
    cai_rank_leave(cai_lock_rank_of(lock));
    if (CAI_UNLIKELY(cai_exchange_release(&lock->word, CAI_LOCK_FREE) == CAI_LOCK_WAITED))
        cai_lock_wake(lock);
}

/* Around fork all locks are held by the thread that forks, in the order of ranks, all of one rank beside each other.
 * Other libraries' fork handlers run in the same window, in the same thread, and may allocate: for that thread a lock
 * held for fork is no obstacle. */
void cai_lock_hold_for_fork(struct cai_lock *lock);
void cai_lock_give_after_fork(struct cai_lock *lock);

#endif
