/* Words that look like pointers: found in the live blocks of the places without pointers, each once, up to the block's
 * exact end; and the block that an address lies in.
 */
#include "unit/unit.h"

#include "blocks/exact.h"
#include "heaps/heaps.h"
#include "heaps/words.h"
#include "support/own_heap.h"

enum { WORDS = 64 };

static struct cai_word words[WORDS];

/* A block of which is recorded how long it is, all zero. */
static char *take(enum cai_place place, size_t bytes)
{
    char *block = cai_allocate(place, bytes, true);

    require(block != NULL);
    cai_exact_set(own_live(place, block), bytes);
    return block;
}

static void put(char *block, size_t offset, uintptr_t value)
{
    memcpy(block + offset, &value, sizeof value);
}

/* All words there are, taken at most so many at a time. */
static size_t find_by(size_t most)
{
    struct cai_words_at at = {0, 0};
    size_t count = 0;
    size_t got;

    while ((got = cai_words_next(&at, words + count, most)) != 0) {
        require(got <= most);
        count += got;
        require(count + most <= WORDS);
    }
    require(cai_words_next(&at, words + count, most) == 0); /* the end is the end */
    return count;
}

static size_t find_all(void)
{
    return find_by(WORDS / 2);
}

static bool has(const char *block, size_t offset, uintptr_t value, size_t bytes)
{
    for (unsigned i = 0; i < WORDS; i++)
        if (words[i].block == (uintptr_t)block && words[i].offset == offset)
            return words[i].value == value && words[i].bytes == bytes && words[i].place == cai_place_of(block);
    return false;
}

/* --- where they stand --- */

static const size_t sizes[] = {17, 100, 512, 5000, 32768, 100000, 3000000};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* The first and the last whole word of each block. */
CHILD_TEST(test_N6_in_every_kind_of_block, 20)
{
    char *blocks[2][SIZES];
    uintptr_t value = (uintptr_t)take(CAI_PLACE_ordinary, 40);

    for (unsigned i = 0; i < SIZES; i++)
        for (unsigned k = 0; k < 2; k++) {
            blocks[k][i] = take(k == 0 ? CAI_PLACE_nocaps : CAI_PLACE_secret, sizes[i]);
            put(blocks[k][i], 0, value);
            put(blocks[k][i], sizes[i] / 8 * 8 - 8, value + 1);
        }
    require(find_all() == (size_t)2 * 2 * SIZES);
    for (unsigned i = 0; i < SIZES; i++)
        for (unsigned k = 0; k < 2; k++)
            require(has(blocks[k][i], 0, value, sizes[i]) &&
                    has(blocks[k][i], sizes[i] / 8 * 8 - 8, value + 1, sizes[i]));
}

CHILD_TEST(test_N6_not_in_places_for_pointers, 20)
{
    for (unsigned i = 0; i < SIZES; i++)
        for (unsigned k = 0; k < 2; k++) {
            char *block = take(k == 0 ? CAI_PLACE_ordinary : CAI_PLACE_mustzero, sizes[i]);
            put(block, 0, (uintptr_t)block);
        }
    require(find_all() == 0);
}

/* Neither behind the exact end nor across it, nor where no word begins. */
CHILD_TEST(test_N6_whole_aligned_words_within_the_block, 20)
{
    for (unsigned i = 0; i < SIZES; i++) {
        char *block = take(CAI_PLACE_nocaps, sizes[i]);
        size_t end = sizes[i] / 8 * 8;
        put(block, 3, (uintptr_t)block);
        if (cai_slot_bytes(own_live(CAI_PLACE_nocaps, block)) >= end + 8)
            put(block, end, (uintptr_t)block);
    }
    require(find_all() == 0);
}

CHILD_TEST(test_N6_addresses_in_the_estate_alone, 20)
{
    char *block = take(CAI_PLACE_nocaps, 100);
    uintptr_t base = cai_sealed.places;
    uintptr_t end = base + ((uintptr_t)CAI_PLACES << cai_sealed.shift);
    const uintptr_t values[] = {base - 1, base, end - 1, end, 0, UINTPTR_MAX, (uintptr_t)&words};

    for (unsigned i = 0; i < sizeof values / sizeof *values; i++)
        put(block, (size_t)i * 8, values[i]);
    require(find_all() == 2 && has(block, 8, base, 100) && has(block, 16, end - 1, 100));
}

CHILD_TEST(test_N6_only_in_live_blocks, 20)
{
    for (unsigned i = 0; i < SIZES; i++) {
        char *freed = take(CAI_PLACE_nocaps, sizes[i]);
        char *wiped = take(CAI_PLACE_nocaps, sizes[i]);
        put(freed, 0, (uintptr_t)freed);
        put(wiped, 0, (uintptr_t)freed);
        *own_live(CAI_PLACE_nocaps, wiped).state = CAI_STATE_WIPED;
        cai_free(CAI_PLACE_nocaps, freed, "free");
        put(freed, 0, (uintptr_t)freed);
    }
    require(find_all() == 0);
}

/* --- step by step --- */

/* However few are taken at once, each is found once. */
CHILD_TEST(test_N6_a_few_at_a_time, 20)
{
    static const size_t lengths[] = {400, 100000};

    for (unsigned i = 0; i < 2; i++) {
        char *block = take(CAI_PLACE_nocaps, lengths[i]);
        for (unsigned k = 0; k < 10; k++)
            put(block, (size_t)k * 40, (uintptr_t)block + k);
    }
    for (size_t most = 1; most <= 25; most++)
        require(find_by(most) == 20);
}

