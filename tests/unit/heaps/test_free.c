/* Giving back: every block to whose it is, cleared where that was promised, and nothing else taken for one. */
#include "unit/unit.h"

#include "core/settings.h"
#include "core/violation.h"
#include "heaps/heaps.h"
#include "os/os.h"
#include "support/audit.h"
#include "support/content.h"
#include "support/grants.h"
#include "support/own_heap.h"
#include "support/pending.h"
#include "support/refuse.h"
#include "support/threads.h"

#include <stdlib.h>

static const enum cai_place places[] = {CAI_PLACE_ordinary, CAI_PLACE_nocaps, CAI_PLACE_mustzero, CAI_PLACE_secret};
static const size_t sizes[] = {10, 100, 3000, 100000};
enum { SIZES = sizeof sizes / sizeof *sizes, SMALL = SIZES - 1, SLOT = 112 };

static char *take(enum cai_place place, size_t bytes)
{
    char *block = cai_allocate(place, bytes, false);

    require(block != NULL);
    memset(block, 0x5a, bytes);
    return block;
}

static char *take_for(const struct cai_grant *grant, enum cai_place place, size_t bytes)
{
    ca_error error;
    char *block = cai_allocate_for(grant, place, bytes, 8, false, &error);

    require(block != NULL);
    memset(block, 0x5a, bytes);
    return block;
}

static struct cai_bin *bin_of(struct cai_heap *heap, enum cai_place place, size_t bytes)
{
    return &heap->bins[place][cai_class_of(bytes)];
}

/* --- the thread's own --- */

CHILD_TEST_EACH(test_D2_null_is_nothing, 10, places)
{
    cai_free(value, NULL, "free"); /* before the start, too */
    take(value, 10);
    cai_free(value, NULL, "free");
    cai_free_slow(value, NULL, "free");
    require(cai_violation_count() == 0);
    require_null(audit_all());
}

CHILD_TEST_EACH(test_a_slot_goes_into_the_bin, 10, places)
{
    for (unsigned i = 0; i < SMALL; i++) {
        char *block = take(value, sizes[i]);
        struct cai_live live = own_live(value, block);
        const struct cai_bin *bin = bin_of(cai_self_heap(), value, sizes[i]);
        uint32_t count = cai_bin_count(bin);
        cai_free(value, block, "free");
        require(cai_bin_count(bin) == count + 1 && bin->base[count] == block);
        require(*live.state == cai_state_freed(value, CAI_STATE_CACHED));
        require(take(value, sizes[i]) == block);
    }
}

CHILD_TEST_EACH(test_a_large_block_is_kept, 10, places)
{
    char *block = take(value, 100000);
    const struct cai_unit *run = cai_live_run(own_live(value, block));
    cai_free(value, block, "free");
    require(cai_self_heap()->kept_units == run->units && run->kind == CAI_UNIT_LARGE);
    require(cai_find_live(value, block).state == NULL && take(value, 100000) == block);
}

/* Before it can be seen to be free; what was wiped is not cleared a second time. */
CHILD_TEST_EACH(test_Z2_Z9_cleared_where_it_must_be, 10, places)
{
    for (unsigned i = 0; i < SIZES; i++) {
        char *block = take(value, sizes[i]);
        size_t slot = cai_slot_bytes(own_live(value, block));
        memset(block, 0x5a, slot);
        uint64_t before = cai_self_heap()->bytes_cleared;
        cai_free(value, block, "free");
        require(content_is_zero(block, slot) == cai_place_zeroes(value));
        require(cai_self_heap()->bytes_cleared - before == (cai_place_zeroes(value) ? slot : 0));
        block = take(value, sizes[i]);
        memset(block, 0, slot);
        *own_live(value, block).state = CAI_STATE_WIPED;
        before = cai_self_heap()->bytes_cleared;
        cai_free(value, block, "free");
        require(cai_self_heap()->bytes_cleared == before);
        require_null(audit_all());
        require_null(audit_zeros(true));
    }
}

/* --- another heap's --- */

static enum cai_place place_there;
static char *blocks_there[SIZES];

static void *take_there(void *unused)
{
    for (unsigned i = 0; i < SIZES; i++)
        blocks_there[i] = take(place_there, sizes[i]);
    return unused;
}

