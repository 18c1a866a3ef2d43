/* Signals are not handled but held and read one by one, so there is no handler and no race between a signal and the
 * wait. What the terminal sends reaches the program directly, because it is in the same process group; only what was
 * sent to this process alone is passed on. Called by launch and run.
 */
#include "run/signals.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const int forwarded[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,  SIGUSR1,
                                SIGUSR2, SIGCONT, SIGTSTP, SIGWINCH, SIGALRM};

void cai_signals_hold(struct cai_signals *signals)
{
    sigemptyset(&signals->held);
    sigaddset(&signals->held, SIGCHLD);
    for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++)
        sigaddset(&signals->held, forwarded[i]);
    sigprocmask(SIG_BLOCK, &signals->held, &signals->before);
    /* Inherited as "ignore" it would make the kernel throw the exit status away. */
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &standard, &signals->child_end);
}

void cai_signals_release(const struct cai_signals *signals)
{
    sigaction(SIGCHLD, &signals->child_end, NULL);
    sigprocmask(SIG_SETMASK, &signals->before, NULL);
}

int cai_signals_next(const struct cai_signals *signals, int timeout_ms, siginfo_t *info)
{
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    int signal = sigtimedwait(&signals->held, info, timeout_ms < 0 ? NULL : &timeout);
    return signal > 0 ? signal : 0;
}

void cai_signals_forward(pid_t program, const siginfo_t *info)
{
    /* SI_KERNEL: from the terminal, to the whole group. An alarm set before our exec also comes from the kernel, but it
     * was meant for the program: `perl -e 'alarm 5; exec @ARGV'` is a common way to limit time. */
    if (info->si_code == SI_KERNEL && info->si_signo != SIGALRM)
        return;
    if (info->si_code <= 0 && info->si_pid == program)
        return; /* kill(0, ...) by the program: it has had it */
    if (info->si_code == SI_QUEUE)
        sigqueue(program, info->si_signo, info->si_value);
    else
        kill(program, info->si_signo);
}

/* Are we what the user at the terminal is looking at? */
static bool in_foreground(void)
{
    int terminal = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool yes = terminal >= 0 && tcgetpgrp(terminal) == getpgrp();

    if (terminal >= 0)
        close(terminal);
    return yes;
}

/* Takes the signal at once, held or not, with what it does by default. mask: the one before, may be NULL. */
static void take(int signal, sigset_t *mask)
{
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t one;

    sigaction(signal, &standard, NULL);
    sigemptyset(&one);
    sigaddset(&one, signal);
    raise(signal);
    sigprocmask(SIG_UNBLOCK, &one, mask);
}

void cai_signals_stop_self(int signal)
{
    struct sigaction before;
    sigset_t mask;

    /* SIGSTOP can be sent to the program alone, by a supervisor that will continue it alone: then nobody would ever
     * continue us. Job control stops are the shell's, which continues the group. */
    if (signal == SIGSTOP && !in_foreground())
        return;
    sigaction(signal, NULL, &before);
    take(signal, &mask); /* stops here */
    sigprocmask(SIG_SETMASK, &mask, NULL);
    sigaction(signal, &before, NULL);
}

_Noreturn void cai_signals_die(int signal)
{
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a core_pattern with a pipe does not ask the limit */
    take(signal, NULL);
    _exit(128 + signal); /* a signal that does not end this process, such as one only the program could get */
}
