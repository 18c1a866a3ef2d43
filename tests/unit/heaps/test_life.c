/* The life of the library, its threads and its process: started once, a heap for each thread, and what threads leave
 * when they end or are lost in a fork.
 */
#include "unit/unit.h"

#include "blocks/large.h"
#include "core/settings.h"
#include "heaps/heaps.h"
#include "heaps/remote.h"
#include "os/os.h"
#include "pages/geometry.h"
#include "support/audit.h"
#include "support/grants.h"
#include "support/many.h"
#include "support/own_heap.h"
#include "support/threads.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- start --- */

CHILD_TEST(test_D3_the_first_comer_starts_the_library, 10)
{
    require(cai_sealed.places == 0 && cai_self == &cai_thread_none);
    require(cai_life_start() && cai_sealed.places != 0 && cai_life_start());
    require(cai_self == &cai_thread_none && cai_registry_first() == NULL); /* no heap without need */
}

static struct cai_thread *threads_there[8];

static void *attach_there(void *slot)
{
    *(struct cai_thread **)slot = cai_life_attach();
    return NULL;
}

/* However many come first at once, there is one library and a heap for each. */
CHILD_TEST(test_D3_many_first_comers, 20)
{
    pthread_t threads[8];

    for (unsigned i = 0; i < 8; i++)
        threads[i] = thread_start(attach_there, &threads_there[i]);
    for (unsigned i = 0; i < 8; i++)
        thread_join(threads[i]);
    for (unsigned i = 0; i < 8; i++)
        require(threads_there[i] != NULL && cai_thread_has_heap(threads_there[i]));
    require(cai_registry_threads() == 0);
    require_null(audit_all());
}

CHILD_TEST(test_a_thread_has_one_heap, 10)
{
    struct cai_thread *thread = cai_life_attach();

    require(thread != NULL && thread == cai_self && cai_life_attach() == thread && cai_registry_threads() == 1);
    cai_self = &cai_thread_gone;
    require(cai_life_attach() == NULL); /* it is ending */
    cai_self = thread;
}

static void fail_to_start(void)
{
    require(!cai_life_start() && !cai_life_start() && cai_life_attach() == NULL);
    require(cai_allocate(CAI_PLACE_ordinary, 10, false) == NULL);
    require(cai_allocate(CAI_PLACE_ordinary, 100000, false) == NULL && cai_registry_first() == NULL);
}

static void start_second(const void *unused)
{
    (void)unused;
    require(cai_pages_start() == CAI_PAGES_STARTED); /* as another copy of the library has done */
    fail_to_start();
}

static void start_without_room(const void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < CAI_GEOMETRIES; i++) /* somebody else has some of each, if nobody has yet */
        cai_os_map(cai_geometries[i].tables, CAI_PAGE_BYTES_MAX, false);
    fail_to_start();
}

/* Once; and all allocations fail. */
static void test_D5_it_says_that_there_are_no_addresses(void **state)
{
    struct child child;

    (void)state;
    child_run(&child, 10, start_without_room, NULL);
    assert_true(child_succeeded(&child));
    assert_string_equal(child.text, "capalloc: no-addresses: no part of the address space is free enough for the heap; "
                                    "there will be no memory\n");
}

static void test_D3_it_says_that_it_is_the_second(void **state)
{
    struct child child;

    (void)state;
    child_run(&child, 10, start_second, NULL);
    assert_true(child_succeeded(&child));
    assert_string_equal(child.text, "capalloc: second-engine: another copy of the library is at work in this process; "
                                    "this one gives no memory\n");
}

/* --- the end of a thread --- */

enum { WARM = 8, CLASS = 7 };

static struct steps steps = STEPS_INIT;
static void *foreign;
static unsigned arrived;
static struct cai_grant grant;

