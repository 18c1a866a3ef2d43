/* Blocks of nocaps at malloc's doors: taken back by all of them, moved by none without need, and their runs marked as
 * long as somebody only guessed that they hold no pointers.
 */
#include "malloc/nocaps.h"

#include "unit/unit.h"

#include "blocks/find.h"
#include "support/content.h"
#include "support/refuse.h"

#include <capalloc/capalloc.h>

#include <errno.h>
#include <string.h>

static const size_t sizes[] = {1, 8, 15, 16, 17, 100, 512, 513, 5000, 32768, 32769, 100000, 1000000};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* As a token entry point does it. */
static void *take(size_t bytes, bool inferred)
{
    void *block = cai_allocate(CAI_PLACE_nocaps, bytes, false);

    assert_non_null(block);
    cai_nocaps_note(block, bytes, inferred);
    return block;
}

static bool is_marked(const void *address)
{
    struct cai_live live = cai_find_live(CAI_PLACE_nocaps, address);

    assert_non_null(live.state);
    return cai_live_run(live)->inferred;
}

static void test_N7_every_door_takes_them_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZES; i++) {
        void *block = take(sizes[i], true);
        assert_true(ca_malloc_usable_size(block) >= sizes[i]);
        memset(block, 1, ca_malloc_usable_size(block));
        ca_free(block);
        ca_free_sized(take(sizes[i], true), sizes[i]);
        ca_free_aligned_sized(take(sizes[i], true), 16, sizes[i]);
        assert_null(ca_realloc(take(sizes[i], true), 0));
        ca_free(ca_unwrap(ca_allocate_nocaps(ca_default_authority(), (ca_layout){sizes[i], 1})).ptr);
    }
    assert_int_equal(refused_calls, 0);
}

static void test_N7_V1_misuse_is_reported(void **state)
{
    void *block = take(100, true);
    void *large = take(100000, true);

    (void)state;
    ca_free((char *)block + 16);
    assert_int_equal(refused_report.kind, CA_VIOLATION_INVALID_FREE);
    assert_string_equal(refused_report.place, "nocaps");
    ca_free_sized(block, 4000);
    assert_int_equal(refused_report.kind, CA_VIOLATION_SIZE_MISMATCH);
    assert_string_equal(refused_report.place, "nocaps");
    assert_null(ca_realloc((char *)block + 16, 50));
    assert_int_equal(ca_malloc_usable_size((char *)block + 1), 0);
    assert_null(cai_nocaps_leave((char *)block + 16, 50, "test"));
    ca_free(block);
    ca_free(large);
    ca_free(block);
    assert_int_equal(refused_report.kind, CA_VIOLATION_DOUBLE_FREE);
    assert_string_equal(refused_report.function, "ca_free");
    ca_free(large);
    assert_int_equal(refused_report.kind, CA_VIOLATION_DOUBLE_FREE);
    assert_int_equal(refused_calls, 7);
    refuse_forget();
}

static void test_N7_Z1_must_zero_memory_stays_refused(void **state)
{
    ca_secret key = ca_unwrap(ca_allocate_secret(ca_default_authority(), (ca_layout){100, 1}));

    (void)state;
    ca_free(key.ptr);
    assert_int_equal(refused_report.kind, CA_VIOLATION_WRONG_DEALLOCATOR);
    assert_string_equal(refused_report.place, "secret");
    assert_null(ca_realloc(key.ptr, 200));
    assert_int_equal(refused_calls, 2);
    refuse_forget();
    ca_deallocate_zeroed(key);
}

static bool same_content(const void *block, size_t bytes)
{
    const unsigned char *text = block;

    for (size_t i = 0; i < bytes; i++)
        if (text[i] != (unsigned char)(i * 7 + 1))
            return false;
    return true;
}

static void fill(void *block, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        ((unsigned char *)block)[i] = (unsigned char)(i * 7 + 1);
}

/* realloc keeps place, content, exact size and mark. */
static void test_N5_N7_realloc_stays_in_the_place(void **state)
{
    (void)state;
    for (unsigned from = 0; from < SIZES; from++)
        for (unsigned to = 0; to < SIZES; to++) {
            size_t least = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
            void *block = take(sizes[from], true);
            fill(block, sizes[from]);
            block = ca_realloc(block, sizes[to]);
            assert_int_equal(cai_place_of(block), CAI_PLACE_nocaps);
            assert_true(same_content(block, least));
            assert_true(is_marked(block));
            if (sizes[to] > 16)
                assert_int_equal(ca_check((ca_nocaps){block, sizes[to]}), CA_OK);
            ca_free(block);
        }
}

static void test_N7_leaving_the_place(void **state)
{
    (void)state;
    for (unsigned from = 0; from < SIZES; from++)
        for (unsigned to = 0; to < SIZES; to++) {
            size_t least = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
            void *block = take(sizes[from], true);
            fill(block, sizes[from]);
            void *moved = cai_nocaps_leave(block, sizes[to], "test");
            assert_int_equal(cai_place_of(moved), CAI_PLACE_ordinary);
            assert_true(same_content(moved, least));
            assert_int_equal(ca_check((ca_nocaps){block, sizes[from]}), CA_ERROR_STALE);
            ca_free(moved);
        }
}

/* Only what was guessed marks a run; a run that is used anew is not marked any more. */
static void test_N7_runs_of_guesses_are_marked(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZES; i++) {
        ca_trim(); /* so that runs are new */
        void *promised = take(sizes[i], false);
        ca_nocaps stated = ca_unwrap(ca_allocate_nocaps(ca_default_authority(), (ca_layout){sizes[i], 1}));
        assert_false(is_marked(promised));
        assert_false(is_marked(stated.ptr));
        promised = ca_realloc(promised, sizes[i] * 3);
        assert_false(is_marked(promised));
        void *guessed = take(sizes[i], true);
        assert_true(is_marked(guessed));
        ca_free(guessed);
        ca_free(promised);
        ca_deallocate(stated);
        ca_trim();
    }
    /* Also where the thread kept the block for itself. */
    void *guessed = take(100000, true);
    ca_free(guessed);
    void *promised = take(100000, false);
    assert_ptr_equal(promised, guessed);
    assert_false(is_marked(promised));
    ca_free(promised);
}

static void test_N7_places_of_addresses(void **state)
{
    int here = 0;
    void *ordinary = ca_malloc(1);
    ca_nocaps flat = ca_unwrap(ca_allocate_nocaps(ca_default_authority(), (ca_layout){1, 1}));

    (void)state;
    assert_int_equal(cai_back_place(NULL), CAI_PLACE_ordinary);
    assert_int_equal(cai_back_place(&here), CAI_PLACE_ordinary);
    assert_int_equal(cai_back_place((void *)UINTPTR_MAX), CAI_PLACE_ordinary);
    assert_int_equal(cai_back_place(ordinary), CAI_PLACE_ordinary);
    assert_int_equal(cai_back_place(flat.ptr), CAI_PLACE_nocaps);
    ca_free(ordinary);
    ca_deallocate(flat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_N7_runs_of_guesses_are_marked),
        cmocka_unit_test(test_N7_every_door_takes_them_back),
        cmocka_unit_test(test_N7_V1_misuse_is_reported),
        cmocka_unit_test(test_N7_Z1_must_zero_memory_stays_refused),
        cmocka_unit_test(test_N5_N7_realloc_stays_in_the_place),
        cmocka_unit_test(test_N7_leaving_the_place),
        cmocka_unit_test(test_N7_places_of_addresses),
    };

    refuse_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
