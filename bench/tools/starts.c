/* starts PAIRS [NAME | NAME=VALUE]... -- PROGRAM ARG...: starts a program PAIRS times as it is and PAIRS times with
 * variables of the environment taken away or set, by turns, and writes a line for each pair:
 *     wall_ns cpu_us faults   wall_ns cpu_us faults
 * as it is, then with the change. Each of the two comes first in every other pair. Without a change both are the same.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct start {
    long long wall_ns, cpu_us, faults;
};

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long microseconds(struct timeval t)
{
    return t.tv_sec * 1000000LL + t.tv_usec;
}

static struct start start(char **argv, char **environment)
{
    pid_t pid = 0;
    int status = 0;
    struct rusage usage;
    struct start took = {.wall_ns = now()};
    int error = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environment);

    if (error != 0) {
        fprintf(stderr, "starts: %s: %s\n", argv[0], strerror(error));
        exit(127);
    }
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR)
            exit(1);
    took.wall_ns = now() - took.wall_ns;
    took.cpu_us = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
    took.faults = usage.ru_minflt;
    if (status != 0) {
        fprintf(stderr, "starts: %s: status %d\n", argv[0], status);
        exit(1);
    }
    return took;
}

/* The environment without a variable. */
static void take_away(char **environment, const char *name, size_t length)
{
    char **to = environment;

    for (char **from = environment; *from != NULL; from++)
        if (strncmp(*from, name, length) != 0 || (*from)[length] != '=')
            *to++ = *from;
    *to = NULL;
}

int main(int argc, char **argv)
{
    static char *changed[4096];
    int pairs = argc > 1 ? atoi(argv[1]) : 0;
    int i = 2;
    size_t count = 0;

    for (; environ[count] != NULL && count < 4000; count++)
        changed[count] = environ[count];
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *value = strchr(argv[i], '=');
        take_away(changed, argv[i], value != NULL ? (size_t)(value - argv[i]) : strlen(argv[i]));
        for (count = 0; changed[count] != NULL && count < 4000; count++)
            ;
        if (value != NULL)
            changed[count] = argv[i];
    }
    if (pairs <= 0 || i + 1 >= argc) {
        fputs("usage: starts PAIRS [NAME | NAME=VALUE]... -- PROGRAM ARG...\n", stderr);
        return 2;
    }
    for (int pair = 0; pair < pairs; pair++) {
        struct start took[2];
        for (int turn = 0; turn < 2; turn++) {
            int which = (pair + turn) % 2;
            took[which] = start(argv + i + 1, which == 0 ? environ : changed);
        }
        printf("%lld %lld %lld %lld %lld %lld\n", took[0].wall_ns, took[0].cpu_us, took[0].faults, took[1].wall_ns,
               took[1].cpu_us, took[1].faults);
    }
    return 0;
}
