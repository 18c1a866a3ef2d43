/* What a program sees of its action for SIGSEGV, written down: test_actions.py has it on the C library alone and on the
 * libraries with their handler in, and all have to say the same. KIND; each begins with blocks, of which some are
 * samples.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
extern int __sigaction(int number, const struct sigaction *action, struct sigaction *old);
extern __sighandler_t bsd_signal(int number, __sighandler_t handler);

static char *page; /* nobody may touch it */
static const char *self;

static void take_blocks(void)
{
    for (unsigned i = 0; i < 200; i++) {
        char *block = malloc(100);
        if (block == NULL)
            _exit(9);
        memset(block, 1, 100);
        free(block);
    }
}

/* --- what is said --- */

/* Handlers write this way, too. */
static void say(const char *what, long value)
{
    char text[160];
    int length = snprintf(text, sizeof text, "%s %ld\n", what, value);

    if (write(1, text, (size_t)length) != length)
        _exit(8);
}

static unsigned long word_of(const sigset_t *set)
{
    unsigned long word;

    memcpy(&word, set, sizeof word);
    return word;
}

static void plain(int number);
static void informed(int number, siginfo_t *info, void *context);
static void jumps(int number);

static const char *name_of(const struct sigaction *action)
{
    return action->sa_handler == SIG_DFL      ? "default"
           : action->sa_handler == SIG_IGN    ? "ignored"
           : action->sa_handler == plain      ? "plain"
           : action->sa_sigaction == informed ? "informed"
           : action->sa_handler == jumps      ? "jumps"
                                              : "another";
}

enum { RESTORER = 0x04000000 };

/* Those of the default mean nothing, and are not kept. */
static unsigned flags_of(const struct sigaction *action)
{
    unsigned dropped = RESTORER | SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;

    return (unsigned)action->sa_flags & (action->sa_handler == SIG_DFL ? ~dropped : ~0U);
}

static void say_action(const char *when, const struct sigaction *action)
{
    char text[80];

    snprintf(text, sizeof text, "  %s: %s, flags %x, mask", when, name_of(action), flags_of(action));
    say(text, (long)word_of(&action->sa_mask));
    if (action->sa_handler != SIG_DFL && (action->sa_flags & RESTORER) != 0)
        say("  restorer", action->sa_restorer != NULL);
}

static void say_now(const char *when)
{
    struct sigaction now;

    memset(&now, 0, sizeof now);
    say("  got", sigaction(SIGSEGV, NULL, &now));
    say_action(when, &now);
}

/* --- handlers --- */

static volatile int depth, most, raises;

static void say_inside(int number)
{
    char here;
    sigset_t blocked;
    stack_t stack;

    say("    signal", number);
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    say("    blocked", (long)word_of(&blocked));
    sigaltstack(NULL, &stack);
    say("    on its stack", &here >= (char *)stack.ss_sp && &here < (char *)stack.ss_sp + stack.ss_size);
    say("    error", errno);
    say_now("  inside");
}

static void let_in(void)
{
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
    errno = 61;
}

static void plain(int number)
{
    if (++depth > most)
        most = depth;
    say_inside(number);
    if (raises-- > 0)
        raise(SIGSEGV); /* at once with SA_NODEFER, else behind this one */
    let_in();
    depth--;
}

static void informed(int number, siginfo_t *info, void *context)
{
    say_inside(number);
    say("    code", info->si_code);
    say("    context", context != NULL);
    if (info->si_code > 0)
        say("    at", (char *)info->si_addr - page);
    else
        say("    from this process", info->si_pid == getpid());
    let_in();
}

static sigjmp_buf back;

static void jumps(int number)
{
    (void)number;
    siglongjmp(back, 1);
}

static void touch(void)
{
    errno = 55;
    page[17] = 1;
    say("  afterwards, error", errno);
    mprotect(page, 4096, PROT_NONE);
}

/* How a child ends in which that is done. */
static void say_end(const char *what, void (*done)(void))
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        take_blocks();
        done();
        _exit(5);
    }
    waitpid(child, &status, 0);
    say(what, WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status));
}

static void raise_it(void)
{
    raise(SIGSEGV);
}
static void kill_it(void)
{
    kill(getpid(), SIGSEGV);
}
static void touch_it(void)
{
    page[0] = 1;
}
static void block(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    sigprocmask(how, &set, NULL);
}
static void touch_it_blocked(void)
{
    block(SIG_BLOCK);
    page[0] = 1;
}
static void say_ends(void)
{
    say_end("  raised", raise_it);
    say_end("  killed", kill_it);
    say_end("  touched", touch_it);
    say_end("  touched while blocked", touch_it_blocked);
}

