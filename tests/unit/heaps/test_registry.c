/* The registry: numbers of two kinds that always lead to a heap, heaps that outlive their threads and are adopted, the
 * warmest first, and the one heap that threads without their own share.
 */
#include "unit/unit.h"

#include "heaps/registry.h"
#include "pages/meta.h"
#include "support/pages.h"
#include "support/threads.h"

/* --- metadata memory that runs short, or is always the same --- */

static bool memory_is_short;
static void *same_memory; /* so that all numbers can be given without so much memory */

void *__real_cai_meta_allocate(size_t bytes);
void *__wrap_cai_meta_allocate(size_t bytes);

void *__wrap_cai_meta_allocate(size_t bytes)
{
    if (memory_is_short)
        return NULL;
    return same_memory != NULL ? same_memory : __real_cai_meta_allocate(bytes);
}

static struct cai_thread *adopt(void)
{
    struct cai_thread *thread = cai_registry_adopt();

    require(thread != NULL && !thread->orphan && cai_thread_has_heap(thread));
    return thread;
}

static struct cai_account *create(void)
{
    struct cai_account *account = cai_registry_create_account();

    require(account != NULL);
    return account;
}

/* --- numbers --- */

CHILD_TEST(test_numbers_tell_what_kind_a_heap_is, 10)
{
    start_pages();
    require(cai_registry_owner(0) == NULL && cai_registry_first() == NULL && cai_registry_first_account() == NULL);
    struct cai_thread *thread = adopt();
    struct cai_account *account = create();
    require(thread->owner.heap.id == 1 && account->owner.heap.id == CAI_ACCOUNTS);
    require(!cai_is_account(0) && !cai_is_account(CAI_ACCOUNTS - 1) && cai_is_account(CAI_ACCOUNTS));
    require(cai_registry_owner(1) == &thread->owner && cai_registry_owner(CAI_ACCOUNTS) == &account->owner);
    require(cai_registry_account(CAI_ACCOUNTS) == account);
    require(cai_registry_account(0) == NULL && cai_registry_account(1) == NULL);
    require(cai_registry_owner(2) == NULL && cai_registry_account(CAI_ACCOUNTS + 1) == NULL);
    require(!cai_thread_has_heap(&cai_thread_none) && !cai_thread_has_heap(&cai_thread_gone));
}

/* Both lists have all there are, the latest first. */
CHILD_TEST(test_lists_only_grow, 10)
{
    start_pages();
    struct cai_thread *one = adopt();
    struct cai_account *first = create();
    struct cai_thread *two = adopt();
    struct cai_account *second = create();
    cai_registry_orphan(one, true, 0);
    require(cai_registry_first() == &second->owner && second->owner.next == &two->owner);
    require(two->owner.next == &first->owner && first->owner.next == &one->owner && one->owner.next == NULL);
    require(cai_registry_first_account() == second && second->next_account == first && first->next_account == NULL);
}

/* The number of an ended thread's heap stands in the table of owners for as long as its blocks live. */
CHILD_TEST(test_numbers_of_ended_heaps_lead_to_them, 10)
{
    start_pages();
    struct cai_thread *thread = adopt();
    uint32_t number = thread->owner.heap.id;
    cai_registry_orphan(thread, false, 0);
    require(cai_registry_owner(number) == &thread->owner && thread->orphan);
    require(adopt() == thread && thread->owner.heap.id == number);
}

/* Who has made too many accounts takes no heap from new threads, nor the other way round. */
CHILD_TEST(test_numbers_run_out_for_each_kind_alone, 20)
{
    start_pages();
    struct cai_thread *thread = adopt();
    same_memory = cai_meta_allocate(sizeof(struct cai_account));
    for (uint32_t number = CAI_ACCOUNTS; number < CAI_OWNERS; number++)
        require(cai_registry_create_account() == same_memory && cai_registry_owner(number) == same_memory);
    require(cai_registry_create_account() == NULL && cai_registry_create_account() == NULL);
    same_memory = NULL;
    same_memory = cai_meta_allocate(sizeof(struct cai_thread));
    for (uint32_t number = 2; number < CAI_ACCOUNTS; number++)
        require(cai_registry_adopt() == same_memory && cai_registry_owner(number) == same_memory);
    uint64_t threads = cai_registry_threads();
    require(cai_registry_adopt() == NULL && cai_registry_threads() == threads);
    require(cai_is_account(cai_registry_account(CAI_ACCOUNTS)->owner.heap.id));
    cai_registry_orphan(thread, true, 0); /* one that waits is found all the same */
    require(adopt() == thread);
}

