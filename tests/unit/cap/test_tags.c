/* The table of tags: ranges, what holds tags and what does not, and how little memory it takes. */
#include "unit/unit.h"

#include "cap/tags.h"
#include "os/os.h"
#include "pages/zone.h"
#include "support/child.h"
#include "support/rng.h"

#include <capalloc/capalloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ca_cap block_of(size_t bytes)
{
    return ca_cap_unwrap(ca_cap_allocate(ca_default_authority(), (ca_layout){bytes, 16}));
}

/* Sets all tags of a block by storing capabilities. */
static void fill(ca_cap block)
{
    for (size_t at = 0; at + 16 <= ca_cap_length_get(block); at += 16)
        assert_int_equal(ca_cap_store_cap(block, (ptrdiff_t)at, block), CA_CAP_FAULT_NONE);
}

static size_t tags_in(ca_cap block)
{
    size_t count = 0;

    for (size_t at = 0; at + 16 <= ca_cap_length_get(block); at += 16)
        count += cai_tags_get(ca_cap_base_get(block) + at);
    return count;
}

static void test_K9_ranges_are_cleared_to_the_granule(void **state)
{
    enum { GRANULES = 4096 };
    struct rng rng = rng_start(21);
    ca_cap block = block_of(GRANULES * 16);
    size_t base = ca_cap_base_get(block);
    static bool model[GRANULES];

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        for (unsigned j = 0; j < 50; j++) {
            size_t granule = rng_below(&rng, GRANULES);
            assert_true(cai_tags_make_room(base + granule * 16));
            cai_tags_set(base + granule * 16);
            model[granule] = true;
        }
        size_t from = rng_below(&rng, GRANULES * 16);
        size_t bytes = 1 + rng_below(&rng, rng_below(&rng, 2) ? 64 : GRANULES * 16 - from);
        bytes = bytes < GRANULES * 16 - from ? bytes : GRANULES * 16 - from;
        cai_tags_clear(base + from, bytes);
        for (size_t granule = from / 16; granule * 16 < from + bytes; granule++)
            model[granule] = false;
        if (i % 50 == 0)
            for (size_t granule = 0; granule < GRANULES; granule++)
                assert_int_equal(cai_tags_get(base + granule * 16), model[granule]);
    }
    assert_int_equal(ca_cap_deallocate(block), CA_OK);
}

static void test_K9_tags_move_as_they_are(void **state)
{
    enum { GRANULES = 1000 };
    struct rng rng = rng_start(22);
    ca_cap from = block_of(GRANULES * 16), to = block_of(GRANULES * 16 + 16);
    uint64_t tags[(GRANULES + 63) / 64];

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        size_t count = 1 + rng_below(&rng, GRANULES), offset = 16 * rng_below(&rng, GRANULES - count + 1);
        cai_tags_clear(ca_cap_base_get(from), GRANULES * 16);
        cai_tags_clear(ca_cap_base_get(to), GRANULES * 16 + 16);
        for (unsigned j = 0; j < 100; j++) {
            size_t at = ca_cap_base_get(from) + 16 * rng_below(&rng, GRANULES);
            assert_true(cai_tags_make_room(at));
            cai_tags_set(at);
        }
        memset(tags, 0, sizeof tags);
        cai_tags_copy_out(ca_cap_base_get(from) + offset, count * 16, tags);
        assert_true(cai_tags_copy_in(ca_cap_base_get(to) + 16, count * 16, tags));
        for (size_t granule = 0; granule < count; granule++)
            assert_int_equal(cai_tags_get(ca_cap_base_get(from) + offset + granule * 16),
                             cai_tags_get(ca_cap_base_get(to) + 16 + granule * 16));
        assert_false(cai_tags_get(ca_cap_base_get(to)));
    }
    assert_int_equal(ca_cap_deallocate(from), CA_OK);
    assert_int_equal(ca_cap_deallocate(to), CA_OK);
}