/* More memory than is looked at under the lock at once. */
CHILD_TEST(test_N6_far_into_a_long_block, 60)
{
    char *block = take(CAI_PLACE_secret, 5 * CAI_MIB);
    size_t last = 5 * CAI_MIB - 8;
    put(block, CAI_MIB, (uintptr_t)block);
    put(block, last, (uintptr_t)block);
    require(find_all() == 2 && has(block, CAI_MIB, (uintptr_t)block, 5 * CAI_MIB));
    require(has(block, last, (uintptr_t)block, 5 * CAI_MIB));
}

/* Between two steps anything may change: the walk goes on behind where it was. */
CHILD_TEST(test_N6_blocks_come_and_go_meanwhile, 20)
{
    struct cai_words_at at = {0, 0};
    char *blocks[3];

    for (unsigned i = 0; i < 3; i++) {
        blocks[i] = take(CAI_PLACE_nocaps, 100000);
        put(blocks[i], 0, (uintptr_t)blocks[i]);
        put(blocks[i], 800, (uintptr_t)blocks[i]);
    }
    require(blocks[0] < blocks[1] && blocks[1] < blocks[2]);
    require(cai_words_next(&at, words, 1) == 1 && words[0].block == (uintptr_t)blocks[0]);
    cai_free(CAI_PLACE_nocaps, blocks[0], "free");
    cai_free(CAI_PLACE_nocaps, blocks[1], "free");
    cai_housekeeping_trim();
    require(cai_words_next(&at, words, 5) == 2 && words[0].block == (uintptr_t)blocks[2] && words[1].offset == 800);
    require(cai_words_next(&at, words, 5) == 0);
}

/* --- what they point to --- */

static bool leads_to(const char *address, const char *block, enum cai_place place, size_t bytes)
{
    struct cai_target target;

    return cai_words_target((uintptr_t)address, &target) && target.block == (uintptr_t)block && target.place == place &&
           target.bytes == bytes;
}

static bool leads_nowhere(const void *address)
{
    struct cai_target target;

    return !cai_words_target((uintptr_t)address, &target);
}

static const enum cai_place places[] = {CAI_PLACE_ordinary, CAI_PLACE_nocaps, CAI_PLACE_mustzero, CAI_PLACE_secret};

CHILD_TEST_EACH(test_N6_targets_from_start_to_end, 20, places)
{
    for (unsigned i = 0; i < SIZES; i++) {
        char *block = take(value, sizes[i]);
        size_t slot = cai_slot_bytes(own_live(value, block));
        /* Of malloc's blocks no size is kept: in the ordinary place small ones count as long as their slots. */
        size_t bytes = value == CAI_PLACE_ordinary && sizes[i] <= CAI_SMALL_BYTES_MAX ? slot : sizes[i];
        require(leads_to(block, block, value, bytes) && leads_to(block + 1, block, value, bytes));
        require(leads_to(block + bytes / 2, block, value, bytes) && leads_to(block + bytes - 1, block, value, bytes));
        for (size_t beyond = bytes; beyond < slot; beyond += 1 + (slot - bytes) / 3)
            require(leads_nowhere(block + beyond));
        cai_free(value, block, "free");
        require(leads_nowhere(block) && leads_nowhere(block + bytes / 2));
    }
}

CHILD_TEST_EACH(test_N6_a_wiped_block_counts_as_long_as_its_slot, 20, places)
{
    char *block = take(value, 100);
    *own_live(value, block).state = CAI_STATE_WIPED;
    require(leads_to(block + 111, block, value, 112) && !leads_to(block + 112, block, value, 112));
}

CHILD_TEST(test_N6_what_leads_nowhere, 20)
{
    require(leads_nowhere(NULL) && leads_nowhere(&words)); /* before the start, too */
    char *block = take(CAI_PLACE_nocaps, 100000);
    const struct cai_unit *run = cai_live_run(own_live(CAI_PLACE_nocaps, block));
    require(leads_nowhere(NULL) && leads_nowhere(&words) && leads_nowhere((void *)UINTPTR_MAX));
    require(leads_nowhere((void *)cai_sealed.places));
    require(leads_nowhere((void *)cai_view_of(run->zone)->origin)); /* unit 0 */
    require(leads_nowhere(memory_of(run) + length_of(run)));        /* a free run */
    require(leads_nowhere((char *)cai_view_of(run->zone)->origin +
                          ((size_t)cai_zones[run->zone].frontier << CAI_UNIT_SHIFT)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_N6_in_every_kind_of_block),
        cmocka_unit_test(test_N6_not_in_places_for_pointers),
        cmocka_unit_test(test_N6_whole_aligned_words_within_the_block),
        cmocka_unit_test(test_N6_addresses_in_the_estate_alone),
        cmocka_unit_test(test_N6_only_in_live_blocks),
        cmocka_unit_test(test_N6_a_few_at_a_time),
        cmocka_unit_test(test_N6_far_into_a_long_block),
        cmocka_unit_test(test_N6_blocks_come_and_go_meanwhile),
        cmocka_unit_test(test_N6_targets_from_start_to_end),
        cmocka_unit_test(test_N6_a_wiped_block_counts_as_long_as_its_slot),
        cmocka_unit_test(test_N6_what_leads_nowhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
