/* Metadata memory: zeroed, aligned, apart from everything else, and handed out again. */
#include "unit/unit.h"

#include "base/bits.h"
#include "core/settings.h"
#include "pages/meta.h"
#include "pages/zone.h"
#include "support/content.h"
#include "support/rng.h"

#include <string.h>
#include <sys/mman.h>

static int start(void **state)
{
    (void)state;
    cai_settings_start();
    return cai_pages_start() == CAI_PAGES_STARTED ? 0 : -1;
}

static void test_zeroed_and_aligned(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes <= 300000; bytes = bytes * 3 / 2 + 1) {
        for (unsigned i = 0; i < 3; i++) {
            char *memory = cai_meta_allocate(bytes);
            assert_non_null(memory);
            assert_true(content_is_zero(memory, bytes));
            assert_int_equal((uintptr_t)memory % (bytes >= 4096 ? 4096 : 64), 0);
            assert_int_equal(cai_place_of(memory), CAI_PLACE_none);
            memset(memory, 0xff, bytes);
            if (i != 1)
                cai_meta_free(memory, bytes);
        }
    }
}

static void test_reuse(void **state)
{
    void *first = cai_meta_allocate(1000);
    size_t bytes = cai_meta_bytes();

    (void)state;
    cai_meta_free(first, 1000);
    assert_ptr_equal(cai_meta_allocate(1000), first);
    cai_meta_free(first, 1000);
    assert_ptr_equal(cai_meta_allocate(513), first); /* same power of two */
    assert_true(cai_meta_bytes() == bytes);
    cai_meta_free(first, 513);
}

/* Of whole pages, that is. */
static void test_free_is_not_resident(void **state)
{
    enum { PIECE = 1 << 20 };
    char *memory = cai_meta_allocate(PIECE);
    size_t page = cai_settings->page_bytes;
    unsigned char resident[PIECE / 4096];

    (void)state;
    memset(memory, 0xff, PIECE);
    cai_meta_free(memory, PIECE);
    if ((uintptr_t)memory % page != 0)
        skip(); /* pages longer than pieces are aligned to */
    assert_int_equal(mincore(memory, PIECE, resident), 0);
    for (size_t i = 0; i < PIECE / page; i++)
        assert_int_equal(resident[i] & 1, 0);
    assert_ptr_equal(cai_meta_allocate(PIECE), memory);
    assert_true(content_is_zero(memory, PIECE));
    cai_meta_free(memory, PIECE);
}

/* More free pieces of a page than are known to be empty: each comes back once, and zero. */
static void test_many_free_pages(void **state)
{
    enum { PIECES = 200, BYTES = 4096 };
    char *memory[PIECES];

    (void)state;
    for (unsigned turn = 0; turn < 2; turn++) {
        size_t before = cai_meta_bytes();
        for (unsigned i = 0; i < PIECES; i++) {
            memory[i] = cai_meta_allocate(BYTES);
            assert_non_null(memory[i]);
            assert_true(content_is_zero(memory[i], BYTES));
            memset(memory[i], (int)(i + 1), BYTES);
        }
        for (unsigned i = 0; i < PIECES; i++)
            assert_true(memory[i][0] == (char)(i + 1) && memory[i][BYTES - 1] == (char)(i + 1));
        assert_true(turn == 0 || cai_meta_bytes() == before);
        for (unsigned i = 0; i < PIECES; i++)
            cai_meta_free(memory[i], BYTES);
    }
}

static void test_impossible_size(void **state)
{
    (void)state;
    assert_null(cai_meta_allocate((size_t)1 << 39));
    assert_non_null(cai_meta_allocate(64));
}

static void test_random(void **state)
{
    enum { SLOTS = 100 };
    struct rng rng = rng_start(4);
    struct {
        char *memory;
        size_t bytes;
        uint64_t seed;
    } slots[SLOTS];

    (void)state;
    memset(slots, 0, sizeof slots);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned at = (unsigned)rng_below(&rng, SLOTS);
        if (slots[at].memory != NULL) {
            assert_true(content_holds(slots[at].memory, slots[at].bytes, slots[at].seed));
            cai_meta_free(slots[at].memory, slots[at].bytes);
            slots[at].memory = NULL;
        } else {
            slots[at].bytes = 1 + rng_size(&rng, 12);
            slots[at].seed = rng_next(&rng);
            slots[at].memory = cai_meta_allocate(slots[at].bytes);
            assert_non_null(slots[at].memory);
            assert_true(content_is_zero(slots[at].memory, slots[at].bytes));
            content_fill(slots[at].memory, 0, slots[at].bytes, slots[at].seed);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_and_aligned),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_free_is_not_resident),
        cmocka_unit_test(test_many_free_pages),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_impossible_size), /* last: an emulator keeps the addresses that it could not map */
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
