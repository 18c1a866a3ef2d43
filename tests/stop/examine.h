/* What a child of a stop does with itself: looks whether everything is as it must be, works for a while, looks again.
 */
#ifndef TESTS_STOP_EXAMINE_H
#define TESTS_STOP_EXAMINE_H

#include "common.h"

/* The first thing in a child: a time limit, and word of what ends it, with its place, at this post. */
void child_begin(struct post *post);

/* Ends the process, with status 0 when all is well. A child that was made behind the library's back (WAY_RAW) is
 * audited at the end only: it has to use the library to learn that it is one. */
_Noreturn void child_examine(enum way way);

/* The same for the process that the children came from, once its operation is over. */
_Noreturn void parent_examine(void);

#endif
