/* Other threads for a test: one that does its work and ends, and steps that two take in turn.
 */
#ifndef TESTS_SUPPORT_THREADS_H
#define TESTS_SUPPORT_THREADS_H

#include "support/child.h"

#include <pthread.h>
#include <time.h>

static inline pthread_t thread_start(void *(*body)(void *), void *argument)
{
    pthread_t thread;

    require(pthread_create(&thread, NULL, body, argument) == 0);
    return thread;
}

static inline void thread_join(pthread_t thread)
{
    require(pthread_join(thread, NULL) == 0);
}

/* Returns when it has ended. */
static inline void in_thread(void *(*body)(void *), void *argument)
{
    thread_join(thread_start(body, argument));
}

/* How far a test has come. */
struct steps {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned at;
};
#define STEPS_INIT                                                                                                     \
    {                                                                                                                  \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0                                                         \
    }

static inline void step_reach(struct steps *steps, unsigned step)
{
    pthread_mutex_lock(&steps->lock);
    steps->at = step;
    pthread_cond_broadcast(&steps->changed);
    pthread_mutex_unlock(&steps->lock);
}

static inline void step_await(struct steps *steps, unsigned step)
{
    pthread_mutex_lock(&steps->lock);
    while (steps->at < step)
        pthread_cond_wait(&steps->changed, &steps->lock);
    pthread_mutex_unlock(&steps->lock);
}

/* For what another thread must not do meanwhile: long enough that it would, if it could. */
static inline void pause_ms(unsigned ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

#endif
