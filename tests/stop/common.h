/* What a test of stops consists of, and what its processes share.
 *
 *   tracer   steps one thread of the tracee, the victim, by single instructions (tracer.c, stops.c)
 *   tracee   has the victim in the middle of one operation of a scenario, and threads that fork on command (tracee.c)
 *   child    is made where the victim stands, and examines itself (examine.c)
 *
 * The tracee is forked from the tracer without exec: addresses mean the same in all three, and this page is mapped in
 * all of them. Words that somebody sleeps on are told by futex, not by pipes: a pipe is two system calls more for each
 * stop, of which there are many thousands.
 */
#ifndef TESTS_STOP_COMMON_H
#define TESTS_STOP_COMMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How a child is made. */
enum way {
    WAY_FORK,    /* fork: handlers run, and wait where they must */
    WAY_RAW,     /* _Fork, or the bare system call: nobody is told */
    WAY_HANDLER, /* fork in a signal handler of the victim itself */
};

enum order { ORDER_FORK, ORDER_FINISH };

enum { TRACE_MAX = 24 };

/* One who forks on command: the main thread by fork, another by _Fork; in scenarios of handlers the victim. */
struct post {
    uint32_t asked;   /* futex: how many orders were given */
    uint32_t order;   /* the last of them, enum order */
    uint32_t through; /* how many forks have returned in the parent */
    uint32_t done;    /* futex: how many orders were carried out, the child's end included */
    pid_t thread;     /* who it is */
    int status;       /* of the last child, as from wait */

    /* Written by the child. */
    int signal; /* that ended it; 0: none */
    int trace_length;
    void *trace[TRACE_MAX]; /* where it was then */
};

enum { POSTS = 2 };

struct common {
    uint32_t ready; /* futex: the victim waits to be traced */
    uint32_t go;    /* futex: it is */
    uint32_t over;  /* futex: it is traced no more, and the operation is over */
    pid_t victim;
    uint32_t step;       /* at which the victim stands */
    uint32_t limit_ms;   /* a child that takes longer hangs */
    uint32_t is_patient; /* a child that fails waits for a debugger */
    struct post posts[POSTS];
};

extern struct common *common;

/* Maps it; once, before anything is forked. */
void common_map(void);

/* False when `ms` milliseconds went by first; 0: no limit. */
bool common_wait(const uint32_t *word, uint32_t until, unsigned ms);
void common_tell(uint32_t *word, uint32_t value);
uint32_t common_read(const uint32_t *word);

/* Monotonic. */
uint64_t common_now_us(void);

#endif
