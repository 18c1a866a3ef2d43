/* Remote frees: their number goes home in groups, to whoever owns the slab by then. */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "heaps/owned.h"
#include "heaps/remote.h"
#include "support/audit.h"
#include "support/many.h"
#include "support/own_heap.h"
#include "support/pending.h"
#include "support/threads.h"

static struct cai_thread *owner, *freer;
static struct cai_unit *slab, *second;

static struct cai_unit *slab_of(const void *block)
{
    return cai_live_run(own_live(CAI_PLACE_ordinary, block));
}

/* A slab that the owner has not had. */
static struct cai_unit *slab_of_class(unsigned size_class)
{
    struct cai_unit *of;

    do
        of = slab_of(own_take_class(&owner->owner.heap, CAI_PLACE_ordinary, size_class));
    while (of == slab || of == second);
    return of;
}

/* Two slabs of one heap, and a thread that has none of them. */
static void start(void)
{
    start_pages();
    owner = cai_registry_adopt();
    freer = cai_registry_adopt();
    slab = slab_of(own_take_class(&owner->owner.heap, CAI_PLACE_ordinary, 1));
    second = slab_of(own_take_class(&owner->owner.heap, CAI_PLACE_ordinary, 2));
}

/* Told to the owner, and so many in all. */
static bool is_told(const struct cai_unit *of, uint32_t count)
{
    return of->remote == count && of->returned == (count != 0);
}

static void note(struct cai_unit *of)
{
    struct cai_pending *pending = cai_remote_pending(freer, of->size_class);

    cai_remote_prepare(freer, pending, of);
    if (cai_remote_note(pending, cai_zone_grain(of->zone)))
        cai_remote_publish_one(freer, pending);
}

/* Of this slab and no other of the class. */
static bool is_pending(const struct cai_unit *of, uint32_t count)
{
    const struct cai_pending *pending = cai_remote_pending(freer, of->size_class);

    return pending->slab == of && pending->count == count;
}

CHILD_TEST(test_frees_in_one_slab_are_told_together, 10)
{
    start();
    struct cai_unit *third = slab_of_class(1);
    for (unsigned i = 0; i < CAI_PENDING_MAX; i++)
        note(slab);
    require(is_told(slab, 0) && is_pending(slab, CAI_PENDING_MAX));
    note(slab); /* one too many to keep */
    require(is_told(slab, CAI_PENDING_MAX) && is_pending(slab, 1));
    note(second); /* of another class: each has its own */
    require(is_told(slab, CAI_PENDING_MAX) && is_pending(slab, 1) && is_pending(second, 1));
    note(third); /* another slab of the first one's class */
    require(is_told(slab, CAI_PENDING_MAX + 1) && is_pending(third, 1) && is_pending(second, 1));
    cai_remote_publish(freer);
    require(is_told(third, 1) && is_told(second, 1) && pending_in(freer, NULL) == 0);
    require(cai_remote_pending(freer, 1)->slab == NULL && cai_remote_pending(freer, 2)->slab == NULL);
    cai_remote_publish(freer); /* nothing more to tell */
    require(is_told(second, 1) && is_told(third, 1) && is_told(slab, CAI_PENDING_MAX + 1));
    require(owner->owner.heap.returned == second && second->next_returned == third && third->next_returned == slab);
}

/* Whose memory waits for it. */
CHILD_TEST(test_long_slots_are_told_one_by_one, 10)
{
    start();
    struct cai_unit *coarse = slab_of_class(CAI_CLASS_LAST);
    for (unsigned i = 1; i < CAI_PENDING_MAX; i++) {
        note(coarse);
        require(is_told(coarse, i) && cai_remote_pending(freer, CAI_CLASS_LAST)->slab == NULL);
    }
}

/* A handler that forks has interrupted a free between its two halves, and in the child the heap was counted anew. */
CHILD_TEST(test_D7_what_was_counted_in_the_middle_is_counted_once_more, 10)
{
    start();
    struct cai_heap *heap = &owner->owner.heap;
    struct cai_pending *pending = cai_remote_pending(freer, 1);
    struct cai_live live = own_live(CAI_PLACE_ordinary, own_take_class(heap, CAI_PLACE_ordinary, 1));
    cai_self = freer;
    cai_remote_prepare(freer, pending, slab);
    *live.state = CAI_STATE_IN_SLAB;
    note(second); /* of the same heap, and before */
    cai_lock_take(&heap->lock);
    cai_cache_recount(heap, slab, NULL);
    cai_remote_counted(heap);
    cai_lock_give(&heap->lock);
    uint32_t used = slab->used;
    (void)cai_remote_note(pending, CAI_FINE);
    cai_remote_publish(freer);
    cai_cache_collect(heap, true);
    require(cai_live_run(live) == slab && slab->used == used && used == cai_cache_count(slab));
    require(second->used == cai_cache_count(second));
}

/* The same where the thread had told and was about to say that it has no slab in hand. */
CHILD_TEST(test_D7_what_was_counted_at_the_end_of_telling, 10)
{
    start();
    struct cai_pending *pending = cai_remote_pending(freer, 1);
    cai_self = freer;
    cai_remote_prepare(freer, pending, slab);
    cai_remote_counted(&owner->owner.heap);
    pending->slab = NULL;
    uint32_t used = slab->used;
    *own_live(CAI_PLACE_ordinary, own_take_class(&owner->owner.heap, CAI_PLACE_ordinary, 1)).state = CAI_STATE_IN_SLAB;
    note(slab);
    cai_remote_publish(freer);
    cai_cache_collect(&owner->owner.heap, true);
    require(slab->used == used - 1 && slab->used == cai_cache_count(slab) && !pending->uncertain);
}

