/* See beside.h. x86-64: the trap flag. The tracer puts a breakpoint into the program now and then, and the thread may
 * come by: it waits there until the instruction is back.
 */
#include "beside.h"

#include "common.h"

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <ucontext.h>

enum { TRAP_FLAG = 0x100, ASLEEP_MS = 20, FINISH_MS = 2, END_MS = 10000 };

static uint32_t stands;                  /* futex */
static uint32_t left;                    /* instructions until it does; atomic */
static uint32_t length;                  /* of what it does, in instructions, the last time; atomic */
static uint32_t count;                   /* this time */
static bool is_busy, is_over, has_ended; /* atomic */

static bool read_flag(const bool *flag)
{
    return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void set_flag(bool *flag, bool value)
{
    __atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

static void stand(void)
{
    common_tell(&stands, 1);
    common_wait(&stands, 0, 0);
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    if (info->si_code == SI_KERNEL) { /* a breakpoint, of which it stands behind the first byte */
        ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP]--;
        sched_yield();
        return;
    }
    count++;
    if (__atomic_load_n(&left, __ATOMIC_ACQUIRE) == 0)
        stand();
    else
        __atomic_sub_fetch(&left, 1, __ATOMIC_ACQ_REL);
}

static void do_in_steps(void (*function)(void))
{
    count = 0;
    set_flag(&is_busy, true);
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | TRAP_FLAG);
    function();
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~(uint64_t)TRAP_FLAG);
    set_flag(&is_busy, false);
    __atomic_store_n(&length, count, __ATOMIC_RELEASE);
}

void beside_run(void (*function)(void))
{
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

    sigaction(SIGTRAP, &action, NULL);
    for (;;) {
        stand();
        if (read_flag(&is_over))
            break;
        do_in_steps(function);
    }
    set_flag(&has_ended, true);
}

static void go(uint32_t instructions, unsigned ms)
{
    __atomic_store_n(&left, instructions, __ATOMIC_RELEASE);
    common_tell(&stands, 0);
    common_wait(&stands, 1, ms);
}

void beside_move(unsigned dice)
{
    uint32_t of = __atomic_load_n(&length, __ATOMIC_ACQUIRE);

    go(of == 0 ? UINT32_MAX : dice % of, ASLEEP_MS);
}

void beside_finish(void)
{
    if (read_flag(&is_busy))
        go(UINT32_MAX, FINISH_MS);
}

void beside_end(void)
{
    uint64_t end = common_now_us() + (uint64_t)END_MS * 1000;

    set_flag(&is_over, true);
    while (!read_flag(&has_ended) && common_now_us() < end)
        go(UINT32_MAX, FINISH_MS);
}
