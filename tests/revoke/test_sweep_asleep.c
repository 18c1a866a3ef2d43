/* Sweeps beside threads that sleep in the kernel, where no signal wakes them: in vfork, as long as the test wants. What
 * is asked is how often a sweep stops the others for their sake, and what is told. The linker leads the calls here
 * (CMakeLists.txt). */
#include "revoke/oracle.h"

#include "os/inspect.h"

static uint32_t sleeper; /* atomic: the thread */
static uint32_t asked;   /* how often it was asked to stop */
static uint32_t let_go;  /* atomic: how often all were let go */

bool __real_cai_os_send(uint32_t thread, int signal, int mark, uint64_t value);
bool __wrap_cai_os_send(uint32_t thread, int signal, int mark, uint64_t value);
bool __wrap_cai_os_send(uint32_t thread, int signal, int mark, uint64_t value)
{
    asked += signal != 0 && thread == cai_load_acquire(&sleeper);
    return __real_cai_os_send(thread, signal, mark, value);
}

void __real_cai_os_wake_all(const uint32_t *word);
void __wrap_cai_os_wake_all(const uint32_t *word);
void __wrap_cai_os_wake_all(const uint32_t *word)
{
    cai_add_relaxed(&let_go, 1);
    __real_cai_os_wake_all(word);
}

/* Children of vfork are in this memory. */
static struct {
    unsigned count;
    void (*work)(void);
    uint32_t there, may_go; /* atomic: so many have begun; may end */
} children;

static void *make_children(void *unused)
{
    cai_store_release(&sleeper, cai_os_thread_self());
    for (unsigned i = 0; i < children.count; i++) {
        pid_t child = vfork();
        if (child == 0) {
            alarm(60); /* it would outlive a test that fails */
            cai_add_relaxed(&children.there, 1);
            children.work();
            _exit(0);
        }
        int status;
        require(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    }
    return unused;
}

static void wait_until(const uint32_t *counter, uint32_t wanted)
{
    while (cai_load_acquire(counter) < wanted)
        usleep(1000);
}

static pthread_t start_sleeper(unsigned count, void (*work)(void))
{
    pthread_t thread;

    children.count = count;
    children.work = work;
    require(pthread_create(&thread, NULL, make_children, NULL) == 0);
    wait_until(&children.there, 1);
    return thread;
}

static void wait_to_go(void)
{
    wait_until(&children.may_go, 1);
}

static void wait_until_all_are_let_go(void)
{
    wait_until(&let_go, children.there);
}

static void end_sleeper(pthread_t thread)
{
    cai_store_release(&children.may_go, 1);
    require(pthread_join(thread, NULL) == 0);
}

static uint64_t outcomes(void)
{
    return cai_sweeps() + cai_sweeps_postponed() + cai_sweeps_in_doubt();
}

/* Returns how much had to be freed for it. */
static size_t free_until_the_next_sweep(void)
{
    enum { BYTES = 1024 };
    uint64_t before = outcomes();
    size_t freed = 0;

    for (; outcomes() == before; freed += BYTES)
        ca_free(ca_malloc(BYTES));
    return freed;
}

#define QUARTER (12 * CAI_MIB / 4)
enum { POSTPONED_MAX = 4 };

static void postpone(uint64_t times)
{
    uint64_t postponed = cai_sweeps_postponed();

    for (uint64_t i = 1; i <= times; i++) {
        size_t freed = free_until_the_next_sweep();
        require(cai_sweeps_postponed() == postponed + i && cai_sweeps() == 0);
        require(i == 1 ? freed > QUARTER + 64 * CAI_KIB : freed < QUARTER + 64 * CAI_KIB);
        require(asked == 1); /* and not again as long as it is the same sleep: nobody else stands still for it */
    }
}

CHILD_TEST(test_R1_R9_a_thread_in_vfork_postpones_a_sweep, 120)
{
    tested_bytes = 64;
    uint64_t block = take();
    pthread_t thread = start_sleeper(1, wait_to_go);
    give(block);
    postpone(3);
    require(waits(block));
    end_sleeper(thread);
    free_until_the_next_sweep();
    require(cai_sweeps() == 1 && cai_sweeps_in_doubt() == 0);
    require_released(block);
}

/* Who frees has to wait now and then, while all others run. */
CHILD_TEST(test_R3_R9_a_thread_that_stays_in_vfork_is_told, 120)
{
    tested_bytes = 64;
    uint64_t block = take();
    pthread_t thread = start_sleeper(1, wait_to_go);
    give(block);
    for (uint64_t i = 1; i <= 4; i++) {
        postpone(POSTPONED_MAX);
        require(free_until_the_next_sweep() < QUARTER + 64 * CAI_KIB);
        require(cai_sweeps_in_doubt() == i && cai_sweeps() == 0);
        require(asked == 1 && waits(block));
    }
    end_sleeper(thread);
    require_released(block);
}

CHILD_TEST(test_R10_who_needs_a_sweep_waits_for_a_thread_in_vfork, 120)
{
    tested_bytes = 64;
    give(take());
    pthread_t thread = start_sleeper(1, wait_until_all_are_let_go);
    require(cai_quarantine_sweep());
    require(cai_sweeps() == 1 && cai_sweeps_postponed() == 0 && let_go >= 2);
    end_sleeper(thread);
}

/* As with a thread that writes to a disk again and again: each sleep is one to be waited for. */
CHILD_TEST(test_R9_another_sleep_is_another_try, 120)
{
    pthread_t thread = start_sleeper(POSTPONED_MAX, wait_until_all_are_let_go);

    for (uint32_t i = 1; i <= POSTPONED_MAX; i++) {
        wait_until(&children.there, i);
        free_until_the_next_sweep();
        require(cai_sweeps_postponed() == i && asked == i);
    }
    end_sleeper(thread);
    free_until_the_next_sweep();
    require(cai_sweeps() == 1 && cai_sweeps_in_doubt() == 0);
}

static void look_as_well_as_it_can(void)
{
    enum { BYTES = 1 << 20 };

    cai_quarantine_release();
    for (unsigned i = 0; i < 40; i++)
        ca_free(ca_malloc(BYTES));
    if (cai_quarantine_sweep())
        _exit(1);
}

/* Of the threads that are in its memory it can stop none. */
CHILD_TEST(test_R1_R9_a_child_of_vfork_sweeps_nothing, 120)
{
    tested_bytes = 64;
    uint64_t block = take();
    give(block);
    pthread_t thread = start_sleeper(1, look_as_well_as_it_can);
    end_sleeper(thread);
    require(outcomes() == 0 && waits(block));
    require_released(block);
}

int main(void)
{
    setenv("CAPALLOC_OPTIONS", "revoke", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_R1_R9_a_thread_in_vfork_postpones_a_sweep),
        cmocka_unit_test(test_R3_R9_a_thread_that_stays_in_vfork_is_told),
        cmocka_unit_test(test_R10_who_needs_a_sweep_waits_for_a_thread_in_vfork),
        cmocka_unit_test(test_R9_another_sleep_is_another_try),
        cmocka_unit_test(test_R1_R9_a_child_of_vfork_sweeps_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
