/* A scenario: one operation of the allocator in a prepared situation, so that the path it is named after is taken.
 *
 * The threads of the tracee, in the order in which they prepare: `main` (has a heap and kept blocks, forks on command),
 * `neighbour` (the same, then sleeps, or stands in the middle of something, too), `victim`. What is prepared without
 * being kept (kept.h) is nobody's.
 */
#ifndef TESTS_STOP_SCENARIO_H
#define TESTS_STOP_SCENARIO_H

#include <stdbool.h>

enum {
    SCENARIO_COLD = 1,    /* nothing was allocated in this process before */
    SCENARIO_ENDS = 2,    /* the operation is the end of the thread */
    SCENARIO_ZEROES = 4,  /* the child looks at all memory that must be zero, too */
    SCENARIO_HANDLER = 8, /* the victim forks itself, in a signal handler */
    SCENARIO_ALONE = 16,  /* the victim is the main thread and there is no other */
    SCENARIO_OURS = 32,   /* no stops in other objects: the C library has locks that a handler must not meet */
    SCENARIO_WRONG = 64,  /* a mistake that the harness must find; no test of the allocator */
};

enum { THROUGH_MAX = 4 };

struct scenario {
    const char *name;
    unsigned flags;
    void (*main)(void);
    void (*neighbour)(void);
    void (*victim)(void);
    void (*operation)(void);
    void (*beside)(void);       /* what the neighbour is in the middle of when a handler forks (beside.h) */
    void (*in_child)(void);     /* what else the child does */
    void (*child_begins)(void); /* and before all else */

    /* So that the test cannot become empty unnoticed: how many instructions of the program the path has at least, each
     * counted once, stops at which fork waits, and functions it must come through. */
    unsigned addresses_min, locked_min;
    const char *through[THROUGH_MAX];
};

/* All of them (scenarios.def), ended by NULL. */
extern const struct scenario *const scenarios[];

/* The scenario that runs in this process. */
extern const struct scenario *scenario;

#endif
