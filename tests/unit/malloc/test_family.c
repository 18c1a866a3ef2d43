/* The malloc family through its ca_ names: what each function promises at the edges of its arguments. */
#include "unit/unit.h"

#include "base/bits.h"
#include "blocks/sizeclass.h"
#include "support/content.h"
#include "support/refuse.h"
#include "support/rng.h"

#include <capalloc/malloc.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Sizes that no process can have; through a volatile, or the compiler warns. */
static const volatile size_t impossible[] = {
    (size_t)PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX,        SIZE_MAX - 15,
    SIZE_MAX - 4095,     SIZE_MAX / 2 + 4096,     (size_t)1 << 47,
};
enum { IMPOSSIBLE = sizeof impossible / sizeof *impossible };

static const size_t sizes[] = {0,    1,    15,    16,    17,    100,   128,    129,    512,    513,     1000,    1024,
                               1025, 4096, 16384, 16385, 32768, 32769, 100000, 524288, 524289, 1048576, 10000000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static const size_t not_alignments[] = {0, 3, 5, 24, 48, 4095, SIZE_MAX, SIZE_MAX - 1};
enum { NOT_ALIGNMENTS = sizeof not_alignments / sizeof *not_alignments };

/* The block is usable in full, aligned, and errno was kept. */
static void check_block(void *block, size_t bytes, size_t align)
{
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % (align < 16 ? 16 : align), 0);
    assert_true(ca_malloc_usable_size(block) >= bytes && ca_malloc_usable_size(block) >= 1);
    assert_int_equal(errno, 77);
    memset(block, 0x5a, ca_malloc_usable_size(block));
}

static void check_out_of_memory(const void *block)
{
    assert_null(block);
    assert_int_equal(errno, ENOMEM);
    errno = 77;
}

static void test_D1_D2_malloc_of_every_size(void **state)
{
    (void)state;
    errno = 77;
    for (unsigned i = 0; i < SIZES; i++) {
        void *a = ca_malloc(sizes[i]);
        void *b = ca_malloc(sizes[i]);
        check_block(a, sizes[i], 16);
        check_block(b, sizes[i], 16);
        assert_ptr_not_equal(a, b); /* zero bytes are a block of their own, too */
        ca_free(a);
        ca_free(b);
    }
}

static void test_D2_malloc_of_too_much(void **state)
{
    (void)state;
    errno = 77;
    for (unsigned i = 0; i < IMPOSSIBLE; i++) {
        check_out_of_memory(ca_malloc(impossible[i]));
        check_out_of_memory(ca_calloc(impossible[i], 1));
        check_out_of_memory(ca_calloc(1, impossible[i]));
        check_out_of_memory(ca_realloc(NULL, impossible[i]));
        check_out_of_memory(ca_reallocarray(NULL, impossible[i], 1));
        check_out_of_memory(ca_aligned_alloc(64, impossible[i]));
        check_out_of_memory(ca_memalign(4096, impossible[i]));
        check_out_of_memory(ca_valloc(impossible[i]));
        check_out_of_memory(ca_pvalloc(impossible[i]));
        void *untouched = &untouched;
        assert_int_equal(ca_posix_memalign(&untouched, 64, impossible[i]), ENOMEM);
        assert_ptr_equal(untouched, &untouched);
        assert_int_equal(errno, 77);
    }
}

static void test_D1_D2_calloc_is_zero(void **state)
{
    (void)state;
    errno = 77;
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < SIZES; i++) {
            char *block = ca_calloc(sizes[i], 1);
            assert_non_null(block);
            assert_true(content_is_zero(block, sizes[i]));
            check_block(block, sizes[i], 16); /* leaves it dirty for the next round */
            ca_free(block);
            block = ca_calloc(3, sizes[i] / 3);
            assert_true(content_is_zero(block, sizes[i] / 3 * 3));
            memset(block, 0xff, ca_malloc_usable_size(block));
            ca_free(block);
        }
}

