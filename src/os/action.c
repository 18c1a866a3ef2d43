/* See action.h. */
#include "os/action.h"

#include "base/atomic.h"
#include "base/compiler.h"
#include "base/mte.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((weak)) struct cai_os_actions cai_os_actions = {.next = sigaction};

static bool (*asked)(const siginfo_t *info, const void *context); /* atomic; NULL: not started */

/* --- what stands before what --- */

/* As the kernel has it, where the C library sets it. */
enum { WITH_RESTORER = 0x04000000 };

/* The kernel's ABI: the address comes with its tag, where pointers have one (base/mte.h). */
enum { WITH_TAGS = CAI_MTE ? 0x800 : 0 };

/* A handler's address, and what else has to be known when it is to be called: the kernel always calls ours with what is
 * known of the signal, and one that holds for once is out by then. */
#define WITH_INFO (UINT64_C(1) << 63)
#define ONCE (UINT64_C(1) << 62)

/* The first stands before the default, each other before the handler that is recorded here, for good. 0: none yet. */
enum { FRONTS = 16, DEFAULT = 0 };
static uint64_t behind[FRONTS]; /* atomic */

static void come(unsigned front, int number, siginfo_t *info, void *context);

#define FOR_FRONTS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

#define FRONT(index)                                                                                                   \
    static void front_##index(int number, siginfo_t *info, void *context)                                              \
    {                                                                                                                  \
        come(index, number, info, context);                                                                            \
    }
FOR_FRONTS(FRONT)

#define FRONT_NAME(index) front_##index,
static void (*const front[FRONTS])(int, siginfo_t *, void *) = {FOR_FRONTS(FRONT_NAME)};

/* FRONTS: none of ours. */
static unsigned front_of(const struct sigaction *action)
{
    unsigned index = 0;

    while (index < FRONTS && action->sa_sigaction != front[index])
        index++;
    return index;
}

/* FRONTS: no function is left for it. */
static unsigned front_for(const struct sigaction *action)
{
    uint64_t record = (uintptr_t)action->sa_sigaction;

    if (action->sa_handler == SIG_DFL)
        return DEFAULT;
    if ((record & (WITH_INFO | ONCE)) != 0)
        return FRONTS;
    record |= (action->sa_flags & SA_SIGINFO) != 0 ? WITH_INFO : 0;
    record |= (action->sa_flags & SA_RESETHAND) != 0 ? ONCE : 0;
    for (unsigned index = DEFAULT + 1; index < FRONTS; index++) {
        uint64_t other = cai_load_relaxed(&behind[index]);
        if (other == record || (other == 0 && cai_swap_strong_acq_rel(&behind[index], &other, record)) ||
            other == record)
            return index;
    }
    return FRONTS;
}

void cai_os_action_put_before(struct sigaction *action)
{
    if (!cai_os_action_is_started() || action->sa_handler == SIG_IGN || front_of(action) != FRONTS ||
        (action->sa_handler != SIG_DFL && !cai_os_actions.stands_between))
        return;
    unsigned index = front_for(action);
    if (index == FRONTS)
        return;
    action->sa_sigaction = front[index];
    action->sa_flags |= SA_SIGINFO;
    if (index == DEFAULT) /* ours alone: on the stack for signals, where there is one, and for good */
        action->sa_flags = (action->sa_flags | SA_ONSTACK | WITH_TAGS) & ~SA_RESETHAND;
}

void cai_os_action_take_away(struct sigaction *action)
{
    unsigned index = front_of(action);

    if (index == FRONTS)
        return;
    uint64_t record = cai_load_relaxed(&behind[index]);
    action->sa_handler = (__sighandler_t)(uintptr_t)(record & ~(WITH_INFO | ONCE)); /* SIG_DFL is 0 */
    if ((record & WITH_INFO) == 0)
        action->sa_flags &= ~SA_SIGINFO;
    if (index == DEFAULT) {
        action->sa_flags &= ~(SA_ONSTACK | WITH_RESTORER | WITH_TAGS);
        action->sa_restorer = NULL;
    }
}

