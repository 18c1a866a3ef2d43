/* The lock: one holder, sleepers woken, no obstacle for the thread that forks; in debug builds, the order of ranks. */
#include "unit/unit.h"

#include "os/lock.h"
#include "os/os.h"
#include "support/child.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 20000 };

static struct cai_lock lock = CAI_LOCK_INIT(CAI_RANK_START);
static unsigned long counted; /* by the lock */
static unsigned through;      /* threads that had the lock; atomic */

static void test_one_holder(void **state)
{
    (void)state;
    assert_true(cai_lock_try(&lock));
    assert_false(cai_lock_try(&lock));
    cai_lock_give(&lock);
    cai_lock_take(&lock);
    assert_int_equal(lock.word, cai_lock_self());
    assert_false(cai_lock_try(&lock));
    cai_lock_give(&lock);
    assert_int_equal(lock.word, CAI_LOCK_FREE);
}

static void *count(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        cai_lock_take(&lock);
        counted++;
        cai_lock_give(&lock);
    }
    return unused;
}

static void test_nobody_else_while_it_is_held(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    counted = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(counted, (unsigned long)THREADS * ROUNDS);
    assert_int_equal(lock.word, CAI_LOCK_FREE);
}

static void *pass(void *unused)
{
    cai_lock_take(&lock);
    cai_add_relaxed(&through, 1);
    cai_lock_give(&lock);
    return unused;
}

static void await_word(uint32_t word)
{
    while (cai_load_relaxed(&lock.word) != word)
        usleep(1000);
}

/* All of them sleep when the lock is given, and one give has to do for all. */
static void test_sleepers_are_woken(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    through = 0;
    cai_lock_take(&lock);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, pass, NULL), 0);
    await_word(cai_lock_self() | CAI_LOCK_WAITED);
    usleep(20 * 1000); /* the others */
    assert_int_equal(cai_load_relaxed(&through), 0);
    cai_lock_give(&lock);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(through, THREADS);
    assert_int_equal(lock.word, CAI_LOCK_FREE);
}

static void *hold(void *ready)
{
    cai_lock_take(&lock);
    cai_store_release((uint32_t *)ready, 1);
    cai_os_wait(&lock.word, cai_lock_self(), 0); /* for ever */
    return NULL;
}

/* In the child of a fork: a lock of a thread that is not there is free, one's own stays held. */
static void inherit(const void *unused)
{
    static struct cai_lock own = CAI_LOCK_INIT(CAI_RANK_TREE), free_one = CAI_LOCK_INIT(CAI_RANK_META);
    static uint32_t ready;
    pthread_t other;

    (void)unused;
    require(pthread_create(&other, NULL, hold, &ready) == 0);
    while (cai_load_acquire(&ready) == 0)
        usleep(1000);
    cai_lock_take(&own);
    pid_t pid = fork();
    if (pid == 0) {
        /* Until it is repaired it is the child's: one that is forked meanwhile repairs it again. */
        bool right = cai_lock_inherit(&lock) == CAI_LOCK_LOST && cai_lock_inherit(&lock) == CAI_LOCK_MINE;
        cai_lock_repaired(&lock);
        right = right && lock.word == CAI_LOCK_FREE && cai_locks_held == 1 && cai_lock_inherit(&own) == CAI_LOCK_MINE &&
                cai_lock_inherit(&free_one) == CAI_LOCK_WAS_FREE;
        cai_lock_give(&own);
        cai_lock_take(&lock);
        cai_lock_give(&lock);
        _exit(right ? 0 : 1);
    }
    int status;
    require(waitpid(pid, &status, 0) == pid && status == 0);
    _exit(0); /* the other thread holds the lock for ever */
}

static void test_D7_locks_in_the_child_of_a_fork(void **state)
{
    struct child child;

    (void)state;
    child_run(&child, 10, inherit, NULL);
    assert_int_equal(child.status, 0);
}

static void take_twice(const void *unused)
{
    static struct cai_lock twice = CAI_LOCK_INIT(CAI_RANK_TREE);

    (void)unused;
    require(cai_lock_try(&twice));
    cai_lock_wait(&twice);
}

/* Nobody waits for himself: that ends at once, and loudly. */
static void test_nobody_waits_for_himself(void **state)
{
    struct child child;

    (void)state;
    child_run(&child, 10, take_twice, NULL);
    assert_true(child_died(&child, SIGABRT));
    assert_non_null(strstr(child.text, "capalloc: reentered: "));
}

static void test_wait_ends(void **state)
{
    uint32_t word = 1;
    uint64_t before = cai_os_nanoseconds();

    (void)state;
    cai_os_wait(&word, 2, 0);        /* another value: at once */
    cai_os_wait(&word, 1, 10000000); /* nobody wakes: in time */
    assert_true(cai_os_nanoseconds() - before >= 10000000);
}