static void test_D2_calloc_overflow(void **state)
{
    static const volatile size_t pairs[][2] = {
        {SIZE_MAX, 2},         {2, SIZE_MAX},           {SIZE_MAX, SIZE_MAX}, {(size_t)1 << 32, (size_t)1 << 32},
        {SIZE_MAX / 2 + 2, 2}, {SIZE_MAX / 16 + 1, 16}, {(size_t)1 << 63, 2}, {PTRDIFF_MAX, 3},
    };

    (void)state;
    errno = 77;
    for (unsigned i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        check_out_of_memory(ca_calloc(pairs[i][0], pairs[i][1]));
        check_out_of_memory(ca_reallocarray(NULL, pairs[i][0], pairs[i][1]));
        char *block = ca_malloc(100);
        content_fill(block, 0, 100, 1);
        check_out_of_memory(ca_reallocarray(block, pairs[i][0], pairs[i][1]));
        assert_true(content_holds(block, 100, 1));
        ca_free(block);
    }
    void *none = ca_calloc(0, SIZE_MAX);
    check_block(none, 0, 16);
    ca_free(none);
}

static void test_D1_D2_realloc_keeps_content(void **state)
{
    (void)state;
    errno = 77;
    for (unsigned from = 0; from < SIZES; from++)
        for (unsigned to = 0; to < SIZES; to++) {
            char *block = ca_malloc(sizes[from]);
            content_fill(block, 0, sizes[from], from + 1);
            char *resized = ca_realloc(block, sizes[to]);
            if (sizes[to] == 0) {
                assert_null(resized); /* freed */
            } else {
                assert_true(content_holds(resized, cai_min(sizes[from], sizes[to]), from + 1));
                check_block(resized, sizes[to], 16);
                ca_free(resized);
            }
            assert_int_equal(errno, 77);
        }
}

static void test_D2_realloc_step_by_step(void **state)
{
    char *block = NULL;
    size_t bytes = 1;
    size_t before = 0;

    (void)state;
    for (; bytes < 3000000; before = bytes, bytes += 1 + bytes / 5) {
        block = ca_realloc(block, bytes);
        assert_non_null(block);
        assert_true(content_holds(block, before, 9));
        content_fill(block, before, bytes, 9);
    }
    for (bytes = before; bytes > 1; bytes -= 1 + bytes / 7) {
        block = ca_realloc(block, bytes);
        assert_non_null(block);
        assert_true(content_holds(block, bytes, 9));
    }
    ca_free(block);
}

static void test_D2_failed_realloc_leaves_the_block(void **state)
{
    (void)state;
    errno = 77;
    for (unsigned i = 0; i < SIZES; i++)
        for (unsigned k = 0; k < IMPOSSIBLE; k++) {
            char *block = ca_malloc(sizes[i]);
            size_t usable = ca_malloc_usable_size(block);
            content_fill(block, 0, sizes[i], i);
            check_out_of_memory(ca_realloc(block, impossible[k]));
            assert_true(content_holds(block, sizes[i], i) && ca_malloc_usable_size(block) == usable);
            ca_free(block);
        }
}

static void test_D1_D2_reallocarray(void **state)
{
    (void)state;
    errno = 77;
    char *block = ca_reallocarray(NULL, 10, 30);
    check_block(block, 300, 16);
    content_fill(block, 0, 300, 2);
    block = ca_reallocarray(block, 1000, 30);
    assert_true(content_holds(block, 300, 2));
    check_block(block, 30000, 16);
    assert_null(ca_reallocarray(block, 0, 30));
    assert_int_equal(errno, 77);
}

static void test_D1_D2_aligned_alloc(void **state)
{
    (void)state;
    errno = 77;
    for (size_t align = 1; align <= 64 * CAI_MIB; align *= 2)
        for (unsigned i = 0; i < SIZES; i++) {
            void *block = ca_aligned_alloc(align, sizes[i]);
            check_block(block, sizes[i], align);
            ca_free(block);
            block = ca_memalign(align, sizes[i]);
            check_block(block, sizes[i], align);
            ca_free_aligned_sized(block, align, sizes[i]);
            if (align >= sizeof(void *)) {
                assert_int_equal(ca_posix_memalign(&block, align, sizes[i]), 0);
                check_block(block, sizes[i], align);
                ca_free(block);
            }
        }
}