static void test_N2_only_places_for_pointers_hold_tags(void **state)
{
    ca_authority heap = ca_default_authority();
    ca_layout layout = {64, 16};

    (void)state;
    ca_cap ordinary = ca_cap_unwrap(ca_cap_allocate(heap, layout));
    ca_cap mustzero = ca_cap_unwrap(ca_cap_allocate_mustzero(heap, layout));
    ca_cap nocaps = ca_cap_unwrap(ca_cap_allocate_nocaps(heap, layout));
    ca_cap secret = ca_cap_unwrap(ca_cap_allocate_secret(heap, layout));
    assert_true(cai_tags_held(ca_cap_base_get(ordinary)) && cai_tags_held(ca_cap_base_get(mustzero)));
    assert_false(cai_tags_held(ca_cap_base_get(nocaps)) || cai_tags_held(ca_cap_base_get(secret)));
    assert_false(cai_tags_held((size_t)&layout));
    ca_cap_deallocate(ordinary);
    ca_cap_deallocate(mustzero);
    ca_cap_deallocate(nocaps);
    ca_cap_deallocate(secret);
}

/* Memory that the tables take, by the kernel's own account; what was only read takes none. SIZE_MAX:
 * it does not say. */
static size_t table_bytes(void)
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    char line[512];
    size_t begin = (size_t)cai_tags.table, end = begin + (cai_tags.bytes >> 7), sum = 0;
    bool ours = false, found = false;

    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        char *rest;
        size_t from = strtoull(line, &rest, 16);
        if (*rest == '-') {
            ours = from < end && strtoull(rest + 1, NULL, 16) > begin;
        } else if (ours && strncmp(line, "Anonymous:", 10) == 0) {
            sum += strtoull(line + 10, NULL, 10) << 10;
            found = true;
        }
    }
    if (maps != NULL)
        fclose(maps);
    return found ? sum : SIZE_MAX;
}

static void test_K9_the_table_takes_a_bit_for_16_bytes(void **state)
{
    const size_t page = cai_os_page_size();
    const size_t bytes = 32 << 20;
    ca_cap block = block_of(bytes);

    (void)state;
    assert_int_equal(ca_cap_store_cap(block, 0, block), CA_CAP_FAULT_NONE);
    size_t before = table_bytes();
    if (before == SIZE_MAX)
        skip();
    /* Two pages touched: two pages of the table at most, and the statistics know of the chunks. All of it: 1/128, and
     * the pages at its ends. */
    ca_stats stats = CA_STATS_INIT, later = CA_STATS_INIT;
    ca_stats_read(&stats);
    assert_int_equal(ca_cap_store_cap(block, 4 << 20, block), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_store_cap(block, 20 << 20, block), CA_CAP_FAULT_NONE); /* a chunk of its own */
    assert_int_equal(ca_cap_store_u8(block, 20 << 20, 0), CA_CAP_FAULT_NONE);
    ca_stats_read(&later);
    assert_true(later.metadata_bytes >= stats.metadata_bytes + (64 << 10));
    assert_true(table_bytes() - before <= 2 * page);
    for (size_t at = 0; at < bytes / 2; at += 16)
        assert_int_equal(ca_cap_store_cap(block, (ptrdiff_t)at, block), CA_CAP_FAULT_NONE);
    assert_in_range(table_bytes() - before, bytes / 2 / 128 - 2 * page, bytes / 2 / 128 + 2 * page);
    /* Data takes none. */
    for (size_t at = bytes / 2; at < bytes; at += 16)
        assert_int_equal(ca_cap_store_u64(block, (ptrdiff_t)at, at), CA_CAP_FAULT_NONE);
    assert_true(table_bytes() - before <= bytes / 2 / 128 + 2 * page);
    /* And it comes back with the block, but for the pages at the ends. */
    assert_int_equal(ca_cap_deallocate(block), CA_OK);
    assert_true(table_bytes() <= before + 2 * page);
}