/* --- kinds --- */

static void fresh(void)
{
    say_now("fresh");
    say_ends();
}

static const int flags_tried[] = {
    0, SA_ONSTACK, SA_NODEFER, SA_RESTART, SA_RESETHAND, SA_RESETHAND | SA_NODEFER | SA_ONSTACK, SA_NOCLDSTOP};

/* Each flag with each kind of handler, reached by a fault, by a signal that is sent, and by one that was held back. */
static void flags(void)
{
    static char stack[65536];

    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    for (unsigned i = 0; i < 2 * sizeof flags_tried / sizeof *flags_tried; i++) {
        struct sigaction wanted = {.sa_flags = flags_tried[i / 2]}, old;
        if (i % 2 == 0) {
            wanted.sa_handler = plain;
        } else {
            wanted.sa_sigaction = informed;
            wanted.sa_flags |= SA_SIGINFO;
        }
        sigemptyset(&wanted.sa_mask);
        sigaddset(&wanted.sa_mask, SIGUSR1 + (int)(i % 3));
        for (unsigned way = 0; way < 3; way++) {
            memset(&old, 0, sizeof old);
            say("set", (i % 4 == 3 ? __sigaction : sigaction)(SIGSEGV, &wanted, &old));
            say_action("before", &old);
            say_now("then");
            most = 0;
            raises = (wanted.sa_flags & SA_RESETHAND) == 0; /* else the default would end it */
            if (way == 0) {
                touch();
            } else {
                if (way == 2)
                    block(SIG_BLOCK);
                kill(getpid(), SIGSEGV);
                block(SIG_UNBLOCK);
                mprotect(page, 4096, PROT_NONE);
            }
            say("  depth", most);
            say_now("after");
        }
    }
    say("as it is put back", sigaction(SIGSEGV, &(struct sigaction){.sa_handler = SIG_DFL}, NULL));
    say_ends();
}

static void say_old(const char *what, __sighandler_t old)
{
    struct sigaction action = {.sa_handler = old};

    say(old == SIG_ERR ? "error" : old == SIG_HOLD ? "hold" : name_of(&action), errno);
    errno = 0;
    say_now(what);
}

static void older(void)
{
    sigset_t blocked;

    say_old("signal", signal(SIGSEGV, plain));
    say_old("signal", signal(SIGSEGV, jumps));
    say_old("bsd_signal", bsd_signal(SIGSEGV, plain));
    say_old("ssignal", ssignal(SIGSEGV, SIG_DFL));
    say_old("sysv_signal", sysv_signal(SIGSEGV, plain));
    say_old("__sysv_signal", __sysv_signal(SIGSEGV, jumps));
    say("siginterrupt", siginterrupt(SIGSEGV, 1));
    say_now("interrupts");
    say_old("signal", signal(SIGSEGV, plain));
    say("siginterrupt", siginterrupt(SIGSEGV, 0));
    say_now("restarts");
    say_old("signal", signal(SIGSEGV, plain));
    say_old("sigset", sigset(SIGSEGV, jumps));
    say_old("sigset", sigset(SIGSEGV, SIG_HOLD));
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    say("blocked", (long)word_of(&blocked));
    say_old("sigset", sigset(SIGSEGV, SIG_HOLD));
    say_old("sigset", sigset(SIGSEGV, plain));
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    say("blocked", (long)word_of(&blocked));
    say("sigignore", sigignore(SIGSEGV));
    say_now("ignores");
    say_old("sigset", sigset(SIGSEGV, SIG_DFL));
    say_old("sigset", sigset(SIGSEGV, SIG_ERR));
    say_old("sigset", sigset(SIGSEGV, SIG_HOLD));
    say_old("sigset", sigset(SIGSEGV, SIG_DFL));
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    say("blocked", (long)word_of(&blocked));
    for (int i = 0; i < 4; i++) {
        __sighandler_t bad = i % 2 == 0 ? SIG_ERR : plain;
        int number = i / 2 == 0 ? SIGSEGV : 0;
        if (number != 0 && bad != SIG_ERR)
            continue;
        say_old("bad", signal(number, bad));
        say_old("bad", sysv_signal(number, bad));
        say_old("bad", sigset(number, bad));
    }
    say("bad", siginterrupt(0, 1));
    say("bad", siginterrupt(SIGKILL, 1));
    say_old("another signal", signal(SIGUSR1, plain));
    say_old("another signal", sysv_signal(SIGUSR1, jumps));
    say_old("another signal", sigset(SIGUSR1, SIG_IGN));
    say("another signal", siginterrupt(SIGUSR1, 1));
    say_old("another signal", signal(SIGUSR1, plain));
    say_ends();
}

