/* Exact sizes: every size of every class is read back as it was written, in bytes that are nobody else's; stamps say
 * the same as records; and the three sizes of a block that there is.
 */
#include "unit/unit.h"

#include "blocks/exact.h"
#include "support/own_heap.h"

/* The state bytes of a slot and those beside it. */
enum { BEFORE = 1, GRANULES_MAX = 512, ROOM = BEFORE + GRANULES_MAX + 1, BESIDE = 0x11 };

static uint8_t room[ROOM];
static uint8_t *const first = room + BEFORE;

static size_t granules_of(unsigned size_class)
{
    return cai_class_sizes[size_class] >> cai_grain_shift(cai_class_grain(size_class));
}

/* What a live block of malloc leaves there: its class, and nothing else. */
static void clear(unsigned size_class)
{
    memset(room, BESIDE, sizeof room);
    memset(first, 0, granules_of(size_class));
    first[0] = (uint8_t)size_class;
}

/* --- records --- */

static void check_record(unsigned size_class, size_t bytes)
{
    size_t granules = granules_of(size_class);

    clear(size_class);
    cai_exact_record(first, size_class, bytes);
    if (cai_exact_recorded(first, first[0], size_class) != bytes)
        fail_msg("class %u: %zu bytes are read as %zu", size_class, bytes,
                 cai_exact_recorded(first, first[0], size_class));
    if (!cai_state_is_live(first[0]) || room[0] != BESIDE || first[granules] != BESIDE)
        fail_msg("class %u: %zu bytes: written where it may not be", size_class, bytes);
    for (size_t i = 1; i < granules && first[i] != 0; i++)
        if (first[i] < CAI_RECORD || first[i] >= CAI_RECORD_END)
            fail_msg("class %u: %zu bytes: %u is no byte of a record", size_class, bytes, first[i]);
    enum cai_grain grain = cai_class_grain(size_class);
    bool one_byte = size_class > 1 && (grain == CAI_COARSE || cai_class_sizes[size_class] - bytes < 64);
    if (cai_exact_is(grain, first, first[0], bytes) != one_byte)
        fail_msg("class %u: %zu bytes are not seen at once", size_class, bytes);
    if (cai_exact_is(grain, first, first[0], bytes - 1) || cai_exact_is(grain, first, first[0], bytes + 1) ||
        cai_exact_is(grain, first, first[0], bytes + 65536) ||
        cai_exact_is(grain, first, first[0], bytes + (1ull << 32)) || cai_exact_is(grain, first, first[0], 0) ||
        cai_exact_is(grain, first, CAI_STATE_CACHED, bytes) || cai_exact_is(grain, first, CAI_STATE_WIPED, bytes))
        fail_msg("class %u: %zu bytes and others are not told apart", size_class, bytes);
    if (size_class == 1)
        assert_true(cai_exact_is_short(first[0], bytes) && !cai_exact_is_short(first[0], bytes - 1) &&
                    !cai_exact_is_short(first[0], bytes + 1));
    else
        assert_int_equal(first[0], size_class);
}

static void test_C2_every_size_in_every_class(void **state)
{
    (void)state;
    for (unsigned size_class = 1; size_class <= CAI_CLASS_LAST; size_class++)
        for (size_t bytes = 1; bytes <= cai_class_sizes[size_class]; bytes++)
            check_record(size_class, bytes);
}

/* Two bytes that are no class and record of one are no block of any size, absurd ones included. */
static void test_C2_no_other_two_bytes_are_a_size(void **state)
{
    static uint8_t bytes[2];

    (void)state;
    for (unsigned live = 0; live < 256; live++)
        for (unsigned record = 0; record < 256; record++) {
            size_t slot = live > 1 && live <= CAI_CLASS_FINE_LAST ? cai_class_sizes[live] : 0;
            size_t lacks = record - CAI_RECORD;
            bool are = slot != 0 && lacks <= CAI_RECORD_ONE_MAX && lacks < slot;
            bytes[0] = (uint8_t)live;
            bytes[1] = (uint8_t)record;
            for (size_t i = 0; i < 2; i++) {
                size_t size = (i == 0 ? slot : slot + CAI_RECORD) - lacks;
                if (cai_exact_is(CAI_FINE, bytes, live, size) != (are && i == 0))
                    fail_msg("state %u, record %u: %zu bytes", live, record, size);
            }
            for (size_t size = 0; size < 2; size++)
                if (cai_exact_is(CAI_FINE, bytes, live, size - 1 - lacks))
                    fail_msg("state %u, record %u: %zu bytes", live, record, size - 1 - lacks);
        }
}

