/* The same stack read by the library and by the C library's backtrace. */
#ifndef TESTS_UNIT_STACK_CALLS_H
#define TESTS_UNIT_STACK_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#include "stack/stack.h"
#ifdef __cplusplus
}
#endif

#include <execinfo.h>
#include <stdio.h>

enum { CALLS_MAX = 2048 };

struct calls {
    uintptr_t own[CALLS_MAX];
    void *theirs[CALLS_MAX];
    size_t own_count, their_count;
};

/* To be called in one and the same function as each other. */
#define calls_read(calls)                                                                                              \
    ((calls)->their_count = (size_t)backtrace((calls)->theirs, CALLS_MAX),                                             \
     (calls)->own_count = cai_stack_read((calls)->own, CALLS_MAX, 0))

/* From the second frame on they agree: the first goes on behind one or the other call, and a tool may have put a frame
 * around backtrace. An address that a signal interrupted is given with 1 added. At least `least` frames. */
static inline bool calls_agree(const struct calls *calls, size_t least)
{
    size_t shift = 0;

    while (shift < 3 && calls->own[1] != (uintptr_t)calls->theirs[shift + 1])
        shift++;
    bool agree = shift < 3 && calls->own_count >= least && calls->own_count + shift == calls->their_count;
    for (size_t i = 1; agree && i < calls->own_count; i++) {
        uintptr_t theirs = (uintptr_t)calls->theirs[i + shift];
        agree = calls->own[i] == theirs || calls->own[i] == theirs + 1;
    }
    if (!agree) {
        fprintf(stderr, "own %zu, theirs %zu\n", calls->own_count, calls->their_count);
        for (size_t i = 0; i < 24 && (i < calls->own_count || i < calls->their_count); i++)
            fprintf(stderr, "%2zu %#zx %#zx\n", i, (size_t)(i < calls->own_count ? calls->own[i] : 0),
                    (size_t)(i < calls->their_count ? (uintptr_t)calls->theirs[i] : 0));
    }
    return agree;
}

#endif