/* --- what the kernel has --- */

static bool get(struct sigaction *action)
{
    memset(action, 0, sizeof *action); /* of the mask the kernel knows a part */
    return cai_os_actions.next(SIGSEGV, NULL, action) == 0;
}

static bool is_same(const struct sigaction *one, const struct sigaction *other)
{
    enum { KNOWN = sizeof(unsigned long) };

    return one->sa_sigaction == other->sa_sigaction && ((one->sa_flags ^ other->sa_flags) & ~WITH_RESTORER) == 0 &&
           memcmp(&one->sa_mask, &other->sa_mask, KNOWN) == 0;
}

/* What another thread has set meanwhile is put in again in its place. */
static void replace(struct sigaction *expected, struct sigaction *wanted)
{
    struct sigaction was = {.sa_flags = 0};

    while (cai_os_actions.next(SIGSEGV, wanted, &was) == 0 && !is_same(&was, expected)) {
        *expected = *wanted;
        *wanted = was;
        cai_os_action_put_before(wanted);
    }
}

CAI_COLD void cai_os_action_settle(void)
{
    struct sigaction theirs, ours;

    if (!get(&theirs))
        return;
    ours = theirs;
    cai_os_action_put_before(&ours);
    if (ours.sa_sigaction != theirs.sa_sigaction)
        replace(&theirs, &ours);
}

static CAI_COLD bool start(bool (*first)(const siginfo_t *, const void *))
{
    int saved = errno;
    bool (*nobody)(const siginfo_t *, const void *) = NULL;

    if (cai_os_actions.next == NULL)
        return false;
    if (cai_swap_strong_acq_rel(&asked, &nobody, first))
        cai_os_action_settle();
    errno = saved;
    return true;
}

bool cai_os_action_start(bool (*first)(const siginfo_t *, const void *))
{
    return CAI_LIKELY(cai_os_action_is_started()) || start(first);
}

bool cai_os_action_is_started(void)
{
    return cai_load_acquire(&asked) != NULL;
}

bool cai_os_action_is_passed_by(void)
{
    struct sigaction action;
    int saved = errno;
    bool passed_by = cai_os_action_is_started() && get(&action) && front_of(&action) == FRONTS;

    errno = saved;
    return passed_by;
}

/* --- when a signal comes --- */

/* The access is made again when we return, and ends the process as it would have without us; a signal that somebody
 * sent comes again. */
static void leave_to_default(bool is_sent)
{
    struct sigaction action = {.sa_handler = SIG_DFL};

    cai_os_actions.next(SIGSEGV, &action, NULL);
    if (is_sent)
        syscall(SYS_tgkill, (long)getpid(), syscall(SYS_gettid), (long)SIGSEGV);
}

/* It was not the program's handler that the signal was for: the kernel is to have it again, as it was. */
static void put_back(unsigned index)
{
    struct sigaction out, in;

    if (get(&out) && out.sa_handler == SIG_DFL) {
        in = out;
        in.sa_sigaction = front[index];
        replace(&out, &in);
    }
}

/* The last that is done is to call the program's, as if the kernel had. */
static void come(unsigned index, int number, siginfo_t *info, void *context)
{
    int saved = errno;
    uint64_t record = cai_load_relaxed(&behind[index]);
    bool is_sent = info->si_code <= 0;
    bool is_done = !is_sent && cai_load_acquire(&asked)(info, context);
    void (*theirs)(int, siginfo_t *, void *) =
        (void (*)(int, siginfo_t *, void *))(uintptr_t)(record & ~(WITH_INFO | ONCE));

    if (is_done && (record & ONCE) != 0)
        put_back(index);
    else if (!is_done && (record & ONCE) != 0)
        cai_os_action_settle();
    else if (!is_done && index == DEFAULT)
        leave_to_default(is_sent);
    errno = saved;
    if (!is_done && index != DEFAULT)
        theirs(number, info, context);
}
