/* What the small programs share: a condition that must hold, and what /proc says about this process. */
#ifndef DROP_IN_CHECK_H
#define DROP_IN_CHECK_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);                          \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* A line of /proc/self/status in kB, such as "VmRSS:". Allocates nothing: that would be housekeeping for the
 * allocator. */
static inline long status_kib(const char *field)
{
    static char text[8192];
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = read(file, text, sizeof text - 1);

    CHECK(file >= 0 && length > 0);
    close(file);
    text[length] = '\0';
    const char *line = strstr(text, field);
    return line == NULL ? -1 : strtol(line + strlen(field), NULL, 10);
}

static inline double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ z >> 31;
}

#endif
