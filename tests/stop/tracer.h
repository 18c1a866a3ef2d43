/* One tracee and its victim, by ptrace: started, moved by single instructions, interrupted by a signal, brought to its
 * end. Only the victim is traced; who forks runs freely.
 */
#ifndef TESTS_STOP_TRACER_H
#define TESTS_STOP_TRACER_H

#include "common.h"
#include "scenario.h"

#include <stddef.h>
#include <stdint.h>

enum moved {
    MOVED,
    MOVED_TO_END, /* the operation is over */
    MOVED_AWAY,   /* the thread has ended */
    MOVED_NOT,    /* it waits, and nothing comes of it */
    MOVED_DEAD,   /* the process has crashed */
};

/* Once, before anything else. False: this machine has no ptrace for us. */
bool tracer_prepare(void);

/* A new tracee, its victim at the first instruction of the operation. */
enum moved tracer_start(const struct scenario *which);

/* One instruction of the victim; a system call is one. Of a long call into another object, such as memset, only the
 * first are stepped, and the rest is one. */
enum moved tracer_step(void);

/* A child made after that step may see what a child made before it would not. */
bool tracer_may_change(void);

/* Where the victim stands; when that is in another object, `*called_from` is where it was called from, else 0. */
uintptr_t tracer_position(uintptr_t *called_from);

/* The victim gets the signal in whose handler it forks, and comes back to where it stands. */
enum moved tracer_interrupt(void);

/* The victim is left alone, the process examines itself and ends. False: it does not, or finds something. */
bool tracer_finish(void);

void tracer_kill(void);

/* A forker sleeps: 'S', or what else /proc says of it. */
char tracer_state(pid_t thread);

/* What was written to standard error by the tracee and its children since the last time. */
void tracer_said(char *text, size_t length);

/* How long a step or a handler may take. */
unsigned tracer_patience_ms(void);

#endif
