/* Commits one mistake in each of many rounds on blocks of malloc, for test_guarded.py: KIND ROUNDS SIZE. Says how many
 * rounds were done.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
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

static void own_informed(int number, siginfo_t *info, void *context)
{
    if (info->si_code > 0 && context != NULL)
        own_handler(number);
    _exit(5);
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

/* By a system call, with what the C library has put in for the return. */
static void set_by_system_call(void (*handler)(int))
{
    struct {
        void (*handler)(int);
        unsigned long flags, restorer, mask;
    } action;

    syscall(SYS_rt_sigaction, SIGSEGV, NULL, &action, sizeof action.mask);
    action.handler = handler;
    syscall(SYS_rt_sigaction, SIGSEGV, &action, NULL, sizeof action.mask);
}

static void on_own_stack(void)
{
    static char stack[65536];

    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
}

static void own(void)
{
    signal(SIGSEGV, own_handler);
}
static void once(void)
{
    sysv_signal(SIGSEGV, own_handler);
}
static void informed(void)
{
    sigaction(SIGSEGV, &(struct sigaction){.sa_sigaction = own_informed, .sa_flags = SA_SIGINFO | SA_NODEFER}, NULL);
}
static void by_call(void)
{
    set_by_system_call(own_handler);
}
static void ignores(void)
{
    signal(SIGSEGV, SIG_IGN);
}
/* Few: what waits in some libraries is no sample's place for a while. */
static void late(void)
{
    rounds("none", 20, 100);
}

/* A child does the rest. */
static void forks(void)
{
    int status;

    late();
    if (fork() != 0)
        exit(wait(&status) > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* What is done before, each with a word of its own in front of the kind; `late`: samples are there. */
static const char *prepare(const char *kind)
{
    static const struct {
        const char *word;
        void (*does)(void);
    } all[] = {{"own-", own},         {"once-", once}, {"informed-", informed},  {"call-", by_call},
               {"ignores-", ignores}, {"late-", late}, {"stack-", on_own_stack}, {"fork-", forks}};

    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        if (strncmp(kind, all[i].word, strlen(all[i].word)) == 0) {
            all[i].does();
            return prepare(kind + strlen(all[i].word));
        }
    return kind;
}

int main(int count, char **arguments)
{
    if (count != 4)
        return 2;
    const char *kind = prepare(arguments[1]);
    if (strcmp(kind, "null") == 0) {
        late();
        sink = *(volatile char *)NULL;
    }
    if (strcmp(kind, "sent") == 0) {
        late();
        kill(getpid(), SIGSEGV);
    }
    return rounds(kind, (unsigned)atoi(arguments[2]), (size_t)atoi(arguments[3]));
}
