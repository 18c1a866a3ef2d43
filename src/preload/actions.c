/* The functions by which a program asks what it does about a signal and says so. For SIGSEGV the library's own handler
 * stands before the program's, which sees nothing of it (os/action.h); of other signals they are what the C library's
 * are. The older ones are made of sigaction, as they are there.
 *
 * sigignore is not here: what is ignored has nobody before it.
 */
#include "os/action.h"
#include "preload/next.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>

CAI_EXPORT int __sigaction(int number, const struct sigaction *action, struct sigaction *old);
CAI_EXPORT __sighandler_t bsd_signal(int number, __sighandler_t handler);
CAI_EXPORT __sighandler_t ssignal(int number, __sighandler_t handler);
CAI_EXPORT __sighandler_t __sysv_signal(int number, __sighandler_t handler);

KNOWN(sigaction)

struct cai_os_actions cai_os_actions = {.stands_between = true};

/* The engine does not look for it: that may be in the middle of an allocation. */
__attribute__((constructor)) static void tell_next(void)
{
    cai_os_actions.next = NEXT(sigaction);
}

static int act_on_faults(const struct sigaction *action, struct sigaction *old)
{
    bool early = !cai_os_action_is_started();
    struct sigaction ours;

    if (action != NULL) {
        ours = *action;
        cai_os_action_put_before(&ours);
    }
    if (NEXT(sigaction)(SIGSEGV, action != NULL ? &ours : NULL, old) != 0)
        return -1;
    if (old != NULL)
        cai_os_action_take_away(old);
    if (action != NULL && early && cai_os_action_is_started()) /* it was, meanwhile */
        cai_os_action_settle();
    return 0;
}

static int act(int number, const struct sigaction *action, struct sigaction *old)
{
    return number == SIGSEGV ? act_on_faults(action, old) : NEXT(sigaction)(number, action, old);
}

CAI_EXPORT int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    return act(number, action, old);
}

#define ALIAS(name) __attribute__((nothrow, leaf, alias(#name)))

int __sigaction(int number, const struct sigaction *action, struct sigaction *old) ALIAS(sigaction);

/* --- older ways --- */

/* Says what was there before, which may be SIG_ERR: sigset takes it for a handler. */
static bool set(int number, __sighandler_t handler, int flags, bool blocks_itself, __sighandler_t *before)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    struct sigaction old;

    sigemptyset(&action.sa_mask);
    if (blocks_itself)
        sigaddset(&action.sa_mask, number);
    if (act(number, &action, &old) != 0)
        return false;
    *before = old.sa_handler;
    return true;
}

/* The same for those that refuse SIG_ERR. */
static __sighandler_t set_handler(int number, __sighandler_t handler, int flags, bool blocks_itself)
{
    __sighandler_t before;

    if (handler == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
    return set(number, handler, flags, blocks_itself, &before) ? before : SIG_ERR;
}

static uint64_t interrupting; /* atomic; the signals that interrupt calls when signal() sets a handler */

static uint64_t bit_of(int number)
{
    return UINT64_C(1) << ((unsigned)(number - 1) & 63);
}

CAI_EXPORT int siginterrupt(int number, int flag)
{
    struct sigaction action;

    if (act(number, NULL, &action) != 0)
        return -1;
    if (flag != 0) {
        cai_or_release(&interrupting, bit_of(number));
        action.sa_flags &= ~SA_RESTART;
    } else {
        cai_and_relaxed(&interrupting, ~bit_of(number));
        action.sa_flags |= SA_RESTART;
    }
    return act(number, &action, NULL);
}

CAI_EXPORT __sighandler_t signal(int number, __sighandler_t handler)
{
    bool interrupts = (cai_load_relaxed(&interrupting) & bit_of(number)) != 0;

    return set_handler(number, handler, interrupts ? 0 : SA_RESTART, true);
}

CAI_EXPORT __sighandler_t bsd_signal(int number, __sighandler_t handler) ALIAS(signal);
CAI_EXPORT __sighandler_t ssignal(int number, __sighandler_t handler) ALIAS(signal);

CAI_EXPORT __sighandler_t sysv_signal(int number, __sighandler_t handler)
{
    enum { FLAGS = (int)(SA_RESETHAND | SA_NODEFER | SA_INTERRUPT) };

    return set_handler(number, handler, FLAGS, false);
}

CAI_EXPORT __sighandler_t __sysv_signal(int number, __sighandler_t handler) ALIAS(sysv_signal);

/* Holding a signal back leaves what is done about it. */
CAI_EXPORT __sighandler_t sigset(int number, __sighandler_t handler)
{
    bool holds = handler == SIG_HOLD;
    __sighandler_t old = SIG_HOLD;
    struct sigaction now;
    sigset_t itself, before;

    sigemptyset(&itself);
    if ((!holds && !set(number, handler, 0, false, &old)) || sigaddset(&itself, number) != 0 ||
        sigprocmask(holds ? SIG_BLOCK : SIG_UNBLOCK, &itself, &before) != 0)
        return SIG_ERR;
    if (sigismember(&before, number) == 1)
        return SIG_HOLD;
    return !holds ? old : act(number, NULL, &now) == 0 ? now.sa_handler : SIG_ERR;
}
