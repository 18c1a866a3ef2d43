/* See tracer.h. x86-64: positions, and a breakpoint, which is the byte 0xcc. */
#include "tracer.h"

#include "stores.h"
#include "symbols.h"
#include "tracee.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Stepped of one call into another object; steps from the end of a handler back to where it was called. */
enum { OUTSIDE_MAX = 120, BACK_MAX = 1000 };

static struct {
    const struct scenario *scenario;
    pid_t process;
    pid_t victim;
    bool is_traced;
    int errors; /* a file in memory: the tracee's standard error */
    off_t errors_read;
    uintptr_t position;
    uintptr_t return_to; /* of the call into another object; 0: it is in none */
    unsigned outside;    /* steps in that call */
} tracee;

static void on_tick(int signal)
{
    (void)signal;
}

bool tracer_prepare(void)
{
    struct sigaction tick = {.sa_handler = on_tick}; /* waitpid is not restarted */
    struct itimerval every = {{0, 20000}, {0, 20000}};
    int status;

    pid_t child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0)
            raise(SIGSTOP);
        _exit(1);
    }
    bool works = child > 0 && waitpid(child, &status, 0) == child && WIFSTOPPED(status) &&
                 ptrace(PTRACE_SINGLESTEP, child, 0, 0) == 0 && waitpid(child, &status, 0) == child &&
                 WIFSTOPPED(status);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    sigaction(SIGALRM, &tick, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    return works;
}

unsigned tracer_patience_ms(void)
{
    return 2 * common->limit_ms + 2000;
}

/* --- the victim --- */

static bool await(int *status)
{
    uint64_t end = 0;

    for (;;) {
        if (waitpid(tracee.victim, status, __WALL) == tracee.victim)
            return true;
        uint64_t now = common_now_us();
        if (errno != EINTR || (end != 0 && now >= end))
            return false;
        if (end == 0)
            end = now + (uint64_t)tracer_patience_ms() * 1000;
    }
}

static uintptr_t peek(uintptr_t address)
{
    return (uintptr_t)ptrace(PTRACE_PEEKDATA, tracee.victim, address, 0);
}

static uintptr_t reg(size_t offset)
{
    return (uintptr_t)ptrace(PTRACE_PEEKUSER, tracee.victim, offset, 0);
}
#define REGISTER(name) offsetof(struct user_regs_struct, name)

/* Resumes the victim and waits until it stands still again. */
static enum moved resume(int request, int signal)
{
    int status;

    if (ptrace(request, tracee.victim, 0, (long)signal) != 0 || !await(&status))
        return MOVED_NOT;
    if (WIFEXITED(status)) {
        tracee.is_traced = false;
        return MOVED_AWAY;
    }
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
        return MOVED_DEAD;
    tracee.position = reg(REGISTER(rip));
    return MOVED;
}

/* To the return address of the call it is in. */
static enum moved run_back(void)
{
    uintptr_t to = tracee.return_to;
    uintptr_t word = peek(to);

    ptrace(PTRACE_POKEDATA, tracee.victim, to, (word & ~(uintptr_t)0xff) | 0xcc);
    enum moved moved = resume(PTRACE_CONT, 0);
    if (moved != MOVED)
        return moved;
    ptrace(PTRACE_POKEDATA, tracee.victim, to, word);
    ptrace(PTRACE_POKEUSER, tracee.victim, REGISTER(rip), to);
    tracee.position = to;
    return MOVED;
}

/* Keeps count of how long it has been in another object. */
static void look_outside(uintptr_t before)
{
    if (symbols_are_ours(tracee.position)) {
        tracee.return_to = 0;
    } else if (symbols_are_ours(before)) {
        uintptr_t top = peek(reg(REGISTER(rsp)));
        tracee.return_to = symbols_are_ours(top) ? top : 0;
        tracee.outside = 0;
    } else {
        tracee.outside++;
    }
}

static bool is_long_outside(void)
{
    return tracee.return_to != 0 && tracee.outside >= OUTSIDE_MAX;
}

