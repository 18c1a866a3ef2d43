/* fork, exec, wait. The child differs from what the caller would have started in three environment variables, in
 * nothing else: signal mask and dispositions, process group and the standard streams are as
 * inherited. The errno of a failed exec comes back through a pipe that a successful exec closes. Called by run.
 */
#include "run/launch.h"

#include "run/message.h"
#include "run/preload.h"
#include "run/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How the library's answer is awaited: it cannot send a signal, so the page is read every now and then at first. */
enum { ANSWER_POLL_MS = 50, ANSWER_POLLS_MAX = 60 };

/* What vm.max_map_count says where nobody changed it: the library assumes that by itself. */
enum { MAPPINGS_USUAL = 65530 };

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static uint64_t timeval_ns(struct timeval time)
{
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_usec * 1000;
}

bool cai_launch_mappings(const char *path, char *text, size_t size)
{
    char line[32];
    FILE *file = fopen(path, "re");
    bool read = file != NULL && fgets(line, sizeof line, file) != NULL;
    unsigned long most = read ? strtoul(line, NULL, 10) : 0;
    bool known = most > 0 && most != MAPPINGS_USUAL;

    if (file != NULL)
        fclose(file);
    text[0] = '\0';
    if (known)
        snprintf(text, size, "mappings=%lu", most);
    return known;
}

/* The three variables. False: errno says why. */
static bool environment_set(const struct cai_launch *launch)
{
    char *preload = cai_preload_compose(launch->library, getenv("LD_PRELOAD"));
    char mappings[40];

    cai_launch_mappings("/proc/sys/vm/max_map_count", mappings, sizeof mappings);
    char *told = cai_options_merge(mappings, getenv("CAPALLOC_OPTIONS"));
    char *options = cai_options_merge(told, launch->settings);

    return preload != NULL && options != NULL && setenv("LD_PRELOAD", preload, 1) == 0 &&
           setenv(CAI_CHANNEL_ENV, launch->channel->name, 1) == 0 &&
           (options[0] != 0 ? setenv("CAPALLOC_OPTIONS", options, 1) : unsetenv("CAPALLOC_OPTIONS")) == 0;
}

static _Noreturn void child_exec(const struct cai_launch *launch, const struct cai_signals *signals, int complaint)
{
    if (environment_set(launch)) {
        cai_channel_claim(launch->channel);
        cai_signals_release(signals);
        if (launch->shell_text)
            execvp(launch->path, launch->argv); /* asks /bin/sh after ENOEXEC; the path has a slash, so no search */
        else
            execv(launch->path, launch->argv);
    }
    int error = errno;
    ssize_t written = write(complaint, &error, sizeof error);
    (void)written;
    _exit(CAI_EXIT_TROUBLE);
}

/* Follows the program until it has ended, and passes on what happens meanwhile. */
static int program_follow(const struct cai_launch *launch, const struct cai_signals *signals,
                          struct cai_outcome *outcome)
{
    struct rusage usage;
    int polls = 0;
    bool answered = false;

    for (;;) {
        if (!answered && cai_channel_state_get(launch->channel) != CAI_CHANNEL_EMPTY) {
            answered = true;
            if (launch->answered != NULL)
                launch->answered(launch->context);
        }
        siginfo_t info;
        int wait_ms = !answered && polls < ANSWER_POLLS_MAX ? ANSWER_POLL_MS : -1;
        int look_ms = launch->look != NULL ? launch->look(launch->context, now_ns()) : -1;
        if (look_ms >= 0 && (wait_ms < 0 || look_ms < wait_ms))
            wait_ms = look_ms;
        int signal = cai_signals_next(signals, wait_ms, &info);
        if (signal == 0 && polls < ANSWER_POLLS_MAX)
            polls++;
        if (signal != 0 && signal != SIGCHLD)
            cai_signals_forward(outcome->pid, &info);
        pid_t changed;
        while ((changed = wait4(outcome->pid, &outcome->wait_status, WNOHANG | WUNTRACED, &usage)) > 0) {
            if (!WIFSTOPPED(outcome->wait_status)) {
                outcome->user_ns = timeval_ns(usage.ru_utime);
                outcome->system_ns = timeval_ns(usage.ru_stime);
                outcome->max_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
                return 0;
            }
            cai_signals_stop_self(WSTOPSIG(outcome->wait_status));
        }
        if (changed < 0 && errno != EINTR)
            return errno;
    }
}

int cai_launch_and_wait(const struct cai_launch *launch, struct cai_outcome *outcome)
{
    int complaint[2];
    struct cai_signals signals;

    *outcome = (struct cai_outcome){0};
    if (pipe2(complaint, O_CLOEXEC) != 0)
        return errno;
    complaint[0] = cai_descriptor_up(complaint[0], STDERR_FILENO + 1);
    complaint[1] = cai_descriptor_up(complaint[1], STDERR_FILENO + 1);
    cai_signals_hold(&signals);
    outcome->start_ns = now_ns();
    outcome->pid = fork();
    if (outcome->pid == 0)
        child_exec(launch, &signals, complaint[1]);
    int error = outcome->pid < 0 ? errno : 0;
    close(complaint[1]);
    if (error == 0) {
        int *heard = &outcome->exec_error;
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN);
        if (TEMP_FAILURE_RETRY(read(complaint[0], heard, sizeof *heard)) == (ssize_t)sizeof *heard) {
            waitpid(outcome->pid, &outcome->wait_status, 0);
        } else {
            *heard = 0;
            error = program_follow(launch, &signals, outcome);
        }
    }
    if (outcome->pid < 0 || outcome->exec_error != 0)
        cai_signals_release(&signals);
    close(complaint[0]);
    outcome->elapsed_ns = now_ns() - outcome->start_ns;
    return error;
}