CHILD_TEST(test_memory_runs_short, 10)
{
    start_pages();
    memory_is_short = true;
    require(cai_registry_adopt() == NULL && cai_registry_create_account() == NULL);
    require(cai_registry_threads() == 0 && cai_registry_first() == NULL && cai_registry_first_account() == NULL);
    require(cai_registry_borrow(true) == NULL);
    memory_is_short = false;
    require(adopt()->owner.heap.id == 1 && create()->owner.heap.id == CAI_ACCOUNTS); /* no number was lost */
    require(cai_registry_borrow(true) != NULL);
    cai_registry_return();
}

/* --- heaps that wait --- */

CHILD_TEST(test_the_warmest_is_adopted_first, 10)
{
    struct cai_thread *threads[5];

    start_pages();
    for (unsigned i = 0; i < 5; i++)
        threads[i] = adopt();
    require(cai_registry_threads() == 5);
    cai_registry_orphan(threads[0], true, 10);
    cai_registry_orphan(threads[1], false, 20);
    cai_registry_orphan(threads[2], true, 30);
    cai_registry_orphan(threads[3], false, 40);
    require(cai_registry_threads() == 1 && cai_registry_warm() == 2);
    require(adopt() == threads[2] && adopt() == threads[0]); /* warm, the latest first */
    require(cai_registry_warm() == 0);
    require(adopt() == threads[3] && adopt() == threads[1]); /* then cold */
    require(cai_registry_threads() == 5);
    struct cai_thread *made = adopt(); /* then a new one */
    require(made->owner.heap.id == 6 && cai_registry_threads() == 6);
}

CHILD_TEST(test_D6_what_has_waited_warm_is_taken_by_its_age, 10)
{
    struct cai_thread *threads[4];

    start_pages();
    for (unsigned i = 0; i < 4; i++)
        threads[i] = adopt();
    require(cai_registry_take_warm(UINT64_MAX) == NULL);
    cai_registry_orphan(threads[0], true, 10);
    cai_registry_orphan(threads[1], true, 20);
    cai_registry_orphan(threads[2], false, 5);
    cai_registry_orphan(threads[3], true, 30);
    require(cai_registry_take_warm(9) == NULL && cai_registry_threads() == 0);
    require(cai_registry_take_warm(10) == threads[0] && !threads[0]->orphan && cai_registry_threads() == 1);
    require(cai_registry_take_warm(19) == NULL);
    require(cai_registry_take_warm(29) == threads[1]);
    require(cai_registry_warm() == 1);
    cai_registry_orphan(threads[0], false, 0); /* back, cold */
    cai_registry_orphan(threads[1], false, 0);
    require(cai_registry_take_warm(UINT64_MAX) == threads[3] && cai_registry_take_warm(UINT64_MAX) == NULL);
    require(cai_registry_threads() == 1);
}

/* --- the shared heap --- */

static struct steps steps = STEPS_INIT;
static bool returned;

static void *borrow_there(void *shared)
{
    step_reach(&steps, 1);
    require(cai_registry_borrow(false) == shared);
    require(cai_load_relaxed(&returned));
    cai_registry_return();
    return NULL;
}

