/* realloc of blocks of the process's own heap: when it stays where it is, when it moves and with how much room, and
 * what it does with an account's block.
 */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "support/audit.h"
#include "support/content.h"
#include "support/grants.h"
#include "support/own_heap.h"
#include "support/refuse.h"
#include "support/threads.h"

#define PLACE CAI_PLACE_ordinary

static char *take(size_t bytes)
{
    char *block = cai_allocate(PLACE, bytes, false);

    require(block != NULL);
    content_fill(block, 0, bytes, bytes);
    return block;
}

static char *resize(char *block, size_t bytes)
{
    return cai_resize(PLACE, block, bytes, "realloc");
}

static size_t usable(const char *block)
{
    return cai_usable(PLACE, block, "usable");
}

static bool is_live(const char *block)
{
    return cai_find_live(PLACE, block).state != NULL;
}

/* --- how much there is --- */

CHILD_TEST(test_D1_usable_is_the_slot_or_whole_pages, 20)
{
    refuse_start();
    for (size_t bytes = 1; bytes <= CAI_SMALL_BYTES_MAX; bytes += 1 + bytes / 8) {
        char *block = take(bytes);
        require(usable(block) == cai_class_bytes((unsigned)cai_class_of(bytes)));
        require(usable(block + 1) == 0 && was_refused("invalid-free"));
    }
    for (size_t bytes = CAI_SMALL_BYTES_MAX + 1; bytes < 5 * CAI_MIB; bytes = bytes * 2 - 7)
        require(usable(take(bytes)) == cai_round_up(bytes, cai_settings->page_bytes));
    require(usable(NULL) == 0 && was_refused("invalid-free"));
    require(cai_usable(CAI_PLACE_nocaps, take(10), "usable") == 0 && was_refused("wrong-deallocator"));
}

/* --- small blocks --- */

/* Between half of its slot and all of it a block stays. */
CHILD_TEST(test_D2_small_blocks_stay_or_move, 20)
{
    for (unsigned size_class = 2; size_class <= CAI_CLASS_LAST; size_class++) {
        size_t slot = cai_class_bytes(size_class);
        char *block = take(slot);
        require(resize(block, slot) == block && resize(block, slot - 1) == block && resize(block, slot / 2) == block);
        require(usable(block) == slot && content_holds(block, slot, slot));
        char *less = resize(block, slot / 2 - 1);
        require(less != block && !is_live(block) && content_holds(less, slot / 2 - 1, slot));
        require(usable(less) < slot);
        block = take(slot);
        char *more = resize(block, slot + 1);
        require(more != block && !is_live(block) && content_holds(more, slot, slot) && usable(more) > slot);
        require_null(audit_all());
    }
}

static char *resize_near(char *block, size_t bytes)
{
    return cai_resize_near(PLACE, block, bytes, "realloc");
}

/* A slot that long lies in a bin whose countdown has not run out. */
static char *make_ready(size_t bytes)
{
    const struct cai_bin *bin = &cai_self->owner.heap.bins[PLACE][cai_class_of(bytes)];
    char *block;

    do {
        block = take(bytes);
        cai_free(PLACE, block, "free");
    } while (bin->countdown < 4);
    return block;
}

/* To a slot that lies in a bin, if there is one. */
CHILD_TEST(test_D2_small_blocks_move_to_a_slot_that_lies_ready, 20)
{
    for (unsigned size_class = 2; size_class < CAI_CLASS_LAST; size_class++) {
        size_t slot = cai_class_bytes(size_class);
        char *block = take(slot);
        char *ready = make_ready(cai_resize_room(slot + 1, slot));
        char *more = resize_near(block, slot + 1);
        require(more == ready && is_live(more) && !is_live(block) && content_holds(more, slot, slot));
        require(resize_near(block, slot + 1) == NULL && take(slot) == block);
        require_null(audit_all());
        ready = make_ready(slot / 2);
        char *less = resize_near(block, slot / 2);
        require(less == ready && !is_live(block) && content_holds(less, slot / 2, slot));
        require_null(audit_all());
    }
}

static void *take_elsewhere(void *at)
{
    *(char **)at = take(100);
    return NULL;
}

