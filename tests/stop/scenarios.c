/* The list of all scenarios, from scenarios.def. */
#include "scenario.h"

#include <stddef.h>

#define SCENARIO(name) extern const struct scenario scenario_##name;
#include "scenarios.def"
#undef SCENARIO

const struct scenario *const scenarios[] = {
#define SCENARIO(name) &scenario_##name,
#include "scenarios.def"
#undef SCENARIO
    NULL,
};
