/* What went wrong, by kind: what the child said, and the functions in which the victim stood. */
#ifndef TESTS_STOP_FAILURES_H
#define TESTS_STOP_FAILURES_H

#include "common.h"
#include "scenario.h"

#include <stddef.h>

struct failure {
    enum way way;
    unsigned step;
    uintptr_t position, called_from;
    const char *said; /* in a few lines; the first tells the kind */
};

void failures_note(const struct failure *failure);

/* How many were noted, and of how many kinds. */
unsigned failures_count(void);
unsigned failures_kinds(void);

/* Prints them, with how to see each again, and forgets them. */
void failures_print(const struct scenario *of);

#endif
