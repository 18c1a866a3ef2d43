/* One fixed piece of work that makes the engine ask the system for everything it ever asks for. */
#ifndef TESTS_FAULT_SCENARIO_H
#define TESTS_FAULT_SCENARIO_H

#include <stdbool.h>

struct scenario {
    bool started;      /* the engine found room for itself */
    unsigned failures; /* allocations that failed */
    unsigned late;     /* of these, in the last part, which does nothing that was not done before */
};

/* Every allocation either succeeds or fails as documented, every block keeps its content, audits hold after each part.
 * Run in a child (support/child.h). */
struct scenario scenario_run(void);

#endif