CHILD_TEST(test_the_shared_heap_is_one_and_for_one_at_a_time, 20)
{
    start_pages();
    require(cai_registry_borrow(false) == NULL); /* not made without need */
    struct cai_thread *shared = cai_registry_borrow(true);
    require(shared != NULL && cai_thread_has_heap(shared) && cai_registry_threads() == 0);
    pthread_t thread = thread_start(borrow_there, shared);
    step_await(&steps, 1);
    pause_ms(50);
    cai_store_relaxed(&returned, true);
    cai_registry_return();
    thread_join(thread);
    require(cai_registry_borrow(true) == shared);
    cai_registry_return();
    require(adopt() != shared);
}

/* --- fork --- */

static enum cai_lock_inherited inherited = CAI_LOCK_LOST;

/* Every lock was held by a thread that is not there, or none was. */
enum cai_lock_inherited __wrap_cai_lock_inherit(struct cai_lock *lock);
enum cai_lock_inherited __wrap_cai_lock_inherit(struct cai_lock *lock)
{
    lock->word = CAI_LOCK_FREE;
    return inherited;
}

/* Whatever a thread that is not there was about to link. */
CHILD_TEST(test_D7_the_lists_are_made_anew, 20)
{
    start_pages();
    struct cai_thread *thread = adopt();
    struct cai_account *account = create();
    thread->owner.next = NULL;
    account->owner.next = NULL;
    cai_registry_hold(NULL); /* it has another thread */
    require(cai_registry_repair());
    unsigned owners = 0;
    for (struct cai_owner *owner = cai_registry_first(); owner != NULL; owner = owner->next)
        owners++;
    require(owners == 2 && cai_registry_first_account() == account && account->next_account == NULL);
    require(cai_registry_next_lost(NULL) == thread);
}

/* Those whose thread is not there: neither this one's nor the shared one, nor what waits already, nor accounts. */
CHILD_TEST(test_D3_lost_heaps_are_found_in_a_child, 10)
{
    struct cai_thread *threads[4];

    start_pages();
    inherited = CAI_LOCK_WAS_FREE;
    require(!cai_registry_repair() && cai_registry_next_lost(NULL) == NULL);
    for (unsigned i = 0; i < 4; i++)
        threads[i] = adopt();
    create();
    require(cai_registry_borrow(true) != NULL);
    cai_registry_return();
    cai_self = threads[1];
    cai_registry_orphan(threads[2], true, 0);
    require(cai_registry_repair());
    require(cai_registry_next_lost(NULL) == threads[3]);
    require(cai_registry_next_lost(&threads[3]->owner) == threads[0]);
    require(cai_registry_next_lost(&threads[0]->owner) == NULL);
}

/* A signal handler forks while its thread is about to leave a heap, or has just got one. */
CHILD_TEST(test_D7_a_heap_between_is_not_lost, 10)
{
    start_pages();
    inherited = CAI_LOCK_WAS_FREE;
    struct cai_thread *first = adopt();
    cai_registry_repair();
    require(cai_registry_next_lost(NULL) == NULL);
    cai_self = first;
    struct cai_thread *second = adopt();
    cai_registry_hold(first);
    cai_self = &cai_thread_gone;
    cai_registry_repair();
    require(cai_registry_next_lost(NULL) == second && cai_registry_next_lost(&second->owner) == NULL);
    cai_registry_orphan(first, false, 0);
    cai_registry_repair();
    require(!first->owner.lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_tell_what_kind_a_heap_is),
        cmocka_unit_test(test_lists_only_grow),
        cmocka_unit_test(test_numbers_of_ended_heaps_lead_to_them),
        cmocka_unit_test(test_numbers_run_out_for_each_kind_alone),
        cmocka_unit_test(test_memory_runs_short),
        cmocka_unit_test(test_the_warmest_is_adopted_first),
        cmocka_unit_test(test_D6_what_has_waited_warm_is_taken_by_its_age),
        cmocka_unit_test(test_the_shared_heap_is_one_and_for_one_at_a_time),
        cmocka_unit_test(test_D7_the_lists_are_made_anew),
        cmocka_unit_test(test_D3_lost_heaps_are_found_in_a_child),
        cmocka_unit_test(test_D7_a_heap_between_is_not_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