/* The tracee's instructions are the tracer's, too, except in a library that was loaded since. */
bool tracer_may_change(void)
{
    Dl_info info;

    return is_long_outside() || (!symbols_are_ours(tracee.position) && dladdr((void *)tracee.position, &info) == 0) ||
           stores_anything((const uint8_t *)tracee.position);
}

enum moved tracer_step(void)
{
    uintptr_t before = tracee.position;
    enum moved moved = is_long_outside() ? run_back() : resume(PTRACE_SINGLESTEP, 0);

    if (moved != MOVED)
        return moved;
    look_outside(before);
    return tracee.position == (uintptr_t)stop_end ? MOVED_TO_END : MOVED;
}

uintptr_t tracer_position(uintptr_t *called_from)
{
    *called_from = tracee.return_to;
    return tracee.position;
}

enum moved tracer_interrupt(void)
{
    uintptr_t position = tracee.position;
    uintptr_t stack = reg(REGISTER(rsp));
    enum moved moved = resume(PTRACE_CONT, TRACEE_SIGNAL);

    /* At the end of the handler; the rest of it, and the way back. */
    for (unsigned i = 0; moved == MOVED; i++) {
        if (i == BACK_MAX)
            return MOVED_NOT;
        moved = resume(PTRACE_SINGLESTEP, 0);
        if (moved == MOVED && tracee.position == position && reg(REGISTER(rsp)) == stack)
            return MOVED;
    }
    return moved;
}

/* --- the process --- */

enum moved tracer_start(const struct scenario *which)
{
    memset(common->posts, 0, sizeof common->posts);
    common->ready = common->go = common->over = 0;
    if (tracee.errors == 0)
        tracee.errors = memfd_create("stop: errors", MFD_CLOEXEC);
    fflush(NULL);
    tracee.scenario = which;
    tracee.return_to = 0;
    tracee.process = fork();
    if (tracee.process == 0) {
        dup2(tracee.errors, STDERR_FILENO);
        tracee_run(which);
    }
    if (tracee.process < 0 || !common_wait(&common->ready, 1, tracer_patience_ms()))
        return MOVED_DEAD;
    tracee.victim = common->victim;
    if (ptrace(PTRACE_SEIZE, tracee.victim, 0, PTRACE_O_EXITKILL) != 0)
        return MOVED_DEAD;
    tracee.is_traced = true;
    common_tell(&common->go, 1);
    int status;
    if (!await(&status) || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
        return MOVED_DEAD;
    tracee.position = reg(REGISTER(rip));
    return MOVED;
}

static bool await_process(int *status)
{
    uint64_t end = common_now_us() + (uint64_t)tracer_patience_ms() * 1000;

    while (common_now_us() < end)
        if (waitpid(tracee.process, status, 0) == tracee.process) {
            tracee.process = 0;
            return true;
        }
    return false;
}

bool tracer_finish(void)
{
    struct post *post = &common->posts[0];
    int status;

    if (tracee.is_traced)
        ptrace(PTRACE_DETACH, tracee.victim, 0, 0);
    tracee.is_traced = false;
    common_tell(&common->over, 1);
    if ((tracee.scenario->flags & SCENARIO_ALONE) == 0) {
        post->order = ORDER_FINISH;
        common_tell(&post->asked, post->asked + 1);
    }
    return await_process(&status) && status == 0;
}

void tracer_kill(void)
{
    int status;

    if (tracee.process <= 0)
        return;
    kill(tracee.process, SIGKILL);
    if (tracee.is_traced && tracee.victim != tracee.process)
        await(&status);
    tracee.is_traced = false;
    await_process(&status);
}

char tracer_state(pid_t thread)
{
    char text[256];
    int fd;

    snprintf(text, sizeof text, "/proc/%d/task/%d/stat", (int)tracee.process, (int)thread);
    if ((fd = open(text, O_RDONLY | O_CLOEXEC)) < 0)
        return '?';
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    const char *end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' ? end[2] : '?';
}

void tracer_said(char *text, size_t length)
{
    ssize_t got = pread(tracee.errors, text, length - 1, tracee.errors_read);
    off_t end = lseek(tracee.errors, 0, SEEK_CUR);

    text[got > 0 ? got : 0] = '\0';
    tracee.errors_read = end;
}
