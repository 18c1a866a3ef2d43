/* A signal handler that frees what it must not, while the program is somewhere in malloc or free: the report must come
 * out whatever was interrupted. signals SEED: how many signals pass before the crime depends on it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static char *victim;
static volatile sig_atomic_t countdown;

static void handler(int number)
{
    (void)number;
    if (--countdown <= 0)
        free(victim + 16);
}

/* Another thread keeps the locks busy as well. */
static void *work(void *unused)
{
    for (unsigned i = 0;; i++) {
        char *blocks[64];
        for (unsigned k = 0; k < 64; k++)
            blocks[k] = malloc(1 + (i * 64 + k) * 797 % 200000);
        for (unsigned k = 0; k < 64; k++)
            free(blocks[k]);
    }
    return unused;
}

int main(int count, char **words)
{
    pthread_t thread;
    struct itimerval often = {{0, 1000}, {0, 1000}};

    countdown = 3 + 7 * (count > 1 ? atoi(words[1]) : 0);
    victim = malloc(100);
    memset(victim, 1, 100);
    sigset_t alarm_only;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm_only, NULL); /* one thread reports, or there would be two lines */
    pthread_create(&thread, NULL, work, NULL);
    pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
    signal(SIGALRM, handler);
    setitimer(ITIMER_REAL, &often, NULL);
    work(NULL);
    return 0;
}
