/* Two handlers of SIGSEGV that one thread sets in turn, each with a mask of its own, while others are in faults all the
 * time: who is called has its own mask, whenever the library puts its handler in. For test_actions.py.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static pthread_barrier_t together;
static volatile int is_over;
static unsigned long wrong, faults; /* atomic */
static _Thread_local char *mine;

static void check(int blocked, int open)
{
    sigset_t set;

    pthread_sigmask(SIG_BLOCK, NULL, &set);
    if (!sigismember(&set, blocked) || sigismember(&set, open))
        __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED);
    mprotect(mine, 4096, PROT_READ | PROT_WRITE);
}

static void first(int number)
{
    (void)number;
    check(SIGUSR1, SIGUSR2);
}

static void second(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    if (info->si_addr != mine)
        __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
    check(SIGUSR2, SIGUSR1);
}

static void *fault_on(void *at)
{
    mine = at;
    pthread_barrier_wait(&together);
    while (!is_over) {
        mprotect(mine, 4096, PROT_NONE);
        *(volatile char *)mine = 1;
    }
    return NULL;
}

static void take_blocks(void)
{
    for (unsigned i = 0; i < 200; i++) {
        char *block = malloc(100);
        memset(block, 1, 100);
        free(block);
    }
}

int main(void)
{
    enum { THREADS = 3, TURNS = 20000 };
    struct sigaction one = {.sa_handler = first}, two = {.sa_sigaction = second, .sa_flags = SA_SIGINFO}, old;
    pthread_t thread[THREADS];

    sigaddset(&one.sa_mask, SIGUSR1);
    sigaddset(&two.sa_mask, SIGUSR2);
    sigaction(SIGSEGV, &one, NULL);
    pthread_barrier_init(&together, NULL, THREADS + 1);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, fault_on, mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    pthread_barrier_wait(&together);
    for (unsigned i = 0; i < TURNS; i++) {
        if (i == TURNS / 4)
            take_blocks(); /* the first sample is one of them */
        sigaction(SIGSEGV, i % 2 == 0 ? &two : &one, &old);
        if (i % 2 == 0 ? old.sa_handler != first : old.sa_sigaction != second)
            wrong++;
    }
    is_over = 1;
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    printf("%lu wrong of %s\n", wrong, faults != 0 ? "some" : "none");
    return 0;
}