static void test_K9_no_tag_survives_the_block(void **state)
{
    static const size_t sizes[] = {16, 40, 64, 512, 1024, 5000, 40000, 1 << 20, 3 << 20};

    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned plain = 0; plain < 2; plain++) {
            ca_cap block = block_of(sizes[i]);
            size_t base = ca_cap_base_get(block), length = ca_cap_length_get(block);
            fill(block);
            assert_true(tags_in(block) == length / 16);
            if (plain) /* behind the back of the capability form */
                ca_deallocate((ca_block){(void *)base, length});
            else
                assert_int_equal(ca_cap_deallocate(block), CA_OK);
            if (!plain)
                assert_int_equal(tags_in(block), 0);
            ca_cap again = block_of(sizes[i]);
            assert_int_equal(tags_in(again), 0);
            assert_int_equal(ca_cap_deallocate(again), CA_OK);
        }
}

/* Threads on neighbouring granules, whose tags share words. */
enum { THREADS = 4, ROUNDS = 20000 };
static ca_cap shared;

static void *own_granules(void *argument)
{
    size_t number = (size_t)argument;

    for (size_t i = 0; i < ROUNDS; i++) {
        ptrdiff_t at = (ptrdiff_t)(16 * (number + THREADS * (i % 32)));
        ca_cap got;
        if (ca_cap_store_cap(shared, at, shared) != CA_CAP_FAULT_NONE ||
            ca_cap_load_cap(shared, at, &got) != CA_CAP_FAULT_NONE || !ca_cap_tag_get(got) ||
            ca_cap_store_u8(shared, at + 3, 1) != CA_CAP_FAULT_NONE ||
            ca_cap_load_cap(shared, at, &got) != CA_CAP_FAULT_NONE || ca_cap_tag_get(got))
            return "wrong";
    }
    return NULL;
}

static void test_K9_threads_do_not_disturb_each_other(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    shared = block_of(16 * THREADS * 32);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, own_granules, (void *)i), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
    assert_int_equal(ca_cap_deallocate(shared), CA_OK);
}

static void in_the_child(const void *argument)
{
    const ca_cap *block = argument;
    ca_cap got;

    require(ca_cap_load_cap(*block, 0, &got) == CA_CAP_FAULT_NONE && ca_cap_tag_get(got));
    require(ca_cap_store_u8(*block, 0, 1) == CA_CAP_FAULT_NONE);
    require(ca_cap_load_cap(*block, 0, &got) == CA_CAP_FAULT_NONE && !ca_cap_tag_get(got));
    ca_cap large = ca_cap_unwrap(ca_cap_allocate(ca_default_authority(), (ca_layout){16 << 20, 16}));
    require(ca_cap_store_cap(large, 9 << 20, *block) == CA_CAP_FAULT_NONE); /* a new piece of table */
    require(ca_cap_deallocate(large) == CA_OK && ca_cap_deallocate(*block) == CA_OK);
}

static void test_K9_a_forked_child_has_its_own(void **state)
{
    ca_cap block = block_of(64), got;

    (void)state;
    assert_int_equal(ca_cap_store_cap(block, 0, block), CA_CAP_FAULT_NONE);
    assert_child(20, in_the_child, &block);
    assert_int_equal(ca_cap_load_cap(block, 0, &got), CA_CAP_FAULT_NONE);
    assert_true(ca_cap_tag_get(got));
    assert_int_equal(ca_cap_deallocate(block), CA_OK);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_K9_ranges_are_cleared_to_the_granule),
        cmocka_unit_test(test_K9_tags_move_as_they_are),
        cmocka_unit_test(test_N2_only_places_for_pointers_hold_tags),
        cmocka_unit_test(test_K9_the_table_takes_a_bit_for_16_bytes),
        cmocka_unit_test(test_K9_no_tag_survives_the_block),
        cmocka_unit_test(test_K9_threads_do_not_disturb_each_other),
        cmocka_unit_test(test_K9_a_forked_child_has_its_own),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
