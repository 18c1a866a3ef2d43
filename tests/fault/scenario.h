/* One fixed piece of work that makes the engine ask the system for everything it ever asks for. */
#ifndef TESTS_FAULT_SCENARIO_H
#define TESTS_FAULT_SCENARIO_H

#include <stdbool.h>

/* Every allocation either succeeds or fails as documented, every block keeps its content, audits hold after each part.
 * Run in a child (support/child.h). Returns how many allocations failed. */
unsigned scenario_run(void);

#endif
