/* Which slabs a look reads: those in which a slot waits, or was freed since the last one. A free of who is alone notes
 * where, when its block waits; these tests stop in the middle of one, which is made of its stores here. */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "heaps/look.h"
#include "heaps/quarantine.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/threads.h"

#include <capalloc/capalloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

enum { BYTES = 200 };

struct stopped {
    unsigned zone;
    uint8_t *state;
};

/* A cleared block in whose slab nothing waits, and nothing was freed since the last look. */
static struct stopped settled_block(void)
{
    void *block = ca_calloc(1, BYTES);
    struct cai_live live = cai_find_live(CAI_PLACE_ordinary, block);

    require(block != NULL && live.state != NULL);
    cai_quarantine_release();
    return (struct stopped){live.zone, live.state};
}

static void say(const struct stopped *block, uint8_t state)
{
    cai_store_release(block->state, state);
}

static void note(const struct stopped *block, bool alone)
{
    cai_quarantine_note(alone, block->zone, block->state);
}

static bool waits(const struct stopped *block)
{
    return cai_state_waits(cai_load_acquire(block->state));
}

/* Only who is alone knows. */
static bool reads_all(void)
{
    return !cai_is_alone();
}

CHILD_TEST(test_R8_a_look_reads_only_where_something_was_freed, 60)
{
    struct stopped block = settled_block();

    say(&block, CAI_STATE_QUARANTINED); /* as nobody does: without a note */
    cai_quarantine_release();
    require(waits(&block) == !reads_all());
    note(&block, true);
    cai_quarantine_release();
    require(!waits(&block));
    require_null(audit_heap());
}

/* A handler looks, before the state says that the block waits and before the note is there. */
CHILD_TEST(test_R3_a_look_in_the_middle_of_a_free_does_not_forget_it, 60)
{
    struct stopped block = settled_block();

    say(&block, CAI_STATE_CLAIMED);
    cai_quarantine_release();
    say(&block, CAI_STATE_QUARANTINED);
    cai_quarantine_release();
    note(&block, true);
    cai_quarantine_release();
    require(!waits(&block));
    require_null(audit_heap());
}

CHILD_TEST(test_R3_what_one_of_many_freed_is_looked_for, 60)
{
    struct stopped block = settled_block();

    say(&block, CAI_STATE_QUARANTINED);
    note(&block, false);
    cai_quarantine_release();
    require(!waits(&block));
    require_null(audit_heap());
}

/* It has waited for one look, and is freed by the next, with nothing freed beside it. */
CHILD_TEST(test_R3_what_a_look_leaves_is_looked_at_again, 60)
{
    struct stopped block = settled_block();

    say(&block, CAI_STATE_QUARANTINED);
    note(&block, true);
    cai_look(CAI_LOOK_BY_AGE);
    require(waits(&block));
    cai_look(CAI_LOOK_BY_AGE);
    require(!waits(&block));
    require_null(audit_heap());
}

static void *free_all(void *blocks)
{
    for (void **block = blocks; *block != NULL; block++)
        ca_free(*block);
    return NULL;
}

/* Who frees is not alone; who looks is, perhaps. */
CHILD_TEST(test_R3_what_a_thread_freed_that_is_gone_is_looked_for, 60)
{
    static void *blocks[1001];
    static uint8_t *states[1000];
    pthread_t thread;

    for (unsigned i = 0; i < 1000; i++) {
        require((blocks[i] = ca_malloc(BYTES)) != NULL);
        states[i] = cai_find_live(CAI_PLACE_ordinary, blocks[i]).state;
    }
    cai_quarantine_release();
    require(pthread_create(&thread, NULL, free_all, blocks) == 0 && pthread_join(thread, NULL) == 0);
    cai_quarantine_release();
    for (unsigned i = 0; i < 1000; i++)
        require(!cai_state_waits(cai_load_relaxed(states[i])));
    require_null(audit_heap());
}

