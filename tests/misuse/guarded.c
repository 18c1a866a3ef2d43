/* Commits one mistake in each of many rounds on blocks of malloc, for test_guarded.py: KIND ROUNDS SIZE. Says how many
 * rounds were done.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile char sink;

static void own_handler(int number)
{
    static const char text[] = "own handler\n";

    (void)number;
    if (write(2, text, sizeof text - 1) < 0)
        _exit(4);
    _exit(3);
}

static void commit(const char *kind, volatile char *block, size_t size)
{
    __asm__("" : "+r"(block)); /* the compiler is not to know what is wrong with it */
    if (strcmp(kind, "overflow") == 0)
        block[(size + 15) / 16 * 16] = 1;
    else if (strcmp(kind, "underflow") == 0 && (size_t)block % 4096 != 0) /* not before the first of all */
        block[-1] = 1;
    free((void *)block);
    if (strcmp(kind, "use-after-free") == 0)
        sink = block[5];
}

static int rounds(const char *kind, unsigned count, size_t size)
{
    for (unsigned i = 0; i < count; i++) {
        char *block = malloc(size);
        if (block == NULL)
            return 2;
        memset(block, 1, size);
        commit(kind, block, size);
    }
    printf("%u rounds\n", count);
    return 0;
}

int main(int count, char **arguments)
{
    static char stack[65536];
    const char *kind = arguments[1];
    int status;

    if (count != 4)
        return 2;
    if (strcmp(kind, "null") == 0) {
        rounds("none", 2000, 100);
        sink = *(volatile char *)NULL;
    }
    if (strncmp(kind, "own-", 4) == 0) {
        signal(SIGSEGV, own_handler);
        kind += 4;
    }
    if (strncmp(kind, "late-", 5) == 0) {
        rounds("none", 2000, 100);
        signal(SIGSEGV, own_handler);
        kind += 5;
    }
    if (strncmp(kind, "stack-", 6) == 0) {
        sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
        kind += 6;
    }
    if (strncmp(kind, "fork-", 5) == 0) {
        rounds("none", 2000, 100);
        if (fork() != 0)
            return wait(&status) > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        kind += 5;
    }
    return rounds(kind, (unsigned)atoi(arguments[2]), (size_t)atoi(arguments[3]));
}