static void test_D2_wrong_alignments(void **state)
{
    void *untouched = &untouched;

    (void)state;
    for (unsigned i = 0; i < NOT_ALIGNMENTS; i++) {
        errno = 77;
        assert_null(ca_aligned_alloc(not_alignments[i], 64));
        assert_int_equal(errno, EINVAL);
        errno = 77;
        assert_int_equal(ca_posix_memalign(&untouched, not_alignments[i], 64), EINVAL);
        assert_int_equal(errno, 77);
    }
    for (size_t align = 1; align < sizeof(void *); align *= 2)
        assert_int_equal(ca_posix_memalign(&untouched, align, 64), EINVAL);
    assert_ptr_equal(untouched, &untouched);
}

static void test_D1_D2_memalign_rounds_up(void **state)
{
    static const size_t asked[][2] = {
        {0, 16},  {1, 16},    {3, 16},      {15, 16},     {17, 32},     {24, 32},         {33, 64},
        {48, 64}, {100, 128}, {4095, 4096}, {4097, 8192}, {5000, 8192}, {100000, 131072}, {(1 << 20) + 1, 1 << 21}};

    (void)state;
    errno = 77;
    for (unsigned i = 0; i < sizeof asked / sizeof *asked; i++)
        for (unsigned k = 0; k < SIZES; k++) {
            void *block = ca_memalign(asked[i][0], sizes[k]);
            check_block(block, sizes[k], asked[i][1]);
            ca_free(block);
        }
    static const volatile size_t too_large[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 2};
    for (unsigned i = 0; i < sizeof too_large / sizeof *too_large; i++) {
        assert_null(ca_memalign(too_large[i], 64));
        assert_int_equal(errno, EINVAL);
        errno = 77;
    }
    check_out_of_memory(ca_memalign(SIZE_MAX / 2 + 1, 64));
    check_out_of_memory(ca_memalign(SIZE_MAX / 2, 64)); /* rounded up to that */
}

static void test_D2_huge_alignments(void **state)
{
    void *untouched = &untouched;

    (void)state;
    errno = 77;
    for (unsigned shift = 44; shift < 64; shift++) {
        check_out_of_memory(ca_aligned_alloc((size_t)1 << shift, 64));
        check_out_of_memory(ca_memalign((size_t)1 << shift, 10000000));
        assert_int_equal(ca_posix_memalign(&untouched, (size_t)1 << shift, 0), ENOMEM);
    }
    assert_ptr_equal(untouched, &untouched);
    void *block = ca_aligned_alloc((size_t)1 << 40, 64); /* met or turned down, never ignored */
    assert_true(block == NULL || (uintptr_t)block % ((size_t)1 << 40) == 0);
    ca_free(block);
}

static void test_D1_D2_valloc_and_pvalloc(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    (void)state;
    errno = 77;
    for (unsigned i = 0; i < SIZES; i++) {
        void *block = ca_valloc(sizes[i]);
        check_block(block, sizes[i], page);
        ca_free(block);
        block = ca_pvalloc(sizes[i]);
        check_block(block, cai_round_up(sizes[i] == 0 ? 1 : sizes[i], page), page);
        ca_free(block);
    }
    check_out_of_memory(ca_pvalloc(PTRDIFF_MAX - page / 2));
}

static void test_D2_free_keeps_errno(void **state)
{
    void *blocks[2000];

    (void)state;
    for (unsigned i = 0; i < SIZES; i++) {
        unsigned count = sizes[i] > 100000 ? 20 : 2000;
        for (unsigned k = 0; k < count; k++)
            blocks[k] = ca_malloc(sizes[i]);
        errno = 77;
        for (unsigned k = 0; k < count; k++) {
            ca_free(blocks[k]);
            assert_int_equal(errno, 77);
        }
    }
    ca_free(NULL);
    ca_free_sized(NULL, 5);
    ca_free_aligned_sized(NULL, 16, 5);
    assert_int_equal(ca_malloc_usable_size(NULL), 0);
    ca_trim();
    assert_int_equal(errno, 77);
}

