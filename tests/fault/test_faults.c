/* Every call of the system that can fail does, one after the other, and all from one on: allocations fail as
 * documented, nothing is lost, nothing crashes.
 */
#include "unit/unit.h"

#include "base/bits.h"
#include "base/compiler.h"
#include "core/settings.h"
#include "fault/faults.h"
#include "fault/scenario.h"
#include "support/audit.h"
#include "support/build.h"
#include "support/child.h"
#include "support/content.h"

#include <capalloc/heap.h>
#include <capalloc/malloc.h>
#include <capalloc/protect.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Written by the child. */
static struct result {
    unsigned calls[FAULT_FUNCTIONS];
    struct scenario scenario;
    unsigned refused; /* protection */
} * result;

static int share(void **state)
{
    (void)state;
    result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return result == MAP_FAILED ? -1 : 0;
}

static void with_fault(const void *fault)
{
    fault_set(fault);
    result->scenario = scenario_run();
    for (enum fault_function i = 0; i < FAULT_FUNCTIONS; i++)
        result->calls[i] = fault_calls(i);
}

static void run(const struct fault *fault)
{
    struct child child;

    child_run(&child, 60, with_fault, fault);
    if (!child_succeeded(&child))
        fail_msg("functions %#x fail from call %u to %u, map says %d: %s", fault->functions, fault->from, fault->until,
                 (int)fault->map_says, child.text);
}

static unsigned calls_of(enum fault_function function)
{
    run(&(struct fault){.functions = 0});
    assert_int_equal(result->scenario.failures, 0);
    assert_true(result->calls[function] > 0 || function == FAULT_THREAD_START);
    return result->calls[function];
}

/* Of the calls that can fail builds with assertions take each, the two others half. */
enum { FIRST = 1 + BUILD_CLANG, EACH = BUILD_DEBUG ? 1 : 2 };

/* Each call alone; from every fourth on. */
static void each_call(enum fault_function function, enum cai_map map_says)
{
    unsigned calls = calls_of(function);

    for (unsigned n = FIRST; n <= calls; n += EACH) {
        struct fault fault = {1u << function, n, n, map_says};
        run(&fault);
        /* One failure is not held against the system for ever; except at the start, which comes once. */
        assert_true(result->scenario.late == 0 || !result->scenario.started);
        fault.until = UINT32_MAX;
        if (n % 4 == FIRST)
            run(&fault);
    }
}

static void test_D2_map_is_refused(void **state)
{
    (void)state;
    each_call(FAULT_MAP, CAI_MAP_SHORT);
    run(&(struct fault){1u << FAULT_MAP, 1, UINT32_MAX, CAI_MAP_SHORT});
    assert_true(result->scenario.failures > 300); /* with no memory at all, everything fails */
}

static void test_D2_map_finds_somebody_else(void **state)
{
    (void)state;
    each_call(FAULT_MAP, CAI_MAP_TAKEN);
}

static void test_D6_unmap_is_refused(void **state)
{
    (void)state;
    each_call(FAULT_UNMAP, CAI_MAP_SHORT);
}

static void test_D6_discard_is_refused(void **state)
{
    (void)state;
    each_call(FAULT_DISCARD, CAI_MAP_SHORT);
}

/* As with locked memory at the limit of mappings: nothing can be given back. */
static void test_D6_nothing_can_be_given_back(void **state)
{
    unsigned calls = calls_of(FAULT_UNMAP);

    (void)state;
    for (unsigned n = 1; n <= calls; n += 3)
        run(&(struct fault){1u << FAULT_UNMAP | 1u << FAULT_DISCARD, n, UINT32_MAX, CAI_MAP_SHORT});
}

static void test_D2_move_is_refused(void **state)
{
    (void)state;
    each_call(FAULT_MOVE, CAI_MAP_SHORT);
    assert_int_equal(result->scenario.failures, 0); /* copied instead */
}

static void test_D2_protection_is_refused(void **state)
{
    (void)state;
    each_call(FAULT_READ_ONLY, CAI_MAP_SHORT);
    assert_int_equal(result->scenario.failures, 0);
    each_call(FAULT_READ_WRITE, CAI_MAP_SHORT);
}

static void test_D2_no_dump_is_refused(void **state)
{
    (void)state;
    each_call(FAULT_NO_DUMP, CAI_MAP_SHORT);
    assert_int_equal(result->scenario.failures, 0);
}

struct attempt {
    struct fault fault;
    unsigned wanted; /* protection */
};

