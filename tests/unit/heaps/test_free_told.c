/* A foreign free tells the slab of its slot before the account is credited for it. In between, a thread that is short
 * of memory ends the slab, and another class takes its place: the credit is still for the block that was freed.
 */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "heaps/remote.h"
#include "heaps/tree.h"
#include "support/audit.h"
#include "support/grants.h"
#include "support/own_heap.h"
#include "support/threads.h"

static const struct sizes {
    size_t freed, next; /* of the block, and of those that take the place of its slab */
} sizes[] = {{20000, 3000}, {3000, 20000}, {16, 1000}};

enum { TOLD = 1, REPLACED, MOST = 1000 };
static struct steps steps = STEPS_INIT;
static bool stops; /* after the slab has been told */

void __real_cai_remote_publish_one(struct cai_thread *thread, struct cai_pending *pending);
void __wrap_cai_remote_publish_one(struct cai_thread *thread, struct cai_pending *pending);
void __wrap_cai_remote_publish_one(struct cai_thread *thread, struct cai_pending *pending)
{
    bool tells = pending->count != 0;

    __real_cai_remote_publish_one(thread, pending);
    if (!stops || !tells)
        return;
    stops = false;
    step_reach(&steps, TOLD);
    step_await(&steps, REPLACED);
}

static void *give(void *block)
{
    cai_free(CAI_PLACE_ordinary, block, "free");
    return NULL;
}

static struct cai_live live_of(const void *block)
{
    return own_live(CAI_PLACE_ordinary, block);
}

/* Its unit is one of a slab for blocks of so many bytes. */
static void replace(const struct cai_unit *slab, size_t bytes)
{
    for (unsigned taken = 0; taken < MOST; taken++) {
        void *block = cai_allocate(CAI_PLACE_ordinary, bytes, false);
        require(block != NULL);
        if (cai_live_run(live_of(block)) == slab)
            return;
    }
    require(false);
}

/* All credit taken back. */
static size_t owed(const struct cai_grant *grant)
{
    cai_account_reclaim(grant->node);
    return cai_node_at(grant->node)->charged;
}

static void *take(const struct cai_grant *grant, enum cai_place place, size_t bytes)
{
    ca_error error;
    void *block = cai_allocate_for(grant, place, bytes, 8, false, &error);

    require(block != NULL);
    return block;
}

CHILD_TEST_EACH(test_C6_a_slab_that_ends_once_it_is_told, 20, sizes)
{
    require(cai_life_attach() != NULL);
    struct cai_grant grant = grant_new(SIZE_MAX);
    void *stays = take(&grant, CAI_PLACE_nocaps, 100000); /* else too much credit would be cut off at nothing */
    size_t before = owed(&grant);
    void *block = take(&grant, CAI_PLACE_ordinary, value.freed);
    const struct cai_unit *slab = cai_live_run(live_of(block));
    uint8_t size_class = slab->size_class;
    cai_housekeeping_trim(); /* the bins: the slab has no other block out */

    stops = true;
    pthread_t freer = thread_start(give, block);
    step_await(&steps, TOLD);
    cai_housekeeping_trim();
    replace(slab, value.next);
    require(slab->size_class != size_class);
    step_reach(&steps, REPLACED);
    thread_join(freer);

    require(owed(&grant) == before);
    cai_free(CAI_PLACE_nocaps, stays, "free");
    require(owed(&grant) == 0);
    require_null(audit_all());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C6_a_slab_that_ends_once_it_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