static struct cai_lock registry = CAI_LOCK_INIT(CAI_RANK_REGISTRY);
static struct cai_lock zones[2] = {CAI_LOCK_INIT(CAI_RANK_ZONE), CAI_LOCK_INIT(CAI_RANK_ZONE)};
static struct cai_lock meta; /* META, said at run time */

static void in_order(const void *unused)
{
    (void)unused;
    cai_lock_set_rank(&meta, CAI_RANK_META);
    for (int i = 0; i < 2; i++) {
        cai_lock_take(&registry);
        cai_lock_take(&zones[i]);
        cai_lock_take(&meta);
        cai_lock_give(&registry); /* given in any order */
        cai_lock_give(&meta);
        cai_lock_give(&zones[i]);
    }
}

static void without_waiting(const void *unused)
{
    (void)unused;
    cai_lock_take(&zones[0]);
    require(cai_lock_try(&registry));
    require(cai_lock_try(&zones[1]));
    cai_lock_give(&zones[0]);
    cai_lock_give(&zones[1]);
    cai_lock_give(&registry);
    cai_lock_take(&registry);
    cai_lock_give(&registry);
}

static void beside(const void *unused)
{
    (void)unused;
    cai_lock_take(&zones[0]);
    cai_lock_take_beside(&zones[1]);
    cai_lock_give(&zones[0]);
    cai_lock_give(&zones[1]);
}

static void test_in_order(void **state)
{
    void (*const bodies[])(const void *) = {in_order, without_waiting, beside};
    struct child child;

    (void)state;
    for (unsigned i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        child_run(&child, 10, bodies[i], NULL);
        assert_true(child_succeeded(&child));
    }
}

#if CAI_RANK_CHECKED

static void registry_after_zone(const void *unused)
{
    (void)unused;
    cai_lock_take(&zones[0]);
    cai_lock_take(&registry);
}

static void zone_after_zone(const void *unused)
{
    (void)unused;
    cai_lock_take(&zones[0]);
    cai_lock_take(&zones[1]);
}

static void zone_beside_meta(const void *unused)
{
    (void)unused;
    cai_lock_set_rank(&meta, CAI_RANK_META);
    cai_lock_take(&zones[0]);
    cai_lock_take(&meta);
    cai_lock_take_beside(&zones[1]);
}

/* A lock without a rank may not be taken. */
static void unranked_after_meta(const void *unused)
{
    static struct cai_lock unranked;

    (void)unused;
    cai_lock_set_rank(&meta, CAI_RANK_META);
    cai_lock_take(&meta);
    cai_lock_take(&unranked);
}

static void zone_after_tried_meta(const void *unused)
{
    (void)unused;
    cai_lock_set_rank(&meta, CAI_RANK_META);
    require(cai_lock_try(&meta));
    cai_lock_take(&zones[0]);
}

/* Where it would sleep for ever. */
static void registry_of_another_after_zone(const void *unused)
{
    (void)unused;
    registry.word = 1000000; /* a thread there never was */
    registry_after_zone(NULL);
}

static void test_out_of_order(void **state)
{
    static const struct {
        void (*body)(const void *);
        const char *says;
    } rows[] = {
        {registry_after_zone, "capalloc: locks out of order: REGISTRY after ZONE\n"},
        {zone_after_zone, "capalloc: locks out of order: ZONE after ZONE\n"},
        {zone_beside_meta, "capalloc: locks out of order: ZONE after META\n"},
        {unranked_after_meta, "capalloc: locks out of order: NONE after META\n"},
        {zone_after_tried_meta, "capalloc: locks out of order: ZONE after META\n"},
        {registry_of_another_after_zone, "capalloc: locks out of order: REGISTRY after ZONE\n"},
    };
    struct child child;

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        child_run(&child, 10, rows[i].body, NULL);
        assert_true(child_died(&child, SIGABRT));
        assert_non_null(strstr(child.text, rows[i].says));
    }
}

static void *give(void *unused)
{
    cai_lock_give(&registry);
    return unused;
}

static void given_by_another(const void *unused)
{
    pthread_t other;

    (void)unused;
    cai_lock_take(&registry);
    require(pthread_create(&other, NULL, give, NULL) == 0);
    pthread_join(other, NULL);
}

static void test_given_by_a_thread_that_does_not_hold_it(void **state)
{
    struct child child;

    (void)state;
    child_run(&child, 10, given_by_another, NULL);
    assert_true(WIFSIGNALED(child.status) || WEXITSTATUS(child.status) != 0);
}

#else

static void test_out_of_order(void **state)
{
    (void)state;
    skip();
}

static void test_given_by_a_thread_that_does_not_hold_it(void **state)
{
    (void)state;
    skip();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_holder),
        cmocka_unit_test(test_nobody_else_while_it_is_held),
        cmocka_unit_test(test_sleepers_are_woken),
        cmocka_unit_test(test_D7_locks_in_the_child_of_a_fork),
        cmocka_unit_test(test_nobody_waits_for_himself),
        cmocka_unit_test(test_wait_ends),
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_out_of_order),
        cmocka_unit_test(test_given_by_a_thread_that_does_not_hold_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
