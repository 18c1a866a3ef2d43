/* The program that test_run.sh starts: the first argument says what to do. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Waits for signals and prints each; ends after the given number. */
static int await_signals(int count)
{
    static const int all[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGALRM};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        sigaddset(&set, all[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    puts("ready");
    fflush(stdout);
    for (int i = 0; i < count; i++) {
        int signal = sigwaitinfo(&set, NULL);
        printf("got %s\n", signal > 0 ? sigabbrev_np(signal) : strerror(errno));
        fflush(stdout);
    }
    return 0;
}

static volatile sig_atomic_t signals_counted;

static void count_signal(int signal)
{
    (void)signal;
    signals_counted++;
}

/* The state that a program inherits and could notice: mask, dispositions, low descriptors. */
static int print_inherited(void)
{
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    for (int signal = 1; signal < 32; signal++) {
        struct sigaction action;
        sigaction(signal, NULL, &action);
        printf("%d%s%s ", signal, sigismember(&mask, signal) == 1 ? "b" : "", action.sa_handler == SIG_IGN ? "i" : "");
    }
    printf("\ndescriptors:");
    for (int fd = 0; fd < 200; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf(" %d", fd);
    puts("");
    return 0;
}

static int die(int signal)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    free(malloc(100));
    raise(signal);
    return 1;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int number = argc > 2 ? atoi(argv[2]) : 0;
    free(malloc(40));
    if (strcmp(what, "exit") == 0)
        return number;
    if (strcmp(what, "_exit") == 0)
        _exit(number);
    if (strcmp(what, "signal") == 0)
        return die(number);
    if (strcmp(what, "await") == 0)
        return await_signals(number);
    if (strcmp(what, "inherited") == 0)
        return print_inherited();
    if (strcmp(what, "print") == 0) {
        for (int i = 2; i < argc; i++)
            printf("[%s]\n", argv[i]);
        return 0;
    }
    if (strcmp(what, "env") == 0) {
        const char *value = argc > 2 ? getenv(argv[2]) : NULL;
        puts(value != NULL ? value : "(unset)");
        return 0;
    }
    if (strcmp(what, "fork") == 0) { /* a child that passes its exit handlers before the parent does */
        pid_t child = fork();
        if (child == 0)
            exit(9);
        int status;
        waitpid(child, &status, 0);
        _exit(WEXITSTATUS(status) == 9 ? 0 : 1);
    }
    if (strcmp(what, "stop") == 0) {
        puts("stopping");
        fflush(stdout);
        raise(number != 0 ? number : SIGSTOP);
        puts("continued");
        return 4;
    }
    if (strcmp(what, "group") == 0) { /* a signal to everybody, us included */
        signal(SIGUSR1, count_signal);
        signal(SIGINT, count_signal);
        if (number != 0) { /* wait for somebody else to send it */
            printf("ready %d\n", (int)getppid());
            fflush(stdout);
            pause();
            puts("interrupted");
            fflush(stdout);
        } else {
            kill(0, SIGUSR1);
        }
        for (int i = 0; i < 8 && signals_counted == 1; i++)
            usleep(100000);
        return signals_counted == 1 ? 6 : 7;
    }
    fprintf(stderr, "subject: do not know '%s'\n", what);
    return 99;
}
