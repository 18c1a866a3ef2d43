/* The waiting half of the lock: spin a little (holders are quick), then sleep in the kernel. */
#include "os/lock.h"

#include "os/os.h"

enum { SPINS = 100 };

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void cai_lock_wait(struct cai_lock *lock)
{
    for (int i = 0; i < SPINS; i++) {
        if (cai_load_relaxed(&lock->word) == 0 && cai_lock_try(lock))
            return;
        pause_briefly();
    }
    /* From here on the word says 2 when we get it: whoever was behind us may still sleep. */
    while (cai_exchange_acquire(&lock->word, 2) != 0)
        cai_os_wait(&lock->word, 2, 0);
}

void cai_lock_wake(struct cai_lock *lock)
{
    cai_os_wake(&lock->word);
}
