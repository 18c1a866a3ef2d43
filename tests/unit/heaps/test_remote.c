/* Remote frees: their number goes home in groups, to whoever owns the slab by then. */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "heaps/owned.h"
#include "heaps/remote.h"
#include "support/audit.h"
#include "support/many.h"
#include "support/own_heap.h"
#include "support/threads.h"

enum { GROUP = 64 };

static struct cai_thread *owner, *freer;
static struct cai_unit *slab, *second;

static struct cai_unit *slab_of(const void *block)
{
    return cai_live_run(own_live(CAI_PLACE_ordinary, block));
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
    cai_remote_prepare(freer, of);
    cai_remote_note(freer);
}

CHILD_TEST(test_frees_in_one_slab_are_told_together, 10)
{
    start();
    for (unsigned i = 0; i < GROUP; i++)
        note(slab);
    require(is_told(slab, 0) && freer->pending == GROUP && freer->pending_slab == slab);
    note(slab); /* one too many to keep */
    require(is_told(slab, GROUP) && freer->pending == 1 && freer->pending_slab == slab);
    note(second); /* another slab */
    require(is_told(slab, GROUP + 1) && freer->pending == 1 && freer->pending_slab == second);
    cai_remote_publish(freer);
    require(is_told(second, 1) && freer->pending == 0 && freer->pending_slab == NULL);
    cai_remote_publish(freer); /* nothing more to tell */
    require(is_told(second, 1) && is_told(slab, GROUP + 1));
    require(owner->owner.heap.returned == second && second->next_returned == slab && slab->next_returned == NULL);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frees_in_one_slab_are_told_together),
        cmocka_unit_test(test_one_at_once),
        cmocka_unit_test(test_a_slab_without_owner),
        cmocka_unit_test(test_what_came_to_the_wrong_heap_is_sent_on),
        cmocka_unit_test(test_a_stray_without_news_is_let_go),
        cmocka_unit_test(test_remote_frees_come_home),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