/* What cannot be told at once is left as it was, and not reported: that is for others to do. */
CHILD_TEST(test_V2_what_does_not_move_at_once_is_as_before, 20)
{
    refuse_start();
    char *block = take(100), *large = take(CAI_MIB), *given = take(100), *neighbour = take(100);
    char *of_another;
    in_thread(take_elsewhere, &of_another);
    cai_free(PLACE, given, "free");
    make_ready(1000);
    require(resize_near(of_another, 1000) == NULL && is_live(of_another));
    require(resize_near(NULL, 1000) == NULL && resize_near(given, 1000) == NULL);
    require(resize_near(block + 1, 1000) == NULL && resize_near(block + 16, 1000) == NULL);
    require(resize_near((char *)&large, 1000) == NULL && resize_near(large, 1000) == NULL);
    require(resize_near(block, 0) == NULL && resize_near(block, SIZE_MAX) == NULL);
    require(resize_near(block, CAI_SMALL_BYTES_MAX + 1) == NULL);
    require(refused_calls == 0 && is_live(block) && is_live(large) && content_holds(block, 100, 100));
    struct cai_bin *bin = &cai_self->owner.heap.bins[PLACE][cai_class_of(100)];
    uint32_t limit = cai_bin_limit(bin), count = cai_bin_count(bin);
    bin->end = bin->base + count; /* full */
    uint32_t ready = cai_bin_count(&cai_self->owner.heap.bins[PLACE][cai_class_of(1000)]);
    require(resize_near(block, 1000) == NULL && is_live(block) && cai_bin_count(bin) == count);
    require(cai_bin_count(&cai_self->owner.heap.bins[PLACE][cai_class_of(1000)]) == ready);
    bin->end = bin->base + limit;
    require(resize_near(block, 1000) != NULL && is_live(neighbour) && refused_calls == 0);
    require_null(audit_all());
}

/* Room for half more, as long as that is a small block, of few sizes; never less than what was asked for. */
CHILD_TEST(test_D2_what_grows_gets_room, 20)
{
    for (size_t slot = 64; slot <= CAI_SMALL_BYTES_MAX; slot *= 2) {
        size_t roomy = usable(resize(take(slot), slot + 1));
        require(roomy >= slot + slot / 2 || roomy == cai_round_up(slot + 1, cai_settings->page_bytes));
        require(slot == CAI_SMALL_BYTES_MAX || roomy <= CAI_SMALL_BYTES_MAX);
    }
    require(usable(resize(take(1024), 2048)) == 2048); /* more than that: exactly so */
    require(usable(resize(take(30000), 31000)) == CAI_SMALL_BYTES_MAX);
    require(usable(resize(take(1024), 1000)) == 1024);
    require(usable(resize(take(1024), 100)) == 112); /* no room for what shrinks */
}

/* Blocks that grow little by little, from whatever length, pass through two sizes per doubling. */
CHILD_TEST(test_D2_what_grows_passes_through_few_sizes, 20)
{
    for (size_t start = 200; start < 300; start += 7) {
        char *block = take(start);
        for (size_t bytes = start; bytes <= CAI_SMALL_BYTES_MAX; bytes += 8) {
            size_t before = usable(block);
            block = resize(block, bytes);
            size_t now = usable(block);
            bool is_few = cai_is_power_of_two(now) || (now % 3 == 0 && cai_is_power_of_two(now / 3));
            require(now >= bytes && (now == before || is_few));
        }
        cai_free(PLACE, block, "free");
    }
}

/* --- across --- */

CHILD_TEST(test_D2_small_becomes_large_and_small_again, 20)
{
    for (size_t small = 1; small <= CAI_SMALL_BYTES_MAX; small = small * 3 + 1) {
        char *block = take(small);
        char *large = resize(block, CAI_SMALL_BYTES_MAX + 1);
        require(large != block && !is_live(block) && content_holds(large, small, small));
        require(usable(large) == cai_round_up(CAI_SMALL_BYTES_MAX + 1, cai_settings->page_bytes));
        block = resize(large, small);
        require(content_holds(block, small, small) && usable(block) >= small);
        cai_free(PLACE, block, "free");
        require_null(audit_all());
    }
}

/* --- large blocks --- */

CHILD_TEST(test_D2_large_blocks_stay_where_there_is_room, 20)
{
    char *block = take(CAI_MIB);
    require(resize(block, CAI_MIB / 2) == block && resize(block, CAI_MIB) == block); /* back into what it gave up */
    require(content_holds(block, CAI_MIB / 2, CAI_MIB));
    require_null(audit_all());
    char *wall = take(CAI_MIB);
    content_fill(block, 0, CAI_MIB, 5);
    char *moved = resize(block, CAI_MIB + CAI_MIB / 4);
    require(moved != block && !is_live(block) && content_holds(moved, CAI_MIB, 5));
    require(cai_slot_bytes(own_live(PLACE, moved)) >= CAI_MIB / 8 * 11); /* an eighth more */
    char *second = take(4 * CAI_MIB);
    block = moved;
    moved = resize(block, 2 * CAI_MIB);
    require(moved != block && content_holds(moved, CAI_MIB, 5));
    require(cai_slot_bytes(own_live(PLACE, moved)) == 2 * CAI_MIB); /* who doubles has room already */
    cai_free(PLACE, second, "free");
    require(content_holds(wall, CAI_MIB, CAI_MIB));
    require_null(audit_all());
}