CHILD_TEST_EACH(test_another_threads_slot_goes_into_its_slab, 10, places)
{
    place_there = value;
    require(cai_life_attach() != NULL); /* so as not to adopt that thread's heap */
    in_thread(take_there, NULL);
    for (unsigned i = 0; i < SMALL; i++) {
        struct cai_live live = own_live(value, blocks_there[i]);
        struct cai_unit *slab = cai_live_run(live);
        uint32_t count = cai_bin_count(bin_of(cai_self_heap(), value, sizes[i]));
        cai_free(value, blocks_there[i], "free");
        require(*live.state == cai_state_freed(value, CAI_STATE_IN_SLAB));
        bool is_long = cai_zone_grain(slab->zone) == CAI_COARSE;
        require(pending_in(cai_self, slab) == !is_long && slab->remote == is_long); /* told later, or at once */
        require(cai_bin_count(bin_of(cai_self_heap(), value, sizes[i])) == count);
    }
    char *large = blocks_there[SMALL]; /* goes to who freed it */
    uint32_t *owner = cai_live_owner(own_live(value, large));
    require(*owner != cai_self_heap()->id);
    cai_free(value, large, "free");
    require(*owner == cai_self_heap()->id && take(value, 100000) == large);
    require_null(audit_all());
    require_null(audit_zeros(true));
}

/* A thread that is ending has no bins and keeps no count. */
CHILD_TEST_EACH(test_D3_a_thread_without_a_heap_tells_at_once, 10, places)
{
    char *small = take(value, 100);
    char *large = take(value, 100000);
    struct cai_unit *slab = cai_live_run(own_live(value, small));
    struct cai_unit *run = cai_live_run(own_live(value, large));
    struct cai_thread *self = cai_self;
    cai_self = &cai_thread_gone;
    cai_free(value, small, "free");
    require(slab->remote == 1 && self->owner.heap.returned == slab);
    cai_free(value, large, "free");
    require(run->kind != CAI_UNIT_LARGE); /* to all */
    require(pending_in(&cai_thread_gone, NULL) == 0 && cai_thread_gone.owner.heap.bytes_cleared == 0);
    cai_self = self;
    require_null(audit_all());
}

static void *put_twice_there(void *block)
{
    struct cai_live live = cai_find_live(CAI_PLACE_ordinary, block);

    require(cai_free_slot(CAI_PLACE_ordinary, block, live));
    require(!cai_free_slot(CAI_PLACE_ordinary, block, live));
    return NULL;
}

/* Of two foreign threads that found a block live, the second is told. */
CHILD_TEST(test_V2_two_threads_free_one_block, 60)
{
    in_thread(put_twice_there, take(CAI_PLACE_ordinary, 80));
    char *large = take(CAI_PLACE_ordinary, 100000);
    struct cai_live live = own_live(CAI_PLACE_ordinary, large);
    require(cai_free_live(CAI_PLACE_ordinary, large, live));
    require(!cai_free_live(CAI_PLACE_ordinary, large, live));
    require_null(audit_all());
}

/* --- an account's --- */

static struct cai_grant grant;

static struct cai_account *account_of(enum cai_place place, const void *block)
{
    struct cai_account *account = cai_registry_account(*cai_live_owner(own_live(place, block)));

    require(account != NULL);
    return account;
}

/* By its holder into the account's bin: it stays charged, as credit. */
CHILD_TEST_EACH(test_C6_a_holder_fills_its_accounts_bin, 10, places)
{
    require(cai_life_attach() != NULL);
    grant = grant_new(SIZE_MAX);
    char *block = take_for(&grant, value, 100);
    struct cai_account *account = account_of(value, block);
    if (!cai_os_barrier_start())
        return; /* on such a kernel nobody enters an account without its lock */
    struct cai_bin *bin = bin_of(&account->owner.heap, value, 100);
    uint32_t count = cai_bin_count(bin);
    cai_free(value, block, "free");
    require(cai_bin_count(bin) == count + 1 && bin->base[count] == block && account->uncharged == 0);
    require(content_is_zero(block, SLOT) == cai_place_zeroes(value));
    block = take_for(&grant, value, 100);
    bin->end = bin->base + cai_bin_count(bin); /* full: into the slab, and credited */
    cai_free(value, block, "free");
    require(account->uncharged == SLOT && cai_bin_count(bin) == cai_bin_limit(bin));
    require(*cai_find_state(value, CAI_FINE, block, &(size_t){0}) == cai_state_freed(value, CAI_STATE_IN_SLAB));
}

static void *free_there(void *block)
{
    cai_free(place_there, block, "free");
    require(pending_in(cai_self, NULL) == 0); /* accounts are told at once */
    return NULL;
}