/* Leaves slots in a bin, a large block, an account, and a free in another thread's slab that was not told. */
static void *leave_things(void *slot)
{
    ca_error error;

    *(struct cai_thread **)slot = cai_life_attach();
    require(cai_allocate_for(&grant, CAI_PLACE_secret, 100, 8, false, &error) != NULL);
    give(take(100));
    give(take(100000));
    require(cai_self_heap()->kept_units != 0 && cai_self_heap()->refills[CAI_PLACE_ordinary][CLASS].slots != 0);
    if (foreign != NULL)
        give(foreign);
    foreign = NULL;
    return NULL;
}

CHILD_TEST(test_a_thread_that_ends_tells_and_gives_back, 10)
{
    struct cai_thread *there;

    foreign = take(100);
    grant = grant_new(SIZE_MAX);
    struct cai_unit *slab = cai_live_run(own_live(CAI_PLACE_ordinary, foreign));
    in_thread(leave_things, &there);
    require(there->orphan && there->pending == 0 && slab->remote == 1);
    require(there->owner.heap.kept_units == 0 && there->owner.heap.refills[CAI_PLACE_ordinary][CLASS].slots == 0);
    require(cai_bin_count(&there->owner.heap.bins[CAI_PLACE_ordinary][CLASS]) != 0); /* for who comes next */
    require(cai_registry_warm() == 1 && cai_registry_threads() == 1);
    require(cai_registry_first_account()->holder == NULL);
    require_null(audit_all());
}

static void *leave_together(void *slot)
{
    leave_things(slot);
    step_reach(&steps, cai_add_relaxed(&arrived, 1) + 1);
    step_await(&steps, WARM + 3);
    return NULL;
}

/* Eight stay warm; the bins of those that come later are emptied. */
CHILD_TEST(test_D6_so_many_stay_warm, 20)
{
    enum { THREADS = WARM + 2 };
    struct cai_thread *there[THREADS];
    pthread_t threads[THREADS];
    unsigned warm = 0;

    require(cai_life_attach() != NULL);
    grant = grant_new(SIZE_MAX);
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = thread_start(leave_together, &there[i]);
        step_await(&steps, i + 1);
    }
    step_reach(&steps, WARM + 3);
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    for (unsigned i = 0; i < THREADS; i++)
        warm += cai_bin_count(&there[i]->owner.heap.bins[CAI_PLACE_ordinary][CLASS]) != 0;
    require(warm == WARM && cai_registry_warm() == WARM);
    require_null(audit_all());
}

static uint32_t id_there;

static void *take_many_there(void *unused)
{
    take_many(200);
    id_there = cai_self_heap()->id;
    return unused;
}

static void *note_id(void *unused)
{
    give(take(16));
    id_there = cai_self_heap()->id;
    return unused;
}

CHILD_TEST(test_thread_exit_and_adoption, 60)
{
    give(take(16));
    uint64_t threads = cai_registry_threads();
    in_thread(take_many_there, NULL);
    require(cai_registry_threads() == threads);
    require_null(audit_all());
    check_many(200); /* its blocks outlive it */
    uint32_t first = id_there;
    require(first != cai_self_heap()->id);
    give_many();
    require_null(audit_all());
    in_thread(note_id, NULL); /* the heap is adopted */
    require(id_there == first);
    require_null(audit_all());
    cai_housekeeping_trim();
    require(used_units() == 0);
    require_null(audit_all());
}

static void *take_and_give_there(void *unused)
{
    take_many(300);
    give_many();
    void *large = take(3000000);
    give(large);
    return unused;
}

CHILD_TEST(test_D6_trim_takes_what_dead_threads_left, 60)
{
    for (unsigned i = 0; i < 5; i++)
        in_thread(take_and_give_there, NULL);
    require_null(audit_all());
    cai_housekeeping_trim();
    require(used_units() == 0);
    require_null(audit_all());
}

static pthread_key_t key;

/* Destructors of thread-local storage may run after the heap's own. */
static void in_destructor(void *block)
{
    static __thread unsigned rounds;

    give(block);
    if (rounds++ < 3)
        pthread_setspecific(key, take(60));
    void *large = take(2000000);
    memset(large, 1, 2000000);
    give(large);
    give(take(6000));
}

