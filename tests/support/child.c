/* See child.h. cmocka's handlers for crashes must not run in the child: they would go on with the next test there. */
#include "support/child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_FAILED = 99 };

static void prepare(int error_fd, unsigned seconds)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGALRM};

    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    dup2(error_fd, STDERR_FILENO);
    const char *patience = getenv("CAPALLOC_TEST_PATIENCE");
    alarm(seconds * (patience != NULL ? (unsigned)atoi(patience) : 1));
}

void child_run(struct child *child, unsigned seconds, void (*body)(const void *), const void *argument)
{
    int ends[2];
    size_t length = 0;
    ssize_t got;

    fflush(NULL);
    if (pipe(ends) != 0)
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        prepare(ends[1], seconds);
        body(argument);
        _exit(EXIT_SUCCESS);
    }
    close(ends[1]);
    while ((got = read(ends[0], child->text + length, sizeof child->text - 1 - length)) > 0)
        length += (size_t)got;
    close(ends[0]);
    child->text[length] = '\0';
    if (pid < 0 || waitpid(pid, &child->status, 0) != pid)
        abort();
}

bool child_succeeded(const struct child *child)
{
    if (WIFEXITED(child->status) && WEXITSTATUS(child->status) == EXIT_SUCCESS)
        return true;
    if (WIFSIGNALED(child->status))
        printf("child: signal %d: %s\n", WTERMSIG(child->status), child->text);
    else
        printf("child: status %d: %s\n", WEXITSTATUS(child->status), child->text);
    return false;
}

bool child_died(const struct child *child, int signal)
{
    return WIFSIGNALED(child->status) && WTERMSIG(child->status) == signal;
}

noreturn void child_fail(const char *file, int line, const char *what)
{
    dprintf(STDERR_FILENO, "%s:%d: %s\n", file, line, what);
    _exit(EXIT_FAILED);
}