CHILD_TEST_EACH(test_C6_whoever_gives_back_credits_the_account, 10, places)
{
    place_there = value;
    require(cai_life_attach() != NULL);
    grant = grant_new(SIZE_MAX);
    char *small = take_for(&grant, value, 100), *large = take_for(&grant, value, 100000);
    struct cai_account *account = account_of(value, small);
    struct cai_live live = own_live(value, large);
    struct cai_unit *slab = cai_live_run(own_live(value, small)), *run = cai_live_run(live);
    size_t bytes = cai_slot_bytes(live);
    in_thread(free_there, small);
    require(account->uncharged == SLOT && slab->remote == 1);
    cai_free(value, large, "free"); /* is not kept: nobody pays for what lies there */
    require(account->uncharged == SLOT + bytes && *cai_live_owner(live) == 0 && run->kind != CAI_UNIT_LARGE);
    require(cai_self_heap()->kept_units == 0);
    require_null(audit_all());
    require_null(audit_zeros(true));
}

/* --- with a stamp --- */

static void *no_stamp_there(void *block)
{
    take(place_there, 10);
    require(!cai_free_stamped(place_there, cai_stamp_of(100), block));
    return NULL;
}

CHILD_TEST_EACH(test_C2_stamped_blocks_go_back_at_once, 10, places)
{
    uint16_t stamp = cai_stamp_of(100);

    place_there = value;
    char *block = take(value, 100);
    cai_exact_set(own_live(value, block), 100);
    require(!cai_free_stamped(value, cai_stamp_of(101), block) && !cai_free_stamped(value, stamp, block + 16));
    in_thread(no_stamp_there, block); /* not that thread's */
    require(cai_free_stamped(value, stamp, block));
    require(content_is_zero(block, SLOT) == cai_place_zeroes(value));
    require(!cai_free_stamped(value, stamp, block)); /* it is free */
    grant = grant_new(SIZE_MAX);
    block = take_for(&grant, value, 100);
    cai_exact_set(own_live(value, block), 100);
    struct cai_account *account = account_of(value, block);
    bool has_key = cai_os_barrier_start();
    require(cai_free_stamped(value, stamp, block) == has_key && cai_self->owner.inside == 0);
    const struct cai_bin *bin = bin_of(&account->owner.heap, value, 100);
    require(!has_key || bin->base[cai_bin_count(bin) - 1] == block);
    require_null(audit_all());
}

/* --- what is no block --- */

static void expect_refusal(const char *code, enum cai_place place, size_t bytes)
{
    require(was_refused_in(code, cai_place_name(place), bytes));
    require_null(audit_all());
}

/* Every door of the heap, with a block of each other place and with what is no block. */
CHILD_TEST_EACH(test_V2_refused_calls_change_nothing, 110, places)
{
    refuse_start();
    for (enum cai_place door = 0; door < CAI_PLACES; door++)
        for (unsigned i = 0; door != value && i < SIZES; i++) {
            char *block = take(value, sizes[i]);
            size_t usable = cai_usable(value, block, "usable");
            content_fill(block, 0, sizes[i], 3);
            cai_free(door, block, "free");
            expect_refusal("wrong-deallocator", value, usable);
            require(cai_resize(door, block, 10, "realloc") == NULL);
            expect_refusal("wrong-deallocator", value, usable);
            require(cai_usable(door, block, "usable") == 0);
            expect_refusal("wrong-deallocator", value, usable);
            cai_free(value, block + 1, "free");
            expect_refusal("invalid-free", value, usable);
            require(content_holds(block, sizes[i], 3));
            cai_free(value, block, "free");
            cai_free(value, block, "free");
            expect_refusal("double-free", value, usable);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D2_null_is_nothing),
        cmocka_unit_test(test_a_slot_goes_into_the_bin),
        cmocka_unit_test(test_a_large_block_is_kept),
        cmocka_unit_test(test_Z2_Z9_cleared_where_it_must_be),
        cmocka_unit_test(test_another_threads_slot_goes_into_its_slab),
        cmocka_unit_test(test_D3_a_thread_without_a_heap_tells_at_once),
        cmocka_unit_test(test_V2_two_threads_free_one_block),
        cmocka_unit_test(test_C6_a_holder_fills_its_accounts_bin),
        cmocka_unit_test(test_C6_whoever_gives_back_credits_the_account),
        cmocka_unit_test(test_C2_stamped_blocks_go_back_at_once),
        cmocka_unit_test(test_V2_refused_calls_change_nothing),
    };

    setenv(CAI_SETTINGS_ENV, "decay=3600000", 1); /* so that nothing goes back by itself meanwhile */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
