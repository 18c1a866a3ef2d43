/* What every model of a capability must do alike: a list of cases, each of which prints one line of numbers.
 *
 * Freestanding, so that the list runs in a process and on bare metal; the lines of two models are compared as text.
 * Nothing depends on where the program lies: the only memory used is the region, and capabilities to it are made from
 * the root.
 */
#ifndef TESTS_CAP_CASES_H
#define TESTS_CAP_CASES_H

#include <stddef.h>

/* The region that the cases load from and store to; within the memory of a `virt` board. */
#define CAP_CASES_REGION ((size_t)0x80400000)
#define CAP_CASES_REGION_BYTES ((size_t)0x10000)

/* Runs all cases; `put` gets each line without its end. Contents and tags of the region are overwritten. Returns the
 * number of cases. */
unsigned cap_cases_run(void (*put)(const char *line));

#endif
