/* Waiting for a time or for files: calls that a signal interrupts for good, in the library that sweeps
 * (revoke/resume.h). What remains of their time is what they begin anew with. Those without a length are in
 * resumed_for_long.c.
 *
 * The wrapped functions are points of cancellation, by what they call. */
#include "preload/resumed.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <threads.h>
#include <unistd.h>

KNOWN(clock_nanosleep)
KNOWN(poll)
KNOWN(ppoll)
KNOWN(select)
KNOWN(pselect)
KNOWN(epoll_wait)
KNOWN(epoll_pwait)

/* --- sleeping --- */

/* Returns an error, or 0; *left is what remains after EINTR, of a length. The kernel tells what remained when the stop
 * began, which is what counts on clocks that stand still meanwhile. */
static CAI_NOINLINE int sleep_on(clockid_t clock, int flags, const struct timespec *length, struct timespec *left)
{
    bool until = (flags & TIMER_ABSTIME) != 0;
    bool runs_on = clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
    struct timespec end = until || !runs_on ? (struct timespec){0, 0} : end_of(length);
    struct timespec again, rest;
    struct cai_resume before = cai_resume_begin();
    int error = NEXT(clock_nanosleep)(clock, flags, length, &rest);

    while (error == EINTR && cai_resume_again()) {
        again = runs_on ? left_until(end) : rest;
        error = NEXT(clock_nanosleep)(clock, flags, until ? length : &again, &rest);
    }
    cai_resume_end(before);
    if (error == EINTR && left != NULL && !until)
        *left = rest;
    return error;
}

CAI_EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *length, struct timespec *left)
{
    return sleep_on(clock, flags, length, left);
}

static int as_errno(int error)
{
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

CAI_EXPORT int nanosleep(const struct timespec *length, struct timespec *left)
{
    return as_errno(sleep_on(CLOCK_REALTIME, 0, length, left));
}

CAI_EXPORT int __nanosleep(const struct timespec *length, struct timespec *left) __attribute__((alias("nanosleep")));

CAI_EXPORT int usleep(useconds_t length)
{
    struct timespec time = {length / 1000000, (long)(length % 1000000) * 1000};

    return as_errno(sleep_on(CLOCK_REALTIME, 0, &time, NULL));
}

CAI_EXPORT unsigned sleep(unsigned seconds)
{
    struct timespec time = {seconds, 0};
    struct timespec left = {0, 0};

    return sleep_on(CLOCK_REALTIME, 0, &time, &left) == 0 ? 0 : (unsigned)left.tv_sec;
}

CAI_EXPORT int thrd_sleep(const struct timespec *length, struct timespec *left)
{
    int error = sleep_on(CLOCK_REALTIME, 0, length, left);

    return error == 0 ? 0 : error == EINTR ? -1 : -2;
}

/* --- files --- */

static struct timespec of_milliseconds(int length)
{
    return (struct timespec){length / 1000, (long)(length % 1000) * 1000000};
}

/* Rounded up: nobody gets up early. */
static int to_milliseconds(struct timespec left)
{
    return (int)(left.tv_sec * 1000 + (left.tv_nsec + 999999) / 1000000);
}

#define MILLISECONDS_RESUMED(result, length, call)                                                                     \
    do {                                                                                                               \
        struct timespec time_ = of_milliseconds((length) > 0 ? (length) : 0);                                          \
        struct timespec end_ = end_of(&time_);                                                                         \
        RESUMED(result, call, (length) = (length) > 0 ? to_milliseconds(left_until(end_)) : (length));                 \
    } while (false)

CAI_EXPORT int poll(struct pollfd *files, nfds_t count, int length)
{
    int result;

    MILLISECONDS_RESUMED(result, length, NEXT(poll)(files, count, length));
    return result;
}

CAI_EXPORT int __poll(struct pollfd *files, nfds_t count, int length) __attribute__((alias("poll")));

CAI_EXPORT int ppoll(struct pollfd *files, nfds_t count, const struct timespec *length, const sigset_t *mask)
{
    int result;

    TIME_RESUMED(result, length, NEXT(ppoll)(files, count, length, mask));
    return result;
}

extern void __chk_fail(void) __attribute__((noreturn));
CAI_EXPORT int __poll_chk(struct pollfd *files, nfds_t count, int length, size_t bytes);
CAI_EXPORT int __ppoll_chk(struct pollfd *files, nfds_t count, const struct timespec *length, const sigset_t *mask,
                           size_t bytes);

/* What _FORTIFY_SOURCE makes of them. */
int __poll_chk(struct pollfd *files, nfds_t count, int length, size_t bytes)
{
    if (bytes / sizeof *files < count)
        __chk_fail();
    return poll(files, count, length);
}

int __ppoll_chk(struct pollfd *files, nfds_t count, const struct timespec *length, const sigset_t *mask, size_t bytes)
{
    if (bytes / sizeof *files < count)
        __chk_fail();
    return ppoll(files, count, length, mask);
}

static void set_left(struct timeval *length, struct timespec end)
{
    struct timespec left = left_until(end);

    if (length != NULL)
        *length = (struct timeval){left.tv_sec, left.tv_nsec / 1000};
}

/* Linux writes what remains into the length, and nothing into the sets after an error. */
CAI_EXPORT int select(int count, fd_set *in, fd_set *out, fd_set *other, struct timeval *length)
{
    struct timespec time = {0, 0};
    int result;

    if (length != NULL) /* one that is none is for the C library to refuse */
        time = (struct timespec){length->tv_sec, length->tv_usec * 1000};
    struct timespec end = length != NULL && length->tv_sec >= 0 ? end_of(&time) : time;
    RESUMED(result, NEXT(select)(count, in, out, other, length), set_left(length, end));
    return result;
}

CAI_EXPORT int __select(int count, fd_set *in, fd_set *out, fd_set *other, struct timeval *length)
    __attribute__((alias("select")));

CAI_EXPORT int pselect(int count, fd_set *in, fd_set *out, fd_set *other, const struct timespec *length,
                       const sigset_t *mask)
{
    int result;

    TIME_RESUMED(result, length, NEXT(pselect)(count, in, out, other, length, mask));
    return result;
}

CAI_EXPORT int epoll_wait(int file, struct epoll_event *events, int count, int length)
{
    int result;

    MILLISECONDS_RESUMED(result, length, NEXT(epoll_wait)(file, events, count, length));
    return result;
}

CAI_EXPORT int epoll_pwait(int file, struct epoll_event *events, int count, int length, const sigset_t *mask)
{
    int result;

    MILLISECONDS_RESUMED(result, length, NEXT(epoll_pwait)(file, events, count, length, mask));
    return result;
}
