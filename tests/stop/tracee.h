/* The process that is stepped: its threads, and the markers between which the victim is watched. */
#ifndef TESTS_STOP_TRACEE_H
#define TESTS_STOP_TRACEE_H

#include "scenario.h"

#include <stdint.h>

/* Runs the scenario; the process ends with it. */
_Noreturn void tracee_run(const struct scenario *which);

/* The victim's operation is over when it comes to this instruction. */
extern const char stop_end[];

/* The signal whose handler forks. */
enum { TRACEE_SIGNAL = 10 /* SIGUSR1 */ };

#endif