/* In a slot of 16 the state alone tells, and of no state but its own. */
static void test_C2_no_other_state_is_a_short_size(void **state)
{
    (void)state;
    for (unsigned live = 0; live < 256; live++)
        for (size_t bytes = 0; bytes < 512; bytes++) {
            bool is = bytes != 0 && bytes <= 16 && live == cai_state_of_short(bytes);
            if (cai_exact_is_short(live, bytes) != is || cai_exact_is_short(live, bytes + (1ull << 32)) ||
                cai_exact_is_short(live, SIZE_MAX - bytes))
                fail_msg("state %u: %zu bytes", live, bytes);
        }
}

/* A record is a size's or it is none: of all that differ from one by a bit. */
static void test_C2_every_coarse_record_is_of_one_size(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes <= CAI_SMALL_BYTES_MAX; bytes++) {
        uint32_t record = cai_record_of_coarse(bytes);
        if (cai_record_coarse_bytes(record) != bytes)
            fail_msg("%zu bytes are read as %zu", bytes, cai_record_coarse_bytes(record));
        for (unsigned bit = 0; bit < 32; bit++) {
            size_t other = cai_record_coarse_bytes(record ^ 1u << bit);
            if (other != 0 && cai_record_of_coarse(other) != (record ^ 1u << bit))
                fail_msg("%zu bytes, bit %u: read as %zu", bytes, bit, other);
        }
    }
}

/* Written over a longer record, a shorter one ends where it ends. */
static void test_a_record_hides_the_one_before_it(void **state)
{
    (void)state;
    clear(CAI_CLASS_LAST);
    for (size_t bytes = 1; bytes <= CAI_SMALL_BYTES_MAX; bytes += 7) {
        cai_exact_record(first, CAI_CLASS_LAST, CAI_SMALL_BYTES_MAX + 1 - bytes);
        cai_exact_record(first, CAI_CLASS_LAST, bytes);
        assert_int_equal(cai_exact_recorded(first, first[0], CAI_CLASS_LAST), bytes);
    }
}

static void test_without_a_record_it_is_as_long_as_its_slot(void **state)
{
    (void)state;
    for (unsigned size_class = 1; size_class <= CAI_CLASS_LAST; size_class++) {
        clear(size_class);
        assert_int_equal(cai_exact_recorded(first, first[0], size_class), cai_class_sizes[size_class]);
    }
    /* What is no byte of a record is none. */
    clear(3);
    first[1] = CAI_RECORD_END | 3;
    assert_int_equal(cai_exact_recorded(first, 3, 3), 48);
    first[1] = CAI_RECORD - 1;
    assert_int_equal(cai_exact_recorded(first, 3, 3), 48);
    first[1] = CAI_RECORD | 31;
    assert_int_equal(cai_exact_recorded(first, 3, 3), 48 - 31);
    clear(CAI_CLASS_LAST);
    for (unsigned missing = 1; missing <= 4; missing++) {
        cai_exact_record(first, CAI_CLASS_LAST, 20000);
        first[missing] = 0;
        assert_int_equal(cai_exact_recorded(first, CAI_CLASS_LAST, CAI_CLASS_LAST), CAI_SMALL_BYTES_MAX);
    }
}

/* A record that says more than the slot has, as none does that was written here, is no huge size. */
static void test_a_record_longer_than_the_slot_is_none(void **state)
{
    (void)state;
    clear(3);
    first[1] = CAI_RECORD | 48;
    assert_int_equal(cai_exact_recorded(first, 3, 3), 0);
    clear(6);
    first[1] = CAI_RECORD_MORE;
    first[2] = CAI_RECORD | (96 & 63);
    first[3] = CAI_RECORD | 96 >> 6;
    assert_int_equal(cai_exact_recorded(first, 6, 6), 0);
    first[2] = CAI_RECORD | (95 & 63);
    assert_int_equal(cai_exact_recorded(first, 6, 6), 1);
    clear(33);
    cai_record_coarse(first, cai_class_sizes[33] + 1);
    assert_int_equal(cai_exact_recorded(first, 33, 33), 0);
}

/* The doors that state a layout look sizes up by what they are rounded up to. */
static void test_sizes_fit_into_the_shortest_slot_that_is_aligned(void **state)
{
    (void)state;
    for (size_t align = 1; align <= 64; align *= 2)
        for (size_t bytes = 1; bytes <= CAI_SMALL_BYTES_MAX; bytes++) {
            size_t last = (bytes - 1) | (align - 1);
            unsigned size_class =
                last < CAI_FINE_BYTES_MAX ? cai_full_stamps[last / 16] & 0xff : cai_class_table_coarse[last / 128 + 1];
            if (size_class != cai_class_for(bytes, align) || cai_class_sizes[size_class] % align != 0)
                fail_msg("%zu bytes aligned to %zu: class %u, not %u", bytes, align, size_class,
                         cai_class_for(bytes, align));
            if (last >= 16 && last < CAI_FINE_BYTES_MAX)
                assert_int_equal(cai_stamp_in(cai_full_stamps[last / 16], bytes),
                                 size_class | (uint8_t)(CAI_RECORD + cai_class_sizes[size_class] - bytes) << 8);
        }
}

