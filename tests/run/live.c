/* The program that test_live.py looks at: each argument is one thing to do, in this order. */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKS = 3000, BLOCK_BYTES = 100, ROUNDS = 200000 };
static void *volatile kept[BLOCKS];

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Blocks that stay, and then work that gives the library time to tell of them. */
static void grow(void)
{
    for (size_t i = 0; i < BLOCKS; i++)
        kept[i] = malloc(BLOCK_BYTES);
    double end = seconds() + 0.3;
    for (size_t round = 0; round < ROUNDS || seconds() < end; round++)
        free(malloc(40 + round % 8));
}

/* For a debugger: a small block, a large one, and one that was freed. */
static void few(void)
{
    kept[0] = malloc(BLOCK_BYTES);
    kept[1] = malloc(1 << 20);
    kept[2] = malloc(64);
    free(kept[2]);
}

static void twice(void)
{
    void *volatile block = malloc(64);

    free(block);
    free(block);
}

static void refused(void)
{
    volatile size_t bytes = (size_t)PTRDIFF_MAX / 2;

    for (int i = 0; i < 3; i++)
        free(malloc(bytes));
}

/* Those of the table. */
static void descriptors(void)
{
    char name[300], target[300];
    DIR *folder = opendir("/proc/self/fd");

    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        snprintf(name, sizeof name, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(name, target, sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        if (strstr(target, "capalloc") != NULL)
            puts("open");
    }
    closedir(folder);
}

static void fork_and(char **rest)
{
    pid_t child = fork();

    if (child == 0)
        return; /* goes on with the rest */
    waitpid(child, NULL, 0);
    exit(*rest != NULL ? 0 : 1);
}

static void vfork_and(char *self, char **rest)
{
    char *arguments[16] = {self};

    for (size_t i = 0; rest[i] != NULL && i < 14; i++)
        arguments[i + 1] = rest[i];
    pid_t child = vfork();
    if (child == 0) {
        execv(self, arguments);
        _exit(9);
    }
    waitpid(child, NULL, 0);
    exit(0);
}

static void end(const char *how)
{
    if (strcmp(how, "_exit") == 0)
        _exit(3);
    if (strcmp(how, "kill") == 0)
        raise(SIGKILL);
    if (strcmp(how, "segv") == 0)
        raise(SIGSEGV);
    if (strcmp(how, "abort") == 0)
        abort();
}

int main(int argc, char **argv)
{
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    for (int i = 1; i < argc; i++) {
        const char *what = argv[i];
        if (strcmp(what, "grow") == 0)
            grow();
        else if (strcmp(what, "few") == 0)
            few();
        else if (strcmp(what, "twice") == 0)
            twice();
        else if (strcmp(what, "refused") == 0)
            refused();
        else if (strcmp(what, "descriptors") == 0)
            descriptors();
        else if (strcmp(what, "fork") == 0)
            fork_and(argv + i + 1);
        else if (strcmp(what, "vfork") == 0)
            vfork_and(argv[0], argv + i + 1);
        else if (strcmp(what, "closefrom") == 0)
            closefrom(3);
        else if (strcmp(what, "chroot") == 0 && (chroot("/var/empty") != 0 && chroot("/tmp") != 0))
            return 8;
        else if (strcmp(what, "setuid") == 0 && setuid(65534) != 0)
            return 8;
        else if (strcmp(what, "wait") == 0) {
            printf("%d\n", (int)getpid());
            fflush(stdout);
            getchar();
        } else
            end(what);
    }
    return 3;
}
