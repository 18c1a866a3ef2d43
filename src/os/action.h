/* The program's action for SIGSEGV, behind ours: who is asked first of every such signal, and what the program sees of
 * that, which is nothing.
 *
 * What the kernel is to call is one of a few functions. Each stands before one handler of the program's, for good, and
 * is put in with the program's own mask and flags. So the kernel's action says all there is to know: whose handler it
 * is, what is blocked in it, on which stack it runs. No lock is taken, and a child of fork or vfork has what the kernel
 * copies.
 *
 * The default and handlers have ours before them; SIG_IGN has not, since an ignored signal interrupts nothing and is
 * inherited by what is executed, nor has a handler for which no function is left.
 */
#ifndef CAI_OS_ACTION_H
#define CAI_OS_ACTION_H

#include <signal.h>
#include <stdbool.h>

/* How the kernel is asked. A library that stands between the program and sigaction defines its own, and says so: only
 * there do the program's handlers get ours before them, elsewhere the default alone. */
struct cai_os_actions {
    int (*next)(int number, const struct sigaction *action, struct sigaction *old); /* NULL: not known yet */
    bool stands_between;
};
extern struct cai_os_actions cai_os_actions;

/* From now on, if that is possible, `first` is asked in a signal handler: true, there is nothing more to do; false,
 * what the program has is done. The same function each time. False: not yet, and to be tried again. */
bool cai_os_action_start(bool (*first)(const siginfo_t *info, const void *context));
bool cai_os_action_is_started(void);

/* Makes of an action of the program's what the kernel is told, from the start on, and of the kernel's what the program
 * is. */
void cai_os_action_put_before(struct sigaction *action);
void cai_os_action_take_away(struct sigaction *action);

/* Puts ours before what the kernel has. */
void cai_os_action_settle(void);

/* It was started, and is not asked: the program has told the kernel by itself, or ignores the signal. */
bool cai_os_action_is_passed_by(void);

#endif
