/* A call that fails has taken nothing: after each failure of the system in the middle of it, the process has the same
 * addresses, data and mappings as before, and the zones have the same tables and end at the same unit.
 */
#include "unit/unit.h"

#include "fault/faults.h"
#include "heaps/heaps.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/content.h"
#include "support/process.h"

#include <capalloc/malloc.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>

enum { KEPT = 300000, HUGE = 40 << 20 };

static char *kept;

static void *by_malloc(void)
{
    return ca_malloc(HUGE);
}

static void *by_calloc(void)
{
    return ca_calloc(HUGE, 1);
}

static void *by_alignment(void)
{
    return ca_aligned_alloc((size_t)1 << 24, HUGE);
}

static void *by_growing(void)
{
    return ca_realloc(kept, HUGE);
}

static void *by_must_zero(void)
{
    return cai_allocate(CAI_PLACE_mustzero, HUGE, false);
}

static void *by_secret_slab(void)
{
    return cai_allocate(CAI_PLACE_secret, 3000, false);
}

static void *(*const calls[])(void) = {by_malloc, by_calloc, by_alignment, by_growing, by_must_zero, by_secret_slab};
enum { CALLS = sizeof calls / sizeof *calls };

struct attempt {
    unsigned call;
    struct fault fault;
};

static void attempt(const void *argument)
{
    const struct attempt *attempt = argument;
    struct cai_zone before[CAI_ZONES];

    fault_set(&(struct fault){.functions = 0});
    kept = ca_malloc(KEPT);
    require(kept != NULL && ca_malloc(100) != NULL && ca_malloc(5000) != NULL);
    content_fill(kept, 0, KEPT, 5);
    ca_trim();
    memcpy(before, cai_zones, sizeof before);
    struct process process = process_look();
    fault_set(&attempt->fault);
    errno = 0;
    void *block = calls[attempt->call]();
    bool reached = fault_calls((enum fault_function)__builtin_ctz(attempt->fault.functions)) >= attempt->fault.from;
    fault_set(&(struct fault){.functions = 0});
    if (block == NULL) {
        require(process_is(&process));
        for (unsigned i = 0; i < CAI_ZONES; i++)
            require(before[i].units_table == cai_zones[i].units_table && before[i].frontier == cai_zones[i].frontier &&
                    before[i].skips == cai_zones[i].skips);
        require(content_holds(kept, KEPT, 5));
    }
    require_null(audit_all());
    require(block == NULL || attempt->fault.until != UINT32_MAX || !reached);
    require(ca_malloc(HUGE) != NULL);
    require_null(audit_all());
}

/* From the nth call on, in turn; and for as long as somebody else seems to have the addresses, each call alone. */
static void each(enum fault_function function, enum cai_map map_says, unsigned most)
{
    for (unsigned call = 0; call < CALLS; call++)
        for (unsigned n = 1; n <= most; n++)
            for (unsigned all = 0; all < 2; all++) {
                struct attempt argument = {call, {1u << function, n, all != 0 ? UINT32_MAX : n, map_says}};
                struct child child;
                child_run(&child, 60, attempt, &argument);
                if (!child_succeeded(&child))
                    fail_msg("call %u, %s fails from %u%s: %s", call, fault_name(function), n, all ? " on" : "",
                             child.text);
            }
}

static void test_D9_memory_is_refused(void **state)
{
    (void)state;
    each(FAULT_MAP, CAI_MAP_SHORT, 4);
}

static void test_D9_addresses_are_taken(void **state)
{
    (void)state;
    each(FAULT_MAP, CAI_MAP_TAKEN, 4);
}

static void test_D9_tables_cannot_be_shown(void **state)
{
    (void)state;
    each(FAULT_READ_WRITE, CAI_MAP_SHORT, 1);
}

static sem_t stopped, goes_on;

static void stop(void)
{
    sem_post(&stopped);
    while (sem_wait(&goes_on) != 0) {
    }
}

static void *in_thread(void *unused)
{
    require(ca_malloc(HUGE) != NULL && ca_malloc(100) != NULL);
    return unused;
}

/* Another thread has mapped some of it, and shows it to nobody here any more. */
static void fork_while_stopped(const void *argument)
{
    const struct attempt *attempt = argument;
    pthread_t thread;
    int status;

    require(ca_malloc(100) != NULL && ca_malloc(50000) != NULL);
    require(sem_init(&stopped, 0, 0) == 0 && sem_init(&goes_on, 0, 0) == 0);
    fault_set(&(struct fault){.functions = 0});
    fault_before((enum fault_function)attempt->call, attempt->fault.from, stop);
    require(pthread_create(&thread, NULL, in_thread, NULL) == 0);
    while (sem_wait(&stopped) != 0) {
    }
    pid_t child = fork();
    if (child == 0) {
        fault_before(FAULT_MAP, 0, NULL);
        for (unsigned i = 0; i < 3; i++)
            require(ca_malloc(HUGE) != NULL && ca_malloc(100) != NULL);
        require_null(audit_all());
        _exit(0);
    }
    require(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    sem_post(&goes_on);
    require(pthread_join(thread, NULL) == 0);
    require_null(audit_all());
}

static void test_D7_D9_forked_between_tables_and_memory(void **state)
{
    static const struct attempt stops[] = {
        {FAULT_MAP, {.from = 2}},        {FAULT_MAP, {.from = 3}},       {FAULT_MAP, {.from = 4}},
        {FAULT_READ_WRITE, {.from = 1}}, {FAULT_READ_ONLY, {.from = 1}},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof stops / sizeof *stops; i++) {
        struct child child;
        child_run(&child, 60, fork_while_stopped, &stops[i]);
        if (!child_succeeded(&child))
            fail_msg("stopped before %s %u: %s", fault_name((enum fault_function)stops[i].call), stops[i].fault.from,
                     child.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D9_memory_is_refused),
        cmocka_unit_test(test_D9_addresses_are_taken),
        cmocka_unit_test(test_D9_tables_cannot_be_shown),
        cmocka_unit_test(test_D7_D9_forked_between_tables_and_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