/* --- stamps --- */

static void test_C2_stamps_agree_with_records(void **state)
{
    (void)state;
    for (size_t bytes = CAI_STAMP_BYTES_MIN; bytes <= CAI_STAMP_BYTES_MAX; bytes++) {
        unsigned size_class = (unsigned)cai_class_of(bytes);
        uint16_t stamp = cai_stamp_of(bytes);
        assert_int_equal(cai_stamp_class(stamp), size_class);
        clear(size_class);
        cai_exact_record(first, size_class, bytes);
        assert_true(cai_stamp_is(first, stamp));
        assert_false(cai_stamp_is(first, (uint16_t)(stamp + 0x100)));
        assert_false(cai_stamp_is(first, (uint16_t)(stamp + 1)));
        clear(size_class);
        first[0] = CAI_STATE_CACHED;
        assert_false(cai_stamp_is(first, stamp));
        cai_stamp_set(first, stamp);
        assert_true(cai_stamp_is(first, stamp));
        assert_int_equal(cai_exact_recorded(first, first[0], size_class), bytes);
        assert_true(first[0] == size_class && room[0] == BESIDE && (granules_of(size_class) == 2 || first[2] == 0));
    }
}

static void test_which_sizes_have_a_stamp(void **state)
{
    (void)state;
    assert_true(cai_has_stamp(17) && cai_has_stamp(512));
    assert_false(cai_has_stamp(0) || cai_has_stamp(16) || cai_has_stamp(513) || cai_has_stamp(SIZE_MAX));
}

/* --- blocks --- */

static struct cai_heap heap = OWN_HEAP(7);

CHILD_TEST(test_the_sizes_of_a_small_block, 10)
{
    start_pages();
    for (enum cai_place place = 0; place < CAI_PLACES; place++)
        for (unsigned size_class = 1; size_class <= CAI_CLASS_LAST; size_class++) {
            size_t slot = cai_class_sizes[size_class];
            void *block = own_take_class(&heap, place, size_class);
            struct cai_live live = own_live(place, block);
            require(cai_slot_bytes(live) == slot && cai_usable_bytes(live) == slot);
            cai_exact_set(live, slot - 1);
            live = own_live(place, block);
            require(cai_exact_bytes(live) == slot - 1 && cai_slot_bytes(live) == slot);
            require(cai_usable_bytes(live) == slot);
        }
}

CHILD_TEST(test_the_sizes_of_a_large_block, 10)
{
    start_pages();
    size_t page = cai_settings->page_bytes;
    const size_t sizes[] = {CAI_SMALL_BYTES_MAX + page, 4 * CAI_UNIT_BYTES - 1, 4 * CAI_UNIT_BYTES,
                            4 * CAI_UNIT_BYTES + 1,     page * 17 + 1,          CAI_MIB};

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *block = cai_large_take(&heap, CAI_PLACE_nocaps, sizes[i], 1, false);
        struct cai_live live = own_live(CAI_PLACE_nocaps, block);
        require(live.size_class == 0 && cai_exact_bytes(live) == sizes[i]);
        require(cai_usable_bytes(live) == cai_round_up(sizes[i], page));
        require(cai_slot_bytes(live) == cai_round_up(sizes[i], CAI_UNIT_BYTES));
        cai_exact_set(live, sizes[i] - page);
        require(cai_exact_bytes(live) == sizes[i] - page);
        require(cai_usable_bytes(live) == cai_round_up(sizes[i], page) - page);
        require(cai_slot_bytes(live) == cai_round_up(sizes[i], CAI_UNIT_BYTES)); /* of what it was cut from */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C2_every_size_in_every_class),
        cmocka_unit_test(test_C2_no_other_two_bytes_are_a_size),
        cmocka_unit_test(test_C2_no_other_state_is_a_short_size),
        cmocka_unit_test(test_C2_every_coarse_record_is_of_one_size),
        cmocka_unit_test(test_a_record_hides_the_one_before_it),
        cmocka_unit_test(test_without_a_record_it_is_as_long_as_its_slot),
        cmocka_unit_test(test_a_record_longer_than_the_slot_is_none),
        cmocka_unit_test(test_sizes_fit_into_the_shortest_slot_that_is_aligned),
        cmocka_unit_test(test_C2_stamps_agree_with_records),
        cmocka_unit_test(test_which_sizes_have_a_stamp),
        cmocka_unit_test(test_the_sizes_of_a_small_block),
        cmocka_unit_test(test_the_sizes_of_a_large_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