CHILD_TEST(test_one_at_once, 10)
{
    start();
    uint32_t used = slab->used;
    cai_remote_tell(slab, 1);
    require(is_told(slab, 1) && owner->owner.heap.returned == slab);
    cai_cache_collect(&owner->owner.heap, true);
    require(is_told(slab, 0) && slab->used == used - 1 && owner->owner.heap.returned == NULL);
}

/* A slab that has just ended is nobody's: there is nobody to tell. */
CHILD_TEST(test_a_slab_without_owner, 10)
{
    start();
    cai_view_of(slab->zone)->owner[cai_unit_number(slab)].id = 0;
    cai_remote_tell(slab, 1);
    require(slab->remote == 1 && slab->returned == 0 && owner->owner.heap.returned == NULL);
}

/* Told to one heap, and another's when that one looks. */
CHILD_TEST(test_what_came_to_the_wrong_heap_is_sent_on, 10)
{
    start();
    struct cai_heap *heir = &freer->owner.heap;
    cai_remote_forward(&owner->owner.heap); /* nothing there */
    cai_slab_remote_free(slab, 2, &owner->owner.heap);
    cai_slab_remote_free(second, 1, &owner->owner.heap);
    for (uint32_t i = 0; i < slab->units; i++)
        cai_view_of(slab->zone)->owner[cai_unit_number(slab) + i].id = heir->id;
    uint32_t used = slab->used;
    cai_cache_collect(&owner->owner.heap, true);
    require(is_told(second, 0) && slab->remote == 2 && slab->used == used);
    require(owner->owner.heap.strays == slab && heir->returned == NULL);
    cai_remote_forward(&owner->owner.heap);
    require(owner->owner.heap.strays == NULL && heir->returned == slab && is_told(slab, 2));
    heir->slabs[CAI_PLACE_ordinary][1] = owner->owner.heap.slabs[CAI_PLACE_ordinary][1];
    cai_cache_collect(heir, true);
    require(is_told(slab, 0) && slab->used == used - 2 && cai_cache_strays(heir) == NULL);
}

/* What was told meanwhile to the right heap leaves nothing to send. */
CHILD_TEST(test_a_stray_without_news_is_let_go, 10)
{
    start();
    cai_slab_remote_free(slab, 0, &owner->owner.heap);
    cai_view_of(slab->zone)->owner[cai_unit_number(slab)].id = freer->owner.heap.id;
    cai_cache_collect(&owner->owner.heap, true);
    require(owner->owner.heap.strays == slab && slab->returned != 0);
    cai_remote_forward(&owner->owner.heap);
    require(slab->returned == 0 && freer->owner.heap.returned == NULL && owner->owner.heap.strays == NULL);
}

static void *give_many_there(void *unused)
{
    check_many(100);
    give_many();
    return unused;
}

CHILD_TEST(test_remote_frees_come_home, 60)
{
    take_many(100);
    in_thread(give_many_there, NULL);
    require_null(audit_all());
    for (unsigned i = 0; i < MANY; i++) {
        struct cai_lookup there = cai_find_any(many_blocks[i]);
        require(there.found == CAI_FOUND_FREED || there.found == CAI_FOUND_UNUSED);
    }
    size_t before = used_units();
    take_many(100); /* the same memory, not new one */
    require(used_units() <= before);
    check_many(100);
    require_null(audit_all());
    give_many();
    cai_housekeeping_trim();
    require(used_units() == 0);
    require_null(audit_all());
}

enum { GIVEN = 1, ENDS, EACH = 20 };
static struct steps steps = STEPS_INIT;
static void *long_blocks[CAI_CLASSES][EACH];

static void *give_long_and_sleep(void *unused)
{
    for (unsigned i = CAI_CLASS_FINE_LAST + 1; i < CAI_CLASSES; i++)
        for (unsigned j = 0; j < EACH; j++)
            give(long_blocks[i][j]);
    step_reach(&steps, GIVEN);
    step_await(&steps, ENDS);
    return unused;
}

/* A thread that frees a block of each size and does nothing more keeps the memory of none. */
CHILD_TEST(test_D6_what_a_sleeping_thread_has_freed_goes_back_when_asked, 60)
{
    for (unsigned i = CAI_CLASS_FINE_LAST + 1; i < CAI_CLASSES; i++)
        for (unsigned j = 0; j < EACH; j++)
            long_blocks[i][j] = take(cai_class_bytes(i));
    pthread_t sleeper = thread_start(give_long_and_sleep, NULL);
    step_await(&steps, GIVEN);
    cai_housekeeping_trim();
    require(cai_zones[ORDINARY_COARSE].used_units == 0);
    require_null(audit_all());
    step_reach(&steps, ENDS);
    thread_join(sleeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frees_in_one_slab_are_told_together),
        cmocka_unit_test(test_long_slots_are_told_one_by_one),
        cmocka_unit_test(test_D7_what_was_counted_in_the_middle_is_counted_once_more),
        cmocka_unit_test(test_D7_what_was_counted_at_the_end_of_telling),
        cmocka_unit_test(test_one_at_once),
        cmocka_unit_test(test_a_slab_without_owner),
        cmocka_unit_test(test_what_came_to_the_wrong_heap_is_sent_on),
        cmocka_unit_test(test_a_stray_without_news_is_let_go),
        cmocka_unit_test(test_remote_frees_come_home),
        cmocka_unit_test(test_D6_what_a_sleeping_thread_has_freed_goes_back_when_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
