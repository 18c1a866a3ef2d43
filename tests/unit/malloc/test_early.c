/* Blocks from before the library was ready, and what the family does with them later. */
#include "unit/unit.h"

#include "malloc/early.h"
#include "support/content.h"

#include <capalloc/malloc.h>
#include <errno.h>
#include <stdint.h>

static void test_D3_it_is_not_too_early(void **state)
{
    (void)state;
    assert_false(cai_early());
    char *block = ca_malloc(100);
    assert_false(cai_early_owns(block));
    assert_false(cai_early_owns(NULL));
    ca_free(block);
}

static void test_D3_early_blocks_are_apart_aligned_and_zero(void **state)
{
    char *before = NULL;
    size_t end = 0;

    (void)state;
    errno = 77;
    for (size_t size = 0; size < 300; size = size * 2 + 1)
        for (size_t align = 1; align <= 1024; align *= 4) {
            char *block = cai_early_allocate(size, align);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % (align < 16 ? 16 : align), 0);
            assert_true(cai_early_owns(block) && cai_early_usable(block) >= size);
            assert_true(before == NULL || block >= before + end);
            assert_true(content_is_zero(block, cai_early_usable(block)));
            content_fill(block, 0, cai_early_usable(block), 1);
            before = block;
            end = cai_early_usable(block);
        }
    assert_int_equal(errno, 77);
}

static void test_D3_early_blocks_grow_early(void **state)
{
    char *block = cai_early_allocate(100, 16);

    (void)state;
    content_fill(block, 0, 100, 5);
    block = cai_early_resize(block, 1000);
    assert_true(content_holds(block, 100, 5));
    block = cai_early_resize(block, 50);
    assert_true(content_holds(block, 50, 5));
    assert_non_null(cai_early_resize(NULL, 10));
}

static void test_D3_the_family_takes_early_blocks(void **state)
{
    char *block = cai_early_allocate(100, 16);

    (void)state;
    content_fill(block, 0, 100, 7);
    errno = 77;
    assert_true(ca_malloc_usable_size(block) >= 100);
    ca_free(block);
    ca_free_sized(block, 100);
    ca_free_aligned_sized(block, 16, 100);
    assert_null(ca_realloc(block, 0));
    assert_true(content_holds(block, 100, 7)); /* all of these forget it */
    char *moved = ca_realloc(block, 5000);
    assert_true(!cai_early_owns(moved) && content_holds(moved, 100, 7));
    ca_free(moved);
    moved = ca_realloc(block, 10);
    assert_true(!cai_early_owns(moved) && content_holds(moved, 10, 7));
    ca_free(moved);
    assert_int_equal(errno, 77);
    assert_null(ca_realloc(block, (size_t)PTRDIFF_MAX + 1));
    assert_int_equal(errno, ENOMEM);
    assert_true(content_holds(block, 100, 7));
}

/* Last: nothing comes back. */
static void test_D3_early_memory_ends(void **state)
{
    (void)state;
    assert_null(cai_early_allocate(SIZE_MAX, 16));
    assert_null(cai_early_allocate(1 << 20, 16));
    assert_null(cai_early_allocate(16, (size_t)1 << 40));
    assert_null(cai_early_allocate(16, (size_t)1 << 63));
    for (unsigned i = 0; i < 70; i++)
        cai_early_allocate(1000, 16);
    assert_null(cai_early_allocate(1000, 16));
    assert_null(cai_early_resize(NULL, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D3_it_is_not_too_early),
        cmocka_unit_test(test_D3_early_blocks_are_apart_aligned_and_zero),
        cmocka_unit_test(test_D3_early_blocks_grow_early),
        cmocka_unit_test(test_D3_the_family_takes_early_blocks),
        cmocka_unit_test(test_D3_early_memory_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
