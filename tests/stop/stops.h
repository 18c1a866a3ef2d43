/* Stepping through one scenario and forking at its stops. */
#ifndef TESTS_STOP_STOPS_H
#define TESTS_STOP_STOPS_H

#include "scenario.h"

/* Which of the stops. */
struct density {
    bool stores_only; /* not where nothing was stored since the stop before */
    bool everywhere;  /* at each instruction that was not met before */
    unsigned first;   /* every one of so many; then */
    unsigned each;    /* one of so many: a prime, so that loops are met in different phases */
};

struct plan {
    struct density density, handlers; /* in handlers the victim goes on, and its registers matter, too */
    unsigned raw_each;                /* every so many stops, a child by _Fork, too */
    unsigned seconds;                 /* then only at instructions not met before */
    unsigned failures_max;            /* then no more stops */
    unsigned raw_failures_max;        /* then no more children by _Fork */
    bool count_only;                  /* no children at all */
    long only;                        /* this step alone; -1: all */
};

/* Prints a line, and the failures. False: there were some, or it was not the path that was meant. */
bool stops_run(const struct scenario *scenario, const struct plan *plan);

#endif