static void jumped(void)
{
    volatile int jumped_back = 0;

    signal(SIGSEGV, jumps);
    for (volatile unsigned i = 0; i < 1000; i++)
        if (sigsetjmp(back, 1) == 0)
            page[i] = 1;
        else
            jumped_back++;
    say("jumped", jumped_back);
    say_now("after");
}

static void execute(const char *what)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        execl(self, self, "fresh", (char *)NULL);
        _exit(7);
    }
    waitpid(child, &status, 0);
    say(what, status);
}

static void spawn(const char *what, bool set_default)
{
    static char name[] = "actions", kind[] = "fresh";
    char *arguments[] = {name, kind, NULL};
    posix_spawnattr_t attributes;
    sigset_t set;
    pid_t child;
    int status = -1;

    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &set);
    posix_spawnattr_setflags(&attributes, set_default ? POSIX_SPAWN_SETSIGDEF : 0);
    if (posix_spawn(&child, self, NULL, &attributes, arguments, environ) == 0)
        waitpid(child, &status, 0);
    say(what, status);
}

static void ignored(void)
{
    signal(SIGSEGV, SIG_IGN);
    say_now("ignored");
    raise(SIGSEGV);
    block(SIG_BLOCK);
    raise(SIGSEGV);
    block(SIG_UNBLOCK);
    say_ends();
    execute("executed");
    spawn("spawned", false);
    spawn("spawned with the default", true);
    signal(SIGSEGV, plain);
    execute("executed with a handler");
    spawn("spawned with a handler", false);
    signal(SIGSEGV, SIG_DFL);
    say_now("default");
    say_ends();
}

/* What a child of vfork does to its own action is not its parent's. */
static void vforked(void)
{
    int status;

    signal(SIGSEGV, plain);
    pid_t child = vfork();
    if (child == 0) {
        signal(SIGSEGV, jumps);
        sigaction(SIGSEGV, &(struct sigaction){.sa_sigaction = informed, .sa_flags = SA_SIGINFO | SA_RESETHAND}, NULL);
        signal(SIGSEGV, SIG_IGN);
        execl(self, self, "fresh", (char *)NULL);
        _exit(7);
    }
    waitpid(child, &status, 0);
    say("its end", status);
    say_now("still");
    touch();
    most = 0;
    child = fork();
    if (child == 0) {
        say_now("the child's");
        touch();
        signal(SIGSEGV, jumps);
        _exit(0);
    }
    waitpid(child, &status, 0);
    say("its end", status);
    say_now("still");
}

/* More handlers than there are functions to stand before them: the rest is the kernel's. */
static void many(void)
{
    char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static const unsigned char returns[] = {
#if defined(__aarch64__)
        0xc0,
        0x03,
        0x5f,
        0xd6
#else
        0xc3
#endif
    };

    for (unsigned i = 0; i < 256; i++)
        memcpy(code + 16 * i, returns, sizeof returns);
    __builtin___clear_cache(code, code + 4096);
    mprotect(code, 4096, PROT_READ | PROT_EXEC);
    for (unsigned i = 0; i < 256; i++) {
        __sighandler_t handler = (__sighandler_t)(uintptr_t)(code + 16 * i);
        __sighandler_t old = signal(SIGSEGV, handler);
        raise(SIGSEGV);
        if (i > 0 && old != (__sighandler_t)(uintptr_t)(code + 16 * (i - 1)))
            say("not the one before", i);
        if (signal(SIGSEGV, handler) != handler)
            say("not this one", i);
    }
    signal(SIGSEGV, plain);
    say_now("the last");
    touch();
    signal(SIGSEGV, SIG_DFL);
    say_ends();
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*does)(void);
    } kinds[] = {{"fresh", fresh},     {"flags", flags},     {"older", older}, {"jumped", jumped},
                 {"ignored", ignored}, {"vforked", vforked}, {"many", many}};

    self = arguments[0];
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; count == 2 && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(arguments[1], kinds[i].name) == 0) {
            take_blocks();
            kinds[i].does();
            return 0;
        }
    return 2;
}