static void *with_destructor(void *unused)
{
    pthread_setspecific(key, take(50));
    return unused;
}

static void late_destructors(const void *unused)
{
    (void)unused;
    require(cai_life_start()); /* our key comes after the heap's */
    require(pthread_key_create(&key, in_destructor) == 0);
    for (unsigned i = 0; i < 5; i++)
        in_thread(with_destructor, NULL);
    require(cai_registry_threads() <= 2);
    require_null(audit_all());
    cai_housekeeping_trim();
    require_null(audit_all());
}

static void test_D3_destructors_of_threads(void **state)
{
    (void)state;
#if defined(__SANITIZE_THREAD__)
    skip(); /* the sanitizer's own thread ends before the last round of destructors */
#endif
    assert_child(60, late_destructors, NULL);
}

/* --- fork --- */

/* A thread that will not be there in a child, with everything that a thread can have. */
static void *be_lost(void *slot)
{
    leave_things(slot);
    cai_self->pending_slab = cai_live_run(own_live(CAI_PLACE_ordinary, take(100)));
    cai_self->pending = 3;
    step_reach(&steps, 1);
    step_await(&steps, 2);
    cai_self->pending_slab = NULL;
    cai_self->pending = 0;
    return NULL;
}

static void check_child(struct cai_thread *own, struct cai_thread *lost)
{
    require(cai_self == own && !own->orphan && cai_registry_threads() == 1);
    require(lost->orphan && lost->pending == 0 && lost->pending_slab == NULL && lost->owner.heap.kept_units == 0);
    require(cai_cache_bytes(&lost->owner.heap) == 0 && cai_registry_warm() == 0); /* cold: what it had is not known */
    CAI_FOR_ACCOUNTS(account) require(account->holder == NULL);
    require_null(audit_all());
    require(cai_registry_adopt() == lost); /* the next thread would */
    cai_registry_orphan(lost, false, 0);
    take_many(100);
    give_many();
    cai_housekeeping_trim();
    require_null(audit_all());
}

/* The child has the heaps of threads that are not there, and the parent goes on as if nothing had been. */
CHILD_TEST(test_D3_a_child_inherits_the_heaps_of_lost_threads, 20)
{
    struct cai_thread *there;
    int status;

    struct cai_thread *own = cai_life_attach();
    grant = grant_new(SIZE_MAX);
    pthread_t thread = thread_start(be_lost, &there);
    step_await(&steps, 1);
    pid_t pid = fork();
    if (pid == 0) {
        check_child(own, there);
        _exit(0);
    }
    require(waitpid(pid, &status, 0) == pid && status == 0);
    require(!there->orphan && there->pending == 3 && cai_registry_threads() == 2);
    step_reach(&steps, 2);
    thread_join(thread);
    take_many(100);
    give_many();
    cai_housekeeping_trim();
    require_null(audit_all());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D3_the_first_comer_starts_the_library),
        cmocka_unit_test(test_D3_many_first_comers),
        cmocka_unit_test(test_a_thread_has_one_heap),
        cmocka_unit_test(test_D5_it_says_that_there_are_no_addresses),
        cmocka_unit_test(test_D3_it_says_that_it_is_the_second),
        cmocka_unit_test(test_a_thread_that_ends_tells_and_gives_back),
        cmocka_unit_test(test_D6_so_many_stay_warm),
        cmocka_unit_test(test_thread_exit_and_adoption),
        cmocka_unit_test(test_D6_trim_takes_what_dead_threads_left),
        cmocka_unit_test(test_D3_destructors_of_threads),
        cmocka_unit_test(test_D3_a_child_inherits_the_heaps_of_lost_threads),
    };

    setenv(CAI_SETTINGS_ENV, "decay=3600000", 1); /* so that nothing goes back by itself meanwhile */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
