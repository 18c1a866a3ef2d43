/* The waiting half of the lock: spin a little (holders are quick), then sleep in the kernel. */
#include "os/lock.h"

#include "os/os.h"

#include <pthread.h>

enum { SPINS = 100 };

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* The thread that holds locks for fork; atomic, an integer in glibc. */
static pthread_t forker;

bool cai_lock_is_mine_for_fork(const struct cai_lock *lock)
{
    return cai_load_acquire(&lock->word) == CAI_LOCK_FORK && pthread_equal(cai_load_relaxed(&forker), pthread_self());
}

void cai_lock_wait(struct cai_lock *lock)
{
    if (cai_lock_is_mine_for_fork(lock))
        return;
    for (int i = 0; i < SPINS; i++) {
        if (cai_load_relaxed(&lock->word) == CAI_LOCK_FREE && cai_lock_seize(lock))
            return;
        pause_briefly();
    }
    for (;;) {
        uint32_t word = cai_load_relaxed(&lock->word);
        /* From here on the word says WAITED when we get it: whoever was behind us may still sleep. */
        if (word == CAI_LOCK_FREE && cai_swap_weak_acquire(&lock->word, &word, CAI_LOCK_WAITED))
            return;
        if (word == CAI_LOCK_HELD && !cai_swap_weak_acquire(&lock->word, &word, CAI_LOCK_WAITED))
            continue;
        if (word != CAI_LOCK_FREE)
            cai_os_wait(&lock->word, word == CAI_LOCK_FORK ? CAI_LOCK_FORK : CAI_LOCK_WAITED, 0);
    }
}

void cai_lock_wake(struct cai_lock *lock)
{
    cai_os_wake(&lock->word);
}

void cai_lock_hold_for_fork(struct cai_lock *lock)
{
    cai_lock_take_beside(lock);
    cai_store_relaxed(&forker, pthread_self());
    cai_store_release(&lock->word, CAI_LOCK_FORK);
}

/* Somebody may have begun to sleep before or during: wake one, who wakes the next. */
void cai_lock_give_after_fork(struct cai_lock *lock)
{
    if (CAI_RANK_CHECKED && cai_lock_is_mine_for_fork(lock)) /* and is not one that was made meanwhile */
        cai_rank_leave(cai_lock_rank_of(lock));
    cai_store_release(&lock->word, CAI_LOCK_FREE);
    cai_lock_wake(lock);
}
