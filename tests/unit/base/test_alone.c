/* alone.h: what is taken for one thread, and that a signal handler of it never sees the middle of anything. */
#include "unit/unit.h"

#include "base/alone.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#if defined(__x86_64__) && defined(__GLIBC__) && !CAI_TSAN
enum { CAN_TELL = 1 };
#else
enum { CAN_TELL = 0 };
#endif

static void test_leaves_127_alone(void **state)
{
    (void)state;
    for (unsigned before = 0; before < 256 && CAN_TELL; before++) {
        uint8_t byte = (uint8_t)before;
        assert_int_equal(cai_alone_leave_127(&byte), before == 127);
        assert_int_equal(byte, before == 127 ? 128 : before);
    }
}

static uint8_t contested;
static uint64_t won_by_handler, handled;

static void contest(int signal)
{
    (void)signal;
    handled++;
    won_by_handler += cai_alone_leave_127(&contested);
}

/* Handler and thread both want it: each time exactly one has it. */
static void test_one_of_two_has_it(void **state)
{
    enum { ROUNDS_MIN = 100000, HANDLED_MIN = 300, ROUNDS_MAX = 1 << 30 };
    struct sigaction action = {.sa_handler = contest}, before;
    struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};
    uint64_t won = 0, rounds = 0;

    (void)state;
    if (!CAN_TELL)
        skip();
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    while (rounds < ROUNDS_MIN || (cai_load_relaxed(&handled) < HANDLED_MIN && rounds < ROUNDS_MAX)) {
        cai_store_relaxed(&contested, 127);
        won += cai_alone_leave_127(&contested);
        rounds++;
    }
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    assert_true(handled >= HANDLED_MIN);
    assert_int_equal(won + won_by_handler, rounds);
}

/* A copy of the C library in another namespace counts no threads but its own, and so says that there are several. */
static void test_second_copy_says_several(void **state)
{
    (void)state;
    if (!CAN_TELL)
        skip();
    void *copy = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW);
    assert_non_null(copy);
    const char *alone = dlsym(copy, "__libc_single_threaded");
    if (alone == NULL)
        skip();
    assert_int_equal(*alone, 0);
    assert_int_equal(dlclose(copy), 0);
}

static void *look(void *is_alone)
{
    *(bool *)is_alone = cai_is_alone();
    return NULL;
}

/* The last test: that there was a thread may be remembered. */
static void test_alone_until_a_thread(void **state)
{
    pthread_t thread;
    bool is_alone = true;

    (void)state;
    assert_int_equal(cai_is_alone(), CAN_TELL);
    assert_int_equal(pthread_create(&thread, NULL, look, &is_alone), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(is_alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaves_127_alone),
        cmocka_unit_test(test_one_of_two_has_it),
        cmocka_unit_test(test_second_copy_says_several),
        cmocka_unit_test(test_alone_until_a_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