/* A child of fork has must-zero memory whatever was refused, its parent's and its own. */
static void go_on_in_child(ca_secret kept)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        require_null(audit_all());
        ca_secret_deallocate_zeroed(kept); /* alive here too, and cleared again if it is not zero */
        ca_secret own = ca_unwrap(ca_allocate_secret(ca_default_authority(), (ca_layout){100000, 16}));
        require(content_is_zero(own.ptr, own.size));
        memset(own.ptr, 1, own.size);
        ca_secret_deallocate_zeroed(own);
        require_null(audit_all());
        require_null(audit_zeros(true));
        _exit(0);
    }
    require(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void with_protection(const void *argument)
{
    const struct attempt *attempt = argument;
    ca_protection told = CA_PROTECTION_INIT;

    fault_set(&attempt->fault);
    ca_error error = ca_protect(attempt->wanted, NULL);
    require(error == CA_OK || error == CA_ERROR_NOT_PERMITTED);
    result->scenario = scenario_run();
    for (enum fault_function i = 0; i < FAULT_FUNCTIONS; i++)
        result->calls[i] = fault_calls(i);
    ca_secret kept = ca_unwrap(ca_allocate_secret(ca_default_authority(), (ca_layout){50000, 16}));
    memset(kept.ptr, 1, kept.size);
    go_on_in_child(kept);
    ca_protection_read(&told);
    result->refused = told.refused;
    require((told.refused != 0) == (told.error == CA_ERROR_NOT_PERMITTED));
    ca_secret_deallocate_zeroed(kept);
    require_null(audit_zeros(true));
}

static void protect(const struct attempt *attempt)
{
    struct child child;

    child_run(&child, 60, with_protection, attempt);
    if (!child_succeeded(&child))
        fail_msg("protection %u, functions %#x fail from call %u to %u: %s", attempt->wanted, attempt->fault.functions,
                 attempt->fault.from, attempt->fault.until, child.text);
}

/* Each call alone and all from it on: memory is there all the same, and what was refused is said. */
static void each_protection(enum fault_function function, unsigned wanted)
{
    struct attempt attempt = {.fault = {.functions = 0}, .wanted = wanted};

    protect(&attempt);
    unsigned calls = result->calls[function];
    assert_true(calls > 1);
    for (unsigned n = 1; n <= calls; n += 1 + calls / 12) {
        for (unsigned all = 0; all < 2; all++) {
            attempt.fault = (struct fault){1u << function, n, all ? UINT32_MAX : n, CAI_MAP_SHORT};
            protect(&attempt);
            assert_int_equal(result->scenario.failures, 0);
            assert_true((result->refused & wanted) != 0);
        }
    }
}

static void test_Z8_wiping_is_refused(void **state)
{
    (void)state;
    each_protection(FAULT_WIPE_ON_FORK, CA_PROTECT_WIPE_ON_FORK);
}

static void test_Z8_locking_is_refused(void **state)
{
    (void)state;
    each_protection(FAULT_LOCK, CA_PROTECT_LOCK);
}

static void test_Z8_hiding_is_refused(void **state)
{
    (void)state;
    each_protection(FAULT_MAP_HIDDEN, CA_PROTECT_HIDE);
}

/* The addresses are somebody else's: others are found, and nothing is said to be refused that was not. */
static void test_Z8_hiding_finds_somebody_else(void **state)
{
    struct attempt attempt = {.wanted = CA_PROTECT_HIDE};

    (void)state;
    for (unsigned n = 2; n < 8; n++) {
        attempt.fault = (struct fault){1u << FAULT_MAP_HIDDEN, n, n, CAI_MAP_TAKEN};
        protect(&attempt);
        assert_int_equal(result->scenario.failures, 0);
    }
}

static void without_helper(const void *fault)
{
    setenv(CAI_SETTINGS_ENV, "helper", 1);
    with_fault(fault);
    require(result->scenario.failures == 0 && fault_calls(FAULT_THREAD_START) == 1);
}

static void test_D6_helper_does_not_start(void **state)
{
    struct fault fault = {1u << FAULT_THREAD_START, 1, 1, CAI_MAP_SHORT};

    (void)state;
    assert_child(60, without_helper, &fault);
}

/* After memory was refused for a while, everything is as before. */
CHILD_TEST(test_D2_memory_comes_back, 60)
{
    fault_set(&(struct fault){.functions = 0});
    void *before = ca_malloc(100);
    fault_set(&(struct fault){1u << FAULT_MAP, 1, UINT32_MAX, CAI_MAP_SHORT});
    errno = 0;
    require(before != NULL && ca_malloc(50 * CAI_MIB) == NULL && errno == ENOMEM);
    while (ca_malloc(5000) != NULL) {
    }
    fault_set(&(struct fault){.functions = 0});
    require(ca_malloc(50 * CAI_MIB) != NULL && ca_malloc(5000) != NULL);
    ca_free(before);
    require_null(audit_all());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D2_map_is_refused),
        cmocka_unit_test(test_D2_map_finds_somebody_else),
        cmocka_unit_test(test_D6_unmap_is_refused),
        cmocka_unit_test(test_D6_discard_is_refused),
        cmocka_unit_test(test_D6_nothing_can_be_given_back),
        cmocka_unit_test(test_D2_move_is_refused),
        cmocka_unit_test(test_D2_protection_is_refused),
        cmocka_unit_test(test_D2_no_dump_is_refused),
        cmocka_unit_test(test_Z8_wiping_is_refused),
        cmocka_unit_test(test_Z8_locking_is_refused),
        cmocka_unit_test(test_Z8_hiding_is_refused),
        cmocka_unit_test(test_Z8_hiding_finds_somebody_else),
        cmocka_unit_test(test_D6_helper_does_not_start),
        cmocka_unit_test(test_D2_memory_comes_back),
    };

    return cmocka_run_group_tests(tests, share, NULL);
}
