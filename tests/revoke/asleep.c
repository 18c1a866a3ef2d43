/* asleep SWEEPS: a thread in each call that a signal interrupts for good, while there are so many sweeps. None of them
 * may see an interruption. Then each gets a signal that the program has a handler for, and must see it. Then those that
 * have a length are called with a short one while sweeps go on, and must end, but not before their time.
 * Prints the calls. */
#define _GNU_SOURCE
#include <capalloc/authority.h>
#include <capalloc/capalloc.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static int events, messages, full, semaphores;
static sem_t never;
static _Thread_local sigset_t mask; /* as it is */

static const char *stage = "long";

static void require(bool holds, const char *what)
{
    if (!holds) {
        printf("failed: %s: %s: %s\n", stage, what, strerror(errno));
        exit(1);
    }
}

/* --- calls; each returns -1 with errno, and ends after `ms`, or never where there is no such thing --- */

static struct timespec length(long ms)
{
    return (struct timespec){ms / 1000, ms % 1000 * 1000000};
}

static struct timespec moment(clockid_t clock, long ms)
{
    struct timespec now;

    clock_gettime(clock, &now);
    now.tv_sec += ms / 1000;
    now.tv_nsec += ms % 1000 * 1000000;
    if (now.tv_nsec >= 1000000000)
        now = (struct timespec){now.tv_sec + 1, now.tv_nsec - 1000000000};
    return now;
}

static int failed(int error)
{
    errno = error;
    return error == 0 ? 0 : -1;
}

#define CALL(name) static int call_##name(long ms)

CALL(nanosleep)
{
    struct timespec time = length(ms), left = {-1, 0};
    int result = nanosleep(&time, &left);
    require(result == 0 || errno != EINTR || (left.tv_sec >= 0 && left.tv_sec <= time.tv_sec), "what remains");
    return result;
}

CALL(clock_nanosleep)
{
    struct timespec time = length(ms);
    return failed(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL));
}

CALL(clock_nanosleep_until)
{
    struct timespec time = moment(CLOCK_REALTIME, ms);
    return failed(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL));
}

CALL(usleep)
{
    return usleep((useconds_t)ms * 1000);
}

CALL(sleep)
{
    return sleep((unsigned)(ms + 999) / 1000) == 0 ? 0 : failed(EINTR);
}

CALL(thrd_sleep)
{
    struct timespec time = length(ms);
    return thrd_sleep(&time, NULL) == 0 ? 0 : failed(EINTR);
}

CALL(poll)
{
    return poll(NULL, 0, (int)ms);
}

CALL(ppoll)
{
    struct timespec time = length(ms);
    return ppoll(NULL, 0, &time, &mask);
}

CALL(select)
{
    struct timeval time = {ms / 1000, ms % 1000 * 1000};
    return select(0, NULL, NULL, NULL, &time);
}

CALL(pselect)
{
    struct timespec time = length(ms);
    return pselect(0, NULL, NULL, NULL, &time, &mask);
}

CALL(epoll_wait)
{
    struct epoll_event event;
    return epoll_wait(events, &event, 1, (int)ms);
}

CALL(epoll_pwait)
{
    struct epoll_event event;
    return epoll_pwait(events, &event, 1, (int)ms, &mask);
}

CALL(epoll_pwait2)
{
    struct epoll_event event;
    struct timespec time = length(ms);
    return epoll_pwait2(events, &event, 1, &time, NULL);
}

CALL(sem_timedwait)
{
    struct timespec time = moment(CLOCK_REALTIME, ms);
    return sem_timedwait(&never, &time) == -1 && errno == ETIMEDOUT ? 0 : -1;
}

CALL(sem_clockwait)
{
    struct timespec time = moment(CLOCK_MONOTONIC, ms);
    return sem_clockwait(&never, CLOCK_MONOTONIC, &time) == -1 && errno == ETIMEDOUT ? 0 : -1;
}

CALL(sigtimedwait)
{
    struct timespec time = length(ms);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    return sigtimedwait(&set, NULL, &time) == -1 && errno == EAGAIN ? 0 : -1;
}

CALL(semtimedop)
{
    struct timespec time = length(ms);
    struct sembuf take = {0, -1, 0};
    return semtimedop(semaphores, &take, 1, &time) == -1 && errno == EAGAIN ? 0 : -1;
}

CALL(semop)
{
    struct sembuf take = {0, -1, 0};
    (void)ms;
    return semop(semaphores, &take, 1);
}

CALL(sigwaitinfo)
{
    sigset_t set;
    (void)ms;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    return sigwaitinfo(&set, NULL);
}

CALL(pause)
{
    (void)ms;
    return pause();
}

CALL(sigsuspend)
{
    (void)ms;
    return sigsuspend(&mask);
}

struct message {
    long type;
    char text[4096];
};

CALL(msgrcv)
{
    struct message message;
    (void)ms;
    return (int)msgrcv(messages, &message, sizeof message.text, 0, 0);
}

CALL(msgsnd)
{
    static struct message message = {.type = 1};
    (void)ms;
    return msgsnd(full, &message, sizeof message.text, 0);
}

