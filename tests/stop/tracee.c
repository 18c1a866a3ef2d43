/* See tracee.h.
 *
 * The victim tells where its operation begins by a breakpoint instruction. The others sleep, except for the one
 * that was just told to fork: the tracer sees to it that the victim does not move meanwhile.
 */
#include "tracee.h"

#include "beside.h"
#include "common.h"
#include "examine.h"
#include "kept.h"
#include "support/audit.h"
#include "support/child.h"

#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

_Static_assert(TRACEE_SIGNAL == SIGUSR1, "");

/* By which the neighbour is moved on from stop to stop, so that it stands elsewhere each time. */
enum { PRIME = 1009 };

const struct scenario *scenario;

/* This process was forked by the victim's own handler. */
static volatile bool is_child;

static void prepare(void (*by)(void))
{
    if (by != NULL)
        by();
    else if ((scenario->flags & SCENARIO_COLD) == 0)
        keep_variety();
}

/* --- forking --- */

/* At whose order this thread forks. */
static _Thread_local struct post *own_post;

/* Registered before anything of the library's: the child may hang or crash in that, before fork returns. */
static void after_fork_in_child(void)
{
    if (own_post != NULL)
        child_begin(own_post);
}

static pid_t raw_fork(void)
{
#if defined(__GLIBC_PREREQ) && __GLIBC_PREREQ(2, 34)
    return _Fork();
#else
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
#endif
}

/* Every other child by _Fork forks again before it does anything: what it was left with is its own child's affair. */
static void fork_again(struct post *post)
{
    int status = -1;

    if (common->step % 2 == 0)
        return;
    pid_t child = raw_fork();
    if (child == 0)
        return;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        post->trace_length = 0;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void fork_once(struct post *post, enum way way)
{
    uint32_t number = common_read(&post->asked);
    pid_t child = way == WAY_RAW ? raw_fork() : fork();

    if (child == 0) {
        if (way == WAY_RAW) {
            fork_again(post);
            child_begin(post);
        }
        child_examine(way);
    }
    common_tell(&post->through, number);
    if (child < 0 || waitpid(child, &post->status, 0) != child)
        post->status = -1;
}

_Noreturn static void obey(struct post *post, enum way way)
{
    own_post = post;
    for (uint32_t done = 0;; done++) {
        common_wait(&post->asked, done + 1, 0);
        if (post->order == ORDER_FINISH) {
            if (scenario->beside != NULL)
                beside_end();
            parent_examine();
        }
        fork_once(post, way);
        common_tell(&post->done, done + 1);
    }
}

static void *raw_forker(void *unused)
{
    common->posts[WAY_RAW].thread = gettid();
    obey(&common->posts[WAY_RAW], WAY_RAW);
    return unused;
}

/* The child goes on with the call that was interrupted; the parent waits for the child, and then does the same. */
static void on_signal(int signal)
{
    struct post *post = &common->posts[0];
    int saved = errno; /* NOLINT(bugprone-signal-handler): what it forbids is the point of this one */

    (void)signal;
    if (scenario->beside != NULL)
        beside_move(common->step * PRIME);
    own_post = post;
    pid_t child = fork();
    own_post = NULL;
    if (child == 0) {
        is_child = true;
    } else {
        if (child < 0 || waitpid(child, &post->status, 0) != child)
            post->status = -1;
        if (scenario->beside != NULL)
            beside_finish();
        __asm__ volatile("int3");
    }
    errno = saved;
}

/* --- threads --- */

static void begin(void)
{
    if ((scenario->flags & SCENARIO_ZEROES) != 0)
        require_null(audit_zeros(true)); /* the pages that it reads are there for the children, too: they are faster */
    common->victim = gettid();
    common_tell(&common->ready, 1);
    common_wait(&common->go, 1, 0);
    __asm__ volatile("int3" : : : "memory");
}

static void __attribute__((noinline)) end(void)
{
    __asm__ volatile(".globl stop_end\nstop_end: nop" : : : "memory");
}

static void *victim(void *unused)
{
    if (scenario->victim != NULL)
        scenario->victim();
    begin();
    if ((scenario->flags & SCENARIO_ENDS) != 0)
        return NULL;
    scenario->operation();
    end();
    if (is_child)
        child_examine(WAY_HANDLER);
    common_wait(&common->over, 1, 0);
    if ((scenario->flags & SCENARIO_ALONE) != 0)
        parent_examine();
    for (;;)
        pause();
    return unused;
}

static uint32_t neighbour_ready;

static void *neighbour(void *unused)
{
    prepare(scenario->neighbour);
    common_tell(&neighbour_ready, 1);
    if (scenario->beside != NULL)
        beside_run(scenario->beside);
    for (;;)
        pause();
    return unused;
}

static void start(void *(*function)(void *))
{
    pthread_t thread;

    require(pthread_create(&thread, NULL, function, NULL) == 0);
}

_Noreturn void tracee_run(const struct scenario *which)
{
    sigset_t children;
    void *trace[1];

    scenario = which;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    backtrace(trace, 1); /* the first time it loads a library */
    /* A traced thread would stop at each of these. */
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &children, NULL);
    signal(TRACEE_SIGNAL, on_signal);
    require(pthread_atfork(NULL, NULL, after_fork_in_child) == 0);
    prepare(scenario->main);
    if ((scenario->flags & SCENARIO_ALONE) != 0)
        victim(NULL);
    start(neighbour);
    common_wait(&neighbour_ready, 1, 0);
    start(raw_forker);
    start(victim);
    common->posts[WAY_FORK].thread = gettid();
    obey(&common->posts[WAY_FORK], WAY_FORK);
}
