/* The other calls that a signal interrupts for good: waiting for signals, semaphores, messages. See resumed.c. */
#include "preload/resumed.h"

#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <unistd.h>

KNOWN(pause)
KNOWN(sigsuspend)
KNOWN(sigtimedwait)
KNOWN(sigwaitinfo)
KNOWN(sem_timedwait)
KNOWN(semop)
KNOWN(semtimedop)
KNOWN(msgsnd)
KNOWN(msgrcv)

CAI_EXPORT int pause(void)
{
    int result;

    RESUMED(result, NEXT(pause)(), );
    return result;
}

CAI_EXPORT int sigsuspend(const sigset_t *mask)
{
    int result;

    RESUMED(result, NEXT(sigsuspend)(mask), );
    return result;
}

CAI_EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    int result;

    RESUMED(result, NEXT(sigwaitinfo)(set, info), );
    return result;
}

CAI_EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *length)
{
    int result;

    TIME_RESUMED(result, length, NEXT(sigtimedwait)(set, info, length));
    return result;
}

/* Its time is a moment, not a length. */
CAI_EXPORT int sem_timedwait(sem_t *semaphore, const struct timespec *moment)
{
    int result;

    RESUMED(result, NEXT(sem_timedwait)(semaphore, moment), );
    return result;
}

CAI_EXPORT int semop(int id, struct sembuf *operations, size_t count)
{
    int result;

    RESUMED(result, NEXT(semop)(id, operations, count), );
    return result;
}

CAI_EXPORT int semtimedop(int id, struct sembuf *operations, size_t count, const struct timespec *length)
{
    int result;

    TIME_RESUMED(result, length, NEXT(semtimedop)(id, operations, count, length));
    return result;
}

CAI_EXPORT int msgsnd(int id, const void *message, size_t bytes, int flags)
{
    int result;

    RESUMED(result, NEXT(msgsnd)(id, message, bytes, flags), );
    return result;
}

CAI_EXPORT ssize_t msgrcv(int id, void *message, size_t bytes, long type, int flags)
{
    ssize_t result;

    RESUMED(result, NEXT(msgrcv)(id, message, bytes, type, flags), );
    return result;
}

/* Not every C library has these. */
#define SINCE(major, minor) (__GLIBC__ > (major) || (__GLIBC__ == (major) && __GLIBC_MINOR__ >= (minor)))

#if SINCE(2, 30)
KNOWN(sem_clockwait)

CAI_EXPORT int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *moment)
{
    int result;

    RESUMED(result, NEXT(sem_clockwait)(semaphore, clock, moment), );
    return result;
}
#endif

#if SINCE(2, 35)
KNOWN(epoll_pwait2)

CAI_EXPORT int epoll_pwait2(int file, struct epoll_event *events, int count, const struct timespec *length,
                            const sigset_t *mask)
{
    int result;

    TIME_RESUMED(result, length, NEXT(epoll_pwait2)(file, events, count, length, mask));
    return result;
}
#endif
