/* measure FD [-e NAME=VALUE]... PROGRAM ARG...: runs a program and writes one line to the open file descriptor FD:
 *     wall_ns user_ns sys_ns maxrss_kib status
 *
 * Why a launcher: Linux hands the resident peak of whoever calls exec on to the new program, so a child of the python
 * driver would never seem smaller than python. This program is static, tiny, and spawns without copying itself.
 * Variables such as LD_PRELOAD go through -e, to reach the program but not the launcher. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
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

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int64_t nanoseconds(struct timeval t)
{
    return t.tv_sec * 1000000000LL + t.tv_usec * 1000LL;
}

int main(int argc, char **argv)
{
    int i = 2, fd = argc > 1 ? atoi(argv[1]) : -1;
    for (; i + 1 < argc && strcmp(argv[i], "-e") == 0; i += 2)
        putenv(argv[i + 1]);
    if (i >= argc || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        fputs("usage: measure FD [-e NAME=VALUE]... PROGRAM ARG...\n", stderr);
        return 2;
    }
    pid_t pid = 0;
    int64_t start = now();
    int error = posix_spawnp(&pid, argv[i], NULL, NULL, &argv[i], environ);
    if (error != 0) {
        fprintf(stderr, "measure: %s: %s\n", argv[i], strerror(error));
        return 127;
    }
    int status = 0;
    struct rusage usage;
    while (wait4(pid, &status, 0, &usage) < 0) {
        if (errno != EINTR)
            return 1;
    }
    int64_t wall = now() - start;
    dprintf(fd, "%lld %lld %lld %ld %d\n", (long long)wall, (long long)nanoseconds(usage.ru_utime),
            (long long)nanoseconds(usage.ru_stime), usage.ru_maxrss,
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