static const struct {
    const char *name;
    int (*call)(long ms);
    bool has_length;
} calls[] = {
#define ROW(name, has_length)                                                                                          \
    {                                                                                                                  \
#name, call_##name, has_length                                                                                 \
    }
    ROW(nanosleep, true),    ROW(clock_nanosleep, true), ROW(clock_nanosleep_until, true),
    ROW(usleep, true),       ROW(sleep, true),           ROW(thrd_sleep, true),
    ROW(poll, true),         ROW(ppoll, true),           ROW(select, true),
    ROW(pselect, true),      ROW(epoll_wait, true),      ROW(epoll_pwait, true),
    ROW(epoll_pwait2, true), ROW(sem_timedwait, true),   ROW(sem_clockwait, true),
    ROW(sigtimedwait, true), ROW(semtimedop, true),      ROW(semop, false),
    ROW(sigwaitinfo, false), ROW(pause, false),          ROW(sigsuspend, false),
    ROW(msgrcv, false),      ROW(msgsnd, false),
};
enum { CALLS = sizeof calls / sizeof calls[0] };

/* --- threads --- */

enum { LONG_MS = 1000000, SHORT_MS = 300 };

static struct sleeper {
    pthread_t thread;
    unsigned number;
    long ms;
    bool had_handler; /* of the program's */
    bool is_done;     /* atomic */
    int result, error;
    double seconds;
} sleepers[CALLS];

static _Thread_local struct sleeper *self;

static void handle(int signal)
{
    (void)signal;
    self->had_handler = true;
}

static void *fall_asleep(void *argument)
{
    struct timespec begin, end;

    self = argument;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    self->result = calls[self->number].call(self->ms);
    self->error = errno;
    clock_gettime(CLOCK_MONOTONIC, &end);
    self->seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    __atomic_store_n(&self->is_done, true, __ATOMIC_RELEASE);
    return NULL;
}

static bool is_done(unsigned number)
{
    return __atomic_load_n(&sleepers[number].is_done, __ATOMIC_ACQUIRE);
}

static void start(unsigned number, long ms)
{
    sleepers[number] = (struct sleeper){.number = number, .ms = ms};
    require(pthread_create(&sleepers[number].thread, NULL, fall_asleep, &sleepers[number]) == 0, "a thread");
}

static unsigned sweep(void)
{
    return ca_sweep(ca_default_authority()) == CA_OK;
}

static void fill(int queue)
{
    struct message message = {.type = 1};

    while (msgsnd(queue, &message, sizeof message.text, IPC_NOWAIT) == 0)
        continue;
}

static void remove_all(void)
{
    msgctl(messages, IPC_RMID, NULL);
    msgctl(full, IPC_RMID, NULL);
    semctl(semaphores, 0, IPC_RMID);
}

static void set_up(void)
{
    struct sigaction action = {.sa_handler = handle};
    sigset_t waited_for;

    events = epoll_create1(0);
    messages = msgget(IPC_PRIVATE, 0600);
    full = msgget(IPC_PRIVATE, 0600);
    semaphores = semget(IPC_PRIVATE, 1, 0600);
    atexit(remove_all);
    require(events >= 0 && messages >= 0 && full >= 0 && semaphores >= 0, "what is waited for");
    fill(full);
    require(sem_init(&never, 0, 0) == 0 && sigaction(SIGUSR1, &action, NULL) == 0, "a handler");
    sigemptyset(&waited_for);
    sigaddset(&waited_for, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &waited_for, NULL);
}

int main(int count, char **arguments)
{
    unsigned wanted = count > 1 ? (unsigned)atoi(arguments[1]) : 100;
    unsigned sweeps = 0;

    set_up();
    for (unsigned i = 0; i < CALLS; i++)
        start(i, LONG_MS);
    for (unsigned i = 0; i < wanted; i++)
        sweeps += sweep();
    require(sweeps >= wanted / 2 && sweeps > 0, "sweeps that saw everything");
    for (unsigned i = 0; i < CALLS; i++) {
        errno = sleepers[i].error;
        require(!is_done(i), calls[i].name);
    }
    stage = "signalled";
    /* A signal of the program's while sweeps go on: again when it came before the call was made anew. */
    for (unsigned i = 0; i < CALLS; i++) {
        for (unsigned tries = 0; !is_done(i) && tries < 1000; tries++) {
            pthread_kill(sleepers[i].thread, SIGUSR1);
            sweep();
            usleep(1000);
        }
        require(is_done(i), calls[i].name);
        pthread_join(sleepers[i].thread, NULL);
        errno = sleepers[i].error;
        require(sleepers[i].result == -1 && sleepers[i].error == EINTR && sleepers[i].had_handler, calls[i].name);
    }
    stage = "short";
    for (unsigned i = 0; i < CALLS; i++)
        if (calls[i].has_length)
            start(i, SHORT_MS);
    for (unsigned i = 0; i < CALLS; i++) {
        while (calls[i].has_length && !is_done(i))
            sweep();
        if (!calls[i].has_length)
            continue;
        pthread_join(sleepers[i].thread, NULL);
        errno = sleepers[i].error;
        require(sleepers[i].result == 0 && sleepers[i].seconds >= 0.299, calls[i].name);
    }
    for (unsigned i = 0; i < CALLS; i++)
        printf("%s%s", calls[i].name, i + 1 < CALLS ? " " : "\n");
    return 0;
}
