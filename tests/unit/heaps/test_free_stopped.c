/* A free that another of the same block comes into, at any instruction: exactly one of the two is reported. The one
 * that is stopped is not of the thread whose slot it is: an exchange makes it all or nothing. The other is of that
 * thread or of a third.
 */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "support/audit.h"
#include "support/own_heap.h"
#include "support/refuse.h"
#include "support/threads.h"

#include <signal.h>
#include <ucontext.h>

/* Only where the free is the code that is installed, and not several times as long. */
#if !defined(__x86_64__) || (defined(CAI_DEBUG) && CAI_DEBUG) || defined(__SANITIZE_ADDRESS__) ||                      \
    defined(__SANITIZE_THREAD__)
#define CAN_STEP 0
#else
#define CAN_STEP 1
#endif

#if CAN_STEP

static const struct frees {
    size_t bytes;
    size_t exact;  /* 0: the whole slot */
    bool by_owner; /* the second */
} frees[] = {
    {100, 0, false}, {100, 0, true}, {16, 10, false}, /* not by the short way */
};

enum { STOPS_MIN = 30, STOPPED = 1, GO_ON, TRAP_FLAG = 0x100 };

static void *give(void *block)
{
    cai_free(CAI_PLACE_ordinary, block, "free");
    return NULL;
}

static struct steps steps;
static unsigned long instructions, stop_after;

static void trap(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    if (++instructions != stop_after)
        return;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
    step_reach(&steps, STOPPED);
    step_await(&steps, GO_ON);
}

static void *give_by_steps(void *block)
{
    require(cai_life_attach() != NULL);
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | TRAP_FLAG);
    give(block);
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~TRAP_FLAG);
    step_reach(&steps, STOPPED); /* at the latest */
    return NULL;
}

/* False: the free has fewer instructions. */
static bool stops_at(unsigned long instruction, void *block, bool by_owner)
{
    steps = (struct steps)STEPS_INIT;
    instructions = 0;
    stop_after = instruction;
    pthread_t stopped = thread_start(give_by_steps, block);
    step_await(&steps, STOPPED);
    if (by_owner)
        give(block);
    else
        in_thread(give, block);
    step_reach(&steps, GO_ON);
    thread_join(stopped);
    return instructions >= instruction;
}

CHILD_TEST_EACH(one_is_reported, 60, frees)
{
    struct sigaction action = {.sa_sigaction = trap, .sa_flags = SA_SIGINFO};
    unsigned long stops = 0;

    refuse_start();
    require(sigaction(SIGTRAP, &action, NULL) == 0);
    for (bool more = true; more; stops++) {
        void *block = cai_allocate(CAI_PLACE_ordinary, value.bytes, false);
        require(block != NULL);
        if (value.exact != 0)
            *own_live(CAI_PLACE_ordinary, block).state = cai_state_of_short(value.exact);
        more = stops_at(stops + 1, block, value.by_owner);
        require(was_refused("double-free"));
    }
    require(stops >= STOPS_MIN);
    require_null(audit_all());
}

#endif

static void test_C9_two_frees_at_any_instruction_are_one(void **state)
{
#if CAN_STEP
    one_is_reported(state);
#else
    (void)state;
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C9_two_frees_at_any_instruction_are_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
