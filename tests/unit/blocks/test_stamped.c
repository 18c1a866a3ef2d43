/* The fast paths of blocks with a stamp: what they do at once, and what they leave to the slow ones unchanged. */
#include "unit/unit.h"

#include "blocks/stamped.h"
#include "support/content.h"
#include "support/own_heap.h"

enum { BYTES = 100, SLOT = 112 };

static const enum cai_place places[] = {CAI_PLACE_ordinary, CAI_PLACE_nocaps, CAI_PLACE_mustzero, CAI_PLACE_secret};

static struct cai_heap heap = OWN_HEAP(7);
static uint16_t stamp;
static struct cai_bin *bin;

/* A filled bin. */
static void start(enum cai_place place)
{
    start_pages();
    stamp = cai_stamp_of(BYTES);
    bin = own_fill(&heap, place, (unsigned)cai_class_of(BYTES));
}

static void *take(enum cai_place place, bool zeroed)
{
    return cai_stamped_take(&heap, place, stamp, zeroed, BYTES);
}

static uint8_t *state_at(enum cai_place place, const void *block)
{
    size_t granule;

    return cai_find_state(place, CAI_FINE, block, &granule);
}

CHILD_TEST_EACH(test_C2_a_block_is_taken_with_its_exact_size, 10, places)
{
    start(value);
    uint32_t count = cai_bin_count(bin);
    int32_t countdown = bin->countdown;
    void *top = bin->base[count - 1];
    void *block = take(value, false);
    require(block == top && cai_bin_count(bin) == count - 1 && bin->countdown == countdown - 1);
    struct cai_live live = own_live(value, block);
    require(live.byte == cai_class_of(BYTES) && cai_exact_bytes(live) == BYTES && cai_slot_bytes(live) == SLOT);
    require(take(value, false) == bin->base[count - 2]);
}

CHILD_TEST_EACH(test_nothing_is_taken_that_needs_more, 10, places)
{
    start(value);
    uint32_t count = cai_bin_count(bin);
    bin->countdown = 1;
    require(take(value, false) != NULL && bin->countdown == 0);
    require(take(value, false) == NULL && bin->countdown == -1); /* housekeeping is due */
    require(cai_bin_count(bin) == count - 1);
    bin->countdown = 10;
    uint8_t *state = state_at(value, bin->base[cai_bin_count(bin) - 1]);
    *state = CAI_STATE_IN_SLAB | CAI_STATE_ZERO; /* freed by two threads at once */
    require(take(value, false) == NULL && cai_bin_count(bin) == count - 1);
    require(*state == (CAI_STATE_IN_SLAB | CAI_STATE_ZERO));
    bin->top = bin->base;
    require(take(value, false) == NULL && cai_bin_count(bin) == 0);
}

CHILD_TEST_EACH(test_A6_Z7_zeros_are_made_where_they_are_not_known, 10, places)
{
    start(value);
    char *fresh = take(value, true);
    require(heap.bytes_cleared == 0 && heap.bytes_clear_skipped == BYTES);
    memset(fresh, 1, SLOT);
    require(cai_sized_push(&heap, value, cai_stamp_class(stamp), state_at(value, fresh), fresh));
    uint64_t pushed = heap.bytes_cleared;
    require(pushed == (cai_place_zeroes(value) ? SLOT : 0));
    require(take(value, true) == fresh && content_is_zero(fresh, BYTES));
    require(heap.bytes_cleared - pushed == (cai_place_zeroes(value) ? 0 : BYTES));
    require(heap.bytes_clear_skipped == (cai_place_zeroes(value) ? 2 * BYTES : BYTES));
}

/* In must-zero places nothing leaves a bin that is not known to be zero. */
CHILD_TEST_EACH(test_Z6_only_zeros_leave_must_zero_places, 10, places)
{
    start(value);
    *state_at(value, bin->base[cai_bin_count(bin) - 1]) = CAI_STATE_CACHED;
    require((take(value, false) == NULL) == cai_place_zeroes(value));
}

CHILD_TEST_EACH(test_Z2_a_block_goes_back_cleared_where_it_must_be, 10, places)
{
    start(value);
    char *block = take(value, false);
    uint32_t count = cai_bin_count(bin);
    memset(block, 1, SLOT);
    require(cai_sized_push(&heap, value, cai_stamp_class(stamp), state_at(value, block), block));
    require(cai_bin_count(bin) == count + 1 && bin->base[count] == block);
    require(*state_at(value, block) == cai_state_freed(value, CAI_STATE_CACHED));
    require(content_is_zero(block, SLOT) == cai_place_zeroes(value));
}

CHILD_TEST_EACH(test_a_full_bin_changes_nothing, 10, places)
{
    start(value);
    char *block = take(value, false);
    uint8_t *state = state_at(value, block);
    memset(block, 1, SLOT);
    bin->end = bin->base + cai_bin_count(bin);
    require(!cai_sized_push(&heap, value, cai_stamp_class(stamp), state, block));
    require(cai_bin_count(bin) == cai_bin_limit(bin) && cai_state_is_live(*state) && block[0] == 1 &&
            heap.bytes_cleared == 0);
}

CHILD_TEST_EACH(test_C2_only_the_exact_block_is_found, 10, places)
{
    start(value);
    char *block = take(value, false);
    uint32_t owner = 99;
    require(cai_stamped_find(value, stamp, block, &owner) == state_at(value, block) && owner == heap.id);
    owner = 99;
    require(cai_stamped_find(value, cai_stamp_of(BYTES - 1), block, &owner) == NULL);
    require(cai_stamped_find(value, cai_stamp_of(BYTES + 1), block, &owner) == NULL);
    require(cai_stamped_find(value, cai_stamp_of(BYTES + SLOT), block, &owner) == NULL);
    require(cai_stamped_find(value, stamp, block + 16, &owner) == NULL);
    require(cai_stamped_find(value, stamp, block + 1, &owner) == NULL);
    require(cai_stamped_find(value, stamp, NULL, &owner) == NULL);
    require(cai_stamped_find(value, stamp, &owner, &owner) == NULL);
    for (enum cai_place other = 0; other < CAI_PLACES; other++)
        require(other == value || cai_stamped_find(other, stamp, block, &owner) == NULL);
    require(cai_sized_push(&heap, value, cai_stamp_class(stamp), state_at(value, block), block));
    require(cai_stamped_find(value, stamp, block, &owner) == NULL && owner == 99);
}

static void test_which_sizes_go_back_at_once(void **state)
{
    (void)state;
    for (enum cai_place place = 0; place < CAI_PLACES; place++) {
        assert_false(cai_stamped_may_put(place, 16));
        assert_true(cai_stamped_may_put(place, 17) && cai_stamped_may_put(place, 256));
        assert_int_equal(cai_stamped_may_put(place, 257), !cai_place_zeroes(place));
        assert_int_equal(cai_stamped_may_put(place, 512), !cai_place_zeroes(place));
        assert_false(cai_stamped_may_put(place, 513));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C2_a_block_is_taken_with_its_exact_size),
        cmocka_unit_test(test_nothing_is_taken_that_needs_more),
        cmocka_unit_test(test_A6_Z7_zeros_are_made_where_they_are_not_known),
        cmocka_unit_test(test_Z6_only_zeros_leave_must_zero_places),
        cmocka_unit_test(test_Z2_a_block_goes_back_cleared_where_it_must_be),
        cmocka_unit_test(test_a_full_bin_changes_nothing),
        cmocka_unit_test(test_C2_only_the_exact_block_is_found),
        cmocka_unit_test(test_which_sizes_go_back_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
