/* The waiting half of the lock: spin a little (holders are quick), then sleep in the kernel. */
#include "os/lock.h"

#include "os/os.h"
#include "os/process.h"

#include <stdlib.h>

enum { SPINS = 100 };

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static uint32_t holder(const struct cai_lock *lock)
{
    return cai_load_relaxed(&lock->word) & ~(uint32_t)CAI_LOCK_WAITED;
}

/* A signal handler that allocates although it interrupted an allocation: it would wait for itself. */
static CAI_COLD void refuse_to_wait(void)
{
    static const char line[] = "capalloc: reentered: a signal handler called the allocator inside of which it came\n";

    cai_os_write_error(line, sizeof line - 1);
    abort();
}

void cai_lock_wait(struct cai_lock *lock)
{
    uint32_t self = cai_lock_self();

    for (int i = 0; i < SPINS; i++) {
        if (cai_load_relaxed(&lock->word) == CAI_LOCK_FREE && cai_lock_seize(lock))
            return;
        pause_briefly();
    }
    if (holder(lock) == self)
        refuse_to_wait();
    for (;;) {
        cai_process_notice(); /* the holder may be a thread that is not there */
        uint32_t word = cai_load_relaxed(&lock->word);
        /* From here on the word says WAITED when we get it: whoever was behind us may still sleep. */
        if (word == CAI_LOCK_FREE) {
            if (cai_swap_weak_acquire(&lock->word, &word, self | CAI_LOCK_WAITED))
                return;
        } else if ((word & CAI_LOCK_WAITED) != 0 || cai_swap_weak_acquire(&lock->word, &word, word | CAI_LOCK_WAITED)) {
            cai_os_wait(&lock->word, word | CAI_LOCK_WAITED, 0);
        }
    }
}

void cai_lock_wake(struct cai_lock *lock)
{
    cai_os_wake(&lock->word);
}

enum cai_lock_inherited cai_lock_inherit(struct cai_lock *lock)
{
    if (lock->word == CAI_LOCK_FREE)
        return CAI_LOCK_WAS_FREE;
    if (holder(lock) == cai_lock_self())
        return CAI_LOCK_MINE;
    cai_store_relaxed(&lock->word, cai_lock_self());
    cai_fence_for_compiler();
    return CAI_LOCK_LOST;
}

void cai_lock_repaired(struct cai_lock *lock)
{
    if ((cai_exchange_release(&lock->word, CAI_LOCK_FREE) & CAI_LOCK_WAITED) != 0)
        cai_lock_wake(lock);
}