static void test_D1_V2_free_sized(void **state)
{
    (void)state;
    refuse_start();
    for (unsigned i = 0; i < SIZES; i++) {
        char *block = ca_malloc(sizes[i]);
        size_t usable = ca_malloc_usable_size(block);
        refuse_forget();
        ca_free_sized(block, usable + 1);
        assert_int_equal(refused_calls, 1);
        assert_int_equal(refused_report.kind, CA_VIOLATION_SIZE_MISMATCH);
        assert_string_equal(refused_report.function, "ca_free_sized");
        assert_true(refused_report.size == usable && refused_report.address == block);
        ca_free_sized(block, SIZE_MAX);
        assert_int_equal(refused_calls, 2);
        if (usable > 64) {
            ca_free_sized(block, usable / 4);
            assert_int_equal(refused_calls, 3);
        }
        refuse_forget();
        memset(block, 1, usable); /* still ours */
        ca_free_sized(block, sizes[i]);
        assert_int_equal(refused_calls, 0);
        ca_free_sized(block, sizes[i]);
        assert_int_equal(refused_calls, 1);
        assert_int_not_equal(refused_report.kind, CA_VIOLATION_SIZE_MISMATCH);
    }
    ca_set_violation_handler(NULL);
}

/* What realloc returned was asked for with realloc's size. */
static void test_D1_free_sized_after_realloc(void **state)
{
    struct rng rng = rng_start(12);

    (void)state;
    refuse_start();
    for (unsigned i = 0; i < 3000; i++) {
        size_t bytes = rng_size(&rng, 20);
        uint64_t times = rng_below(&rng, 4);
        bool aligned = times != 0 && rng_below(&rng, 2) != 0; /* free_sized is for what came of it */
        char *block = aligned ? ca_aligned_alloc((size_t)1 << rng_below(&rng, 20), bytes) : ca_malloc(bytes);
        for (; times > 0; times--) {
            bytes = 1 + rng_size(&rng, 20);
            block = ca_realloc(block, bytes);
        }
        ca_free_sized(block, bytes);
        size_t align = (size_t)1 << rng_below(&rng, 20);
        ca_free_aligned_sized(ca_aligned_alloc(align, bytes), align, bytes);
        assert_int_equal(refused_calls, 0);
    }
    ca_set_violation_handler(NULL);
}

static void test_V2_refused_realloc(void **state)
{
    (void)state;
    refuse_start();
    char *block = ca_malloc(100);
    content_fill(block, 0, 100, 4);
    assert_null(ca_realloc(block + 16, 50));
    assert_null(ca_realloc(block + 1, 5000));
    assert_null(ca_realloc(block + 32, 0));
    assert_int_equal(ca_malloc_usable_size(block + 8), 0);
    assert_int_equal(refused_calls, 4);
    assert_string_equal(refused_report.function, "ca_malloc_usable_size");
    assert_true(content_holds(block, 100, 4));
    ca_free(block);
    assert_int_equal(refused_calls, 4);
    ca_set_violation_handler(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D1_D2_malloc_of_every_size),
        cmocka_unit_test(test_D2_malloc_of_too_much),
        cmocka_unit_test(test_D1_D2_calloc_is_zero),
        cmocka_unit_test(test_D2_calloc_overflow),
        cmocka_unit_test(test_D1_D2_realloc_keeps_content),
        cmocka_unit_test(test_D2_realloc_step_by_step),
        cmocka_unit_test(test_D2_failed_realloc_leaves_the_block),
        cmocka_unit_test(test_D1_D2_reallocarray),
        cmocka_unit_test(test_D1_D2_aligned_alloc),
        cmocka_unit_test(test_D2_wrong_alignments),
        cmocka_unit_test(test_D1_D2_memalign_rounds_up),
        cmocka_unit_test(test_D2_huge_alignments),
        cmocka_unit_test(test_D1_D2_valloc_and_pvalloc),
        cmocka_unit_test(test_D2_free_keeps_errno),
        cmocka_unit_test(test_D1_V2_free_sized),
        cmocka_unit_test(test_D1_free_sized_after_realloc),
        cmocka_unit_test(test_V2_refused_realloc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