/* Nobody knows what a thread had noted that is not there. */
CHILD_TEST(test_R3_the_child_of_a_fork_looks_at_all, 60)
{
    struct stopped block = settled_block();

    say(&block, CAI_STATE_QUARANTINED);
    cai_quarantine_repair();
    cai_quarantine_release();
    require(!waits(&block));
    require_null(audit_heap());
}

static sem_t has_stopped;

static void stop_for_good(int signal)
{
    (void)signal;
    sem_post(&has_stopped);
    for (;;)
        pause();
}

static void *look(void *unused)
{
    cai_quarantine_release();
    return unused;
}

/* Of the page with the block's state byte. */
static void protect(const struct stopped *block, int protection)
{
    uintptr_t page = cai_round_down((uintptr_t)block->state, cai_settings->page_bytes);

    require(mprotect((void *)page, cai_settings->page_bytes, protection) == 0);
}

/* Another thread looks, and stops where it reads the states of the block's slab; it has made the block free. */
static void stop_in_a_look(const struct stopped *block)
{
    require(sem_init(&has_stopped, 0, 0) == 0 && signal(SIGSEGV, stop_for_good) != SIG_ERR);
    protect(block, PROT_NONE);
    thread_start(look, NULL);
    require(sem_wait(&has_stopped) == 0);
    protect(block, PROT_READ | PROT_WRITE);
    say(block, CAI_STATE_IN_SLAB | CAI_STATE_ZERO);
}

/* A handler that forks has interrupted a thread which waits to look: in the child it looks before it comes to what the
 * one that looked has left. */
CHILD_TEST(test_D7_the_child_of_a_fork_looks_where_a_look_was_lost, 60)
{
    struct stopped block = settled_block();
    int status;

    say(&block, CAI_STATE_CANDIDATE);
    note(&block, true);
    stop_in_a_look(&block);
    cai_locks_count(1); /* as who waits for a lock */
    pid_t child = fork();
    require(child >= 0);
    if (child > 0) {
        require(waitpid(child, &status, 0) == child);
        _exit(status != 0); /* the other one stands there for good */
    }
    signal(SIGSEGV, SIG_DFL);
    cai_quarantine_release();
    cai_locks_count(-1u);
    ca_free(ca_malloc(100000));
    require_null(audit_heap());
    _exit(0);
}

CHILD_TEST(test_R8_what_is_not_looked_at_is_live_all_the_same, 60)
{
    enum { BLOCKS = 100000, LONG = 1024 };
    static void *live[BLOCKS];

    for (unsigned i = 0; i < BLOCKS; i++)
        require((live[i] = ca_malloc(LONG)) != NULL);
    struct cai_looked first = cai_look(CAI_LOOK_GATHER);
    struct cai_looked second = cai_look(CAI_LOOK_GATHER);
    require(first.live >= (size_t)BLOCKS * LONG && first.live <= (size_t)BLOCKS * LONG + MIB);
    require(second.live == first.live);
    for (unsigned i = 0; i < BLOCKS; i++)
        ca_free(live[i]);
    require(cai_look(CAI_LOOK_GATHER).live < MIB);
}

int main(void)
{
    setenv("CAPALLOC_OPTIONS", "", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_R8_a_look_reads_only_where_something_was_freed),
        cmocka_unit_test(test_R3_a_look_in_the_middle_of_a_free_does_not_forget_it),
        cmocka_unit_test(test_R3_what_one_of_many_freed_is_looked_for),
        cmocka_unit_test(test_R3_what_a_look_leaves_is_looked_at_again),
        cmocka_unit_test(test_R3_what_a_thread_freed_that_is_gone_is_looked_for),
        cmocka_unit_test(test_R3_the_child_of_a_fork_looks_at_all),
        cmocka_unit_test(test_D7_the_child_of_a_fork_looks_where_a_look_was_lost),
        cmocka_unit_test(test_R8_what_is_not_looked_at_is_live_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
