/* What the programs in this folder share: a way to stop when something is not as it should be, and the audit. */
#ifndef EXAMPLES_HOOKS_HOOKS_H
#define EXAMPLES_HOOKS_HOOKS_H

#include <capalloc/capalloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The program is its own test: what does not hold ends it. */
#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                    \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Milliseconds since some start. */
static inline double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Bytes of live blocks of a place: 0 ordinary, 1 nocaps, 2 mustzero, 3 secret. */
static inline size_t live_in(int place)
{
    ca_stats stats = CA_STATS_INIT;
    ca_stats_read(&stats);
    return (size_t)stats.place[place].live_bytes;
}

/* A heap with a quota; its root authority. */
static inline ca_authority heap_with_quota(size_t quota, const char *name)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority heap;
    options.quota_bytes = quota;
    options.name = name;
    MUST(ca_heap_create(&options, &heap) == CA_OK);
    return heap;
}

/* What an authority and those below it have taken. */
static inline size_t charged(ca_authority heap)
{
    ca_authority_info info = CA_AUTHORITY_INFO_INIT;
    MUST(ca_authority_describe(heap, &info) == CA_OK);
    return info.charged_bytes;
}

#endif
