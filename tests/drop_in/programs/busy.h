/* Threads that are busy with the allocator when the program forks, and may rest while the child works: it is a process
 * of its own, in which they are not, and on few processors they would take most of its time.
 */
#ifndef DROP_IN_BUSY_H
#define DROP_IN_BUSY_H

#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { BUSY_MAX = 8, BUSY_AGAIN = 4 /* operations of each since it rested, so that it is at it again */ };

static struct {
    pthread_t threads[BUSY_MAX];
    unsigned count;
    atomic_bool rest, stop;
    atomic_uint done[BUSY_MAX];
} busy;

/* Called by each after every operation. False: it is to end. */
static inline bool busy_goes_on(unsigned number)
{
    atomic_fetch_add_explicit(&busy.done[number], 1, memory_order_relaxed);
    while (atomic_load(&busy.rest) && !atomic_load(&busy.stop))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    return !atomic_load(&busy.stop);
}

/* `body` gets the thread's number. */
static inline void busy_start(void *(*body)(void *))
{
    uintptr_t number = busy.count++;

    CHECK(number < BUSY_MAX && pthread_create(&busy.threads[number], NULL, body, (void *)number) == 0);
}

static inline void busy_rest(void)
{
    atomic_store(&busy.rest, true);
}

/* Returns when all are at it. */
static inline void busy_again(void)
{
    unsigned before[BUSY_MAX];

    for (unsigned i = 0; i < busy.count; i++)
        before[i] = atomic_load(&busy.done[i]);
    atomic_store(&busy.rest, false);
    for (unsigned i = 0; i < busy.count; i++)
        while (atomic_load(&busy.done[i]) - before[i] < BUSY_AGAIN)
            sched_yield();
}

static inline void busy_end(void)
{
    atomic_store(&busy.stop, true);
    for (unsigned i = 0; i < busy.count; i++)
        CHECK(pthread_join(busy.threads[i], NULL) == 0);
}

#endif
