/* How a call is made that begins anew when a stop of a sweep, and nothing else, has interrupted it. */
#ifndef CAI_PRELOAD_RESUMED_H
#define CAI_PRELOAD_RESUMED_H

#include "preload/next.h"
#include "revoke/resume.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

/* `call` sets `result`; after -1 and EINTR `anew` is done before it is made again. */
#define RESUMED(result, call, anew)                                                                                    \
    do {                                                                                                               \
        struct cai_resume before_ = cai_resume_begin();                                                                \
        (result) = (call);                                                                                             \
        while ((result) == -1 && errno == EINTR && cai_resume_again()) {                                               \
            anew;                                                                                                      \
            (result) = (call);                                                                                         \
        }                                                                                                              \
        cai_resume_end(before_);                                                                                       \
    } while (false)

/* When a call of that length ends that begins now; NULL: never. */
CAI_INLINE struct timespec end_of(const struct timespec *length)
{
    struct timespec end = {0, 0};

    if (length == NULL || (length->tv_sec == 0 && length->tv_nsec == 0))
        return end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += length->tv_nsec;
    if (__builtin_add_overflow(end.tv_sec, length->tv_sec, &end.tv_sec))
        end.tv_sec = __INT64_MAX__;
    else if (end.tv_nsec >= 1000000000 && end.tv_sec != __INT64_MAX__)
        end = (struct timespec){end.tv_sec + 1, end.tv_nsec - 1000000000};
    return end;
}

CAI_INLINE struct timespec left_until(struct timespec end)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    struct timespec left = {end.tv_sec - now.tv_sec, end.tv_nsec - now.tv_nsec};
    if (left.tv_nsec < 0)
        left = (struct timespec){left.tv_sec - 1, left.tv_nsec + 1000000000};
    return left.tv_sec < 0 ? (struct timespec){0, 0} : left;
}

/* `length` is a pointer, or NULL, and becomes one to what remains. */
#define TIME_RESUMED(result, length, call)                                                                             \
    do {                                                                                                               \
        struct timespec end_ = end_of(length);                                                                         \
        struct timespec left_;                                                                                         \
        RESUMED(result, call, left_ = left_until(end_); (length) = (length) != NULL ? &left_ : NULL);                  \
    } while (false)

#endif