/* Its end goes back when that is more than a quarter of it. */
CHILD_TEST(test_D6_large_blocks_that_shrink_give_back, 20)
{
    char *block = take(CAI_MIB);
    require(resize(block, CAI_MIB / 4 * 3) == block && usable(block) == CAI_MIB / 4 * 3);
    require(cai_slot_bytes(own_live(PLACE, block)) == CAI_MIB);
    require(resize(block, CAI_MIB / 4 * 3 - CAI_UNIT_BYTES) == block);
    require(cai_slot_bytes(own_live(PLACE, block)) == CAI_MIB / 4 * 3 - CAI_UNIT_BYTES);
    require_null(audit_all());
}

/* In place or not at all. */
CHILD_TEST(test_a_large_block_that_may_not_move, 20)
{
    char *block = take(CAI_MIB);
    char *wall = take(CAI_MIB);
    struct cai_live live = own_live(PLACE, block);
    require(wall == block + CAI_MIB);
    require(cai_claim(live) && cai_resize_large(live, CAI_MIB + 1, false) == NULL);
    cai_claim_return(live);
    require(is_live(block) && usable(block) == CAI_MIB && content_holds(block, CAI_MIB, CAI_MIB));
    require(cai_claim(live) && cai_resize_large(live, CAI_MIB / 2, false) == block && usable(block) == CAI_MIB / 2);
    require(cai_claim(live) && cai_resize_large(live, CAI_MIB, false) == block);
    require_null(audit_all());
}

CHILD_TEST(test_D2_impossible_sizes_change_nothing, 20)
{
    static const size_t sizes[] = {10, 1000, 32768, 1000000};

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *block = take(sizes[i]);
        require(resize(block, PTRDIFF_MAX) == NULL && resize(block, (size_t)1 << 46) == NULL);
        require(is_live(block) && content_holds(block, sizes[i], sizes[i]));
        require_null(audit_all());
    }
}

/* A thread that is ending moves its large blocks within the heap that such threads share. */
CHILD_TEST(test_D3_a_thread_without_a_heap_resizes, 20)
{
    char *block = take(CAI_MIB);
    take(CAI_MIB);
    struct cai_thread *self = cai_self;
    cai_self = &cai_thread_gone;
    block = resize(block, 3 * CAI_MIB);
    require(block != NULL && content_holds(block, CAI_MIB, CAI_MIB));
    require(*cai_live_owner(own_live(PLACE, block)) != self->owner.heap.id);
    cai_self = self;
    require_null(audit_all());
}

/* --- an account's --- */

static size_t owed(struct cai_account *account)
{
    cai_charge_settle(account);
    return account->charged;
}

/* It shrinks where it is, and that is credited; it grows only by its authority, so here its content moves out. */
CHILD_TEST(test_C4_C6_large_blocks_of_accounts, 20)
{
    ca_error error;

    require(cai_life_attach() != NULL);
    struct cai_grant grant = grant_new(SIZE_MAX);
    char *block = cai_allocate_for(&grant, PLACE, CAI_MIB, 8, false, &error);
    require(block != NULL);
    content_fill(block, 0, CAI_MIB, 9);
    uint32_t number = *cai_live_owner(own_live(PLACE, block));
    struct cai_account *account = cai_registry_account(number);
    require(owed(account) == CAI_MIB);
    require(resize(block, CAI_MIB / 2) == block);
    require(owed(account) == cai_slot_bytes(own_live(PLACE, block)) && owed(account) < CAI_MIB);
    char *moved = resize(block, CAI_MIB);
    require(moved != block && content_holds(moved, CAI_MIB / 2, 9) && owed(account) == 0);
    require(!cai_is_account(*cai_live_owner(own_live(PLACE, moved))));
    require_null(audit_all());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D1_usable_is_the_slot_or_whole_pages),
        cmocka_unit_test(test_D2_small_blocks_stay_or_move),
        cmocka_unit_test(test_D2_small_blocks_move_to_a_slot_that_lies_ready),
        cmocka_unit_test(test_V2_what_does_not_move_at_once_is_as_before),
        cmocka_unit_test(test_D2_what_grows_gets_room),
        cmocka_unit_test(test_D2_what_grows_passes_through_few_sizes),
        cmocka_unit_test(test_D2_small_becomes_large_and_small_again),
        cmocka_unit_test(test_D2_large_blocks_stay_where_there_is_room),
        cmocka_unit_test(test_D6_large_blocks_that_shrink_give_back),
        cmocka_unit_test(test_a_large_block_that_may_not_move),
        cmocka_unit_test(test_D2_impossible_sizes_change_nothing),
        cmocka_unit_test(test_D3_a_thread_without_a_heap_resizes),
        cmocka_unit_test(test_C4_C6_large_blocks_of_accounts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
