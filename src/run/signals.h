/* Standing between a caller and a program without either noticing: signals, stops and deaths are passed on. */
#ifndef CAI_RUN_SIGNALS_H
#define CAI_RUN_SIGNALS_H

#include <signal.h>
#include <sys/types.h>

struct cai_signals {
    sigset_t before;            /* the mask to restore */
    sigset_t held;              /* what the parent waits for */
    struct sigaction child_end; /* SIGCHLD as it was inherited */
};

/* From here on signals wait for cai_signals_next instead of being delivered. */
void cai_signals_hold(struct cai_signals *signals);

/* Back to what was inherited: in the child before exec, in the parent when the start failed. */
void cai_signals_release(const struct cai_signals *signals);

/* The next signal, or 0 after timeout_ms (negative: no limit) or an interruption. */
int cai_signals_next(const struct cai_signals *signals, int timeout_ms, siginfo_t *info);

/* Gives the program the signal, unless it got it already or sent it itself. */
void cai_signals_forward(pid_t program, const siginfo_t *info);

/* The program stopped by this signal: stop as well, so that the shell sees a stopped job. Returns when continued. */
void cai_signals_stop_self(int signal);

/* Ends this process by the same signal, without a core file of its own. */
_Noreturn void cai_signals_die(int signal);

#endif
