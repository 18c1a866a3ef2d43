/* The heap's own form: exact sizes, all four types, and what is not authentic refused with nothing changed. */
#include "unit/unit.h"

#include "pages/place.h"
#include "pages/zone.h"
#include "support/content.h"
#include "support/refuse.h"
#include "support/rng.h"

#include <capalloc/capalloc.h>

#include <stdint.h>
#include <stdlib.h>

static const size_t sizes[] = {1,   2,   15,   16,   17,   31,   32,    33,    100,   128,   129,    255,    500,
                               512, 513, 1000, 1024, 4096, 5000, 32767, 32768, 32769, 65536, 100000, 1 << 20};
enum { SIZES = sizeof sizes / sizeof *sizes };

static ca_authority heap(void)
{
    return ca_default_authority();
}

static ca_layout of(size_t size)
{
    return (ca_layout){.size = size, .align = 8};
}

static void test_C1_the_length_is_what_was_asked_for(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZES; i++)
        for (size_t align = 1; align <= 1 << 17; align *= 8) {
            ca_layout layout = {.size = sizes[i], .align = align};
            ca_block plain = ca_unwrap(ca_allocate(heap(), layout));
            ca_block zeroed = ca_unwrap(ca_allocate_zeroed(heap(), layout));
            ca_block roomy = ca_unwrap(ca_allocate_at_least(heap(), layout));
            assert_int_equal(plain.size, sizes[i]);
            assert_int_equal(zeroed.size, sizes[i]);
            assert_true(roomy.size >= sizes[i]);
            assert_true((uintptr_t)plain.ptr % align == 0 && (uintptr_t)roomy.ptr % align == 0);
            assert_true(content_is_zero(zeroed.ptr, zeroed.size));
            memset(roomy.ptr, 1, roomy.size);
            ca_deallocate(plain);
            ca_deallocate(zeroed);
            ca_deallocate(roomy);
        }
}

static void test_C1_bad_layouts_and_authorities_are_errors(void **state)
{
    static const ca_layout bad[] = {{8, 0}, {8, 3}, {PTRDIFF_MAX, 16}, {SIZE_MAX, 1}, {SIZE_MAX, 64}};

    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ca_error_of(ca_allocate(heap(), bad[i])), CA_ERROR_LAYOUT);
        assert_int_equal(ca_error_of(ca_allocate_nocaps(heap(), bad[i])), CA_ERROR_LAYOUT);
        assert_int_equal(ca_error_of(ca_allocate_mustzero(heap(), bad[i])), CA_ERROR_LAYOUT);
        assert_int_equal(ca_error_of(ca_allocate_secret(heap(), bad[i])), CA_ERROR_LAYOUT);
    }
    assert_int_equal(ca_error_of(ca_allocate(heap(), CA_LAYOUT_ARRAY(long, SIZE_MAX / 4))), CA_ERROR_LAYOUT);
    assert_int_equal(ca_error_of(ca_allocate(heap(), of((size_t)1 << 60))), CA_ERROR_OUT_OF_MEMORY);
    for (unsigned i = 0; i < 64; i++) {
        ca_authority forged = heap();
        forged.opaque[0] ^= (uint64_t)1 << i;
        assert_int_equal(ca_error_of(ca_allocate(forged, of(8))), CA_ERROR_NOT_PERMITTED);
    }
    assert_int_equal(ca_error_of(ca_allocate((ca_authority){{0, 0}}, of(8))), CA_ERROR_NOT_PERMITTED);
}

static void test_A1_size_zero(void **state)
{
    (void)state;
    ca_block none = ca_unwrap(ca_allocate(heap(), (ca_layout){.size = 0, .align = 64}));
    assert_non_null(none.ptr);
    assert_int_equal(none.size, 0);
    assert_int_equal((uintptr_t)none.ptr % 64, 0);
    assert_int_equal(ca_check(none), CA_OK);
    ca_block grown = ca_unwrap(ca_grow_zeroed(heap(), none, of(100)));
    assert_true(content_is_zero(grown.ptr, 100));
    ca_block shrunk = ca_unwrap(ca_shrink(grown, of(0)));
    assert_int_equal(shrunk.size, 0);
    ca_deallocate(shrunk);
    ca_deallocate(none);
}

/* Everything but the exact block is refused, says so, and changes nothing. */
static void test_C2_only_the_exact_block_goes_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZES; i++) {
        ca_block block = ca_unwrap(ca_allocate(heap(), of(sizes[i])));
        content_fill(block.ptr, 0, block.size, i);
        refuse_start();
        ca_deallocate(((ca_block){.ptr = block.ptr, .size = block.size + 1}));
        assert_true(was_refused("size-mismatch"));
        if (block.size > 1) {
            ca_deallocate(((ca_block){.ptr = block.ptr, .size = block.size - 1}));
            assert_true(was_refused("size-mismatch"));
            ca_deallocate(((ca_block){.ptr = (char *)block.ptr + 1, .size = block.size - 1}));
            assert_true(was_refused("invalid-free"));
        }
        ca_nocaps_deallocate((ca_nocaps){.ptr = block.ptr, .size = block.size});
        assert_true(was_refused("wrong-deallocator"));
        ca_mustzero_deallocate_zeroed((ca_mustzero){.ptr = block.ptr, .size = block.size});
        assert_true(was_refused("wrong-deallocator"));
        ca_deallocate(((ca_block){.ptr = &block, .size = sizeof block}));
        assert_true(was_refused("invalid-free"));
        assert_true(content_holds(block.ptr, block.size, i));
        assert_int_equal(ca_check(block), CA_OK);
        ca_deallocate(block);
        assert_int_equal(refused_calls, 0);
        assert_true(ca_check(block) == CA_ERROR_STALE || ca_check(block) == CA_ERROR_INVALID);
        ca_deallocate(block);
        assert_true(refused_calls == 1);
        ca_set_violation_handler(NULL);
    }
}

/* Whoever asked how much may be used has used it. */
static void test_C4_what_is_usable_survives_a_grow(void **state)
{
    static const size_t lengths[] = {5, 100, 600, 20000, 40000};

    (void)state;
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        ca_block block = ca_unwrap(ca_allocate(ca_default_authority(), of(lengths[i])));
        ca_nocaps nocaps = ca_unwrap(ca_allocate_nocaps(ca_default_authority(), of(lengths[i])));
        size_t usable = ca_malloc_usable_size(block.ptr);
        assert_true(usable > lengths[i]);
        content_fill(block.ptr, 0, usable, i);
        content_fill(nocaps.ptr, 0, usable, i);
        for (size_t more = 2 * usable; more <= 4 * usable; more += usable) {
            block = ca_unwrap(ca_grow(ca_default_authority(), block, of(more)));
            nocaps = ca_unwrap(ca_grow(ca_default_authority(), nocaps, of(more)));
            assert_true(content_holds(block.ptr, usable, i) && content_holds(nocaps.ptr, usable, i));
        }
        ca_deallocate(block);
        ca_deallocate(nocaps);
    }
}

static void test_C3_shrink_stays_and_narrows(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZES; i++) {
        ca_block block = ca_unwrap(ca_allocate(heap(), of(sizes[i])));
        content_fill(block.ptr, 0, block.size, i);
        while (block.size > 1) {
            ca_block before = block;
            block = ca_unwrap(ca_shrink(
                before, (ca_layout){.size = before.size - before.size / 3 - 1 + (before.size < 3), .align = 1}));
            assert_ptr_equal(block.ptr, before.ptr);
            assert_true(block.size <= before.size && content_holds(block.ptr, block.size, i));
            assert_int_equal(ca_check(block), CA_OK);
            if (block.size == before.size)
                break;
            assert_int_equal(ca_check(before), CA_ERROR_INVALID);
        }
        assert_int_equal(ca_error_of(ca_shrink(block, of(block.size + 1))), CA_ERROR_LAYOUT);
        assert_int_equal(ca_error_of(ca_shrink(block, (ca_layout){.size = 1, .align = (size_t)1 << 40})),
                         CA_ERROR_LAYOUT);
        ca_deallocate(block);
    }
}

static void test_C4_grow_needs_authority(void **state)
{
    const ca_authority nobody = {{1, 0}};

    (void)state;
    for (unsigned i = 0; i < SIZES; i++) {
        ca_block block = ca_unwrap(ca_allocate(heap(), of(sizes[i])));
        content_fill(block.ptr, 0, block.size, i);
        assert_int_equal(ca_error_of(ca_grow(nobody, block, of(2 * sizes[i]))), CA_ERROR_NOT_PERMITTED);
        assert_int_equal(ca_error_of(ca_grow(heap(), block, of(block.size - 1))), CA_ERROR_LAYOUT);
        assert_int_equal(ca_error_of(ca_grow(heap(), block, of((size_t)1 << 60))), CA_ERROR_OUT_OF_MEMORY);
        assert_true(content_holds(block.ptr, block.size, i) && ca_check(block) == CA_OK);
        for (unsigned step = 0; step < 4; step++) {
            size_t old = block.size;
            block = ca_unwrap(ca_grow_zeroed(heap(), block, (ca_layout){.size = old * 2 + 1, .align = 32}));
            assert_int_equal((uintptr_t)block.ptr % 32, 0);
            assert_true(content_holds(block.ptr, old, i));
            assert_true(content_is_zero((char *)block.ptr + old, block.size - old));
            content_fill(block.ptr, 0, block.size, i);
        }
        ca_deallocate(block);
    }
}

static void test_N1_N5_pointer_free_blocks_stay_in_their_place(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZES; i++) {
        ca_nocaps block = ca_unwrap(ca_allocate_nocaps_zeroed(heap(), of(sizes[i])));
        assert_true(content_is_zero(block.ptr, block.size));
        for (unsigned step = 0; step < 3; step++) {
            assert_int_equal(cai_place_of(block.ptr), CAI_PLACE_nocaps);
            assert_int_equal(cai_place_of((char *)block.ptr + block.size - 1), CAI_PLACE_nocaps);
            block = ca_unwrap(ca_grow(heap(), block, of(block.size * 3)));
        }
        block = ca_unwrap(ca_shrink(block, (ca_layout){.size = block.size / 2 + 1, .align = 1}));
        assert_int_equal(cai_place_of(block.ptr), CAI_PLACE_nocaps);
        ca_deallocate(block);
    }
}

/* Constant sizes go by another path: the same blocks. */
static void test_C2_constant_sizes(void **state)
{
    (void)state;
    ca_block block = ca_unwrap(ca_allocate(heap(), ((ca_layout){.size = 40, .align = 8})));
    ca_block other = {ca_block_allocate_hinted_(heap(), CA_HINT_(40)).ptr, 40};
    assert_int_equal(block.size, 40);
    assert_int_equal(ca_check(block), CA_OK);
    assert_int_equal(ca_check(other), CA_OK);
    refuse_start();
    ca_block_deallocate_hinted_(other.ptr, CA_HINT_(41));
    assert_true(was_refused("size-mismatch"));
    ca_block_deallocate_hinted_((char *)other.ptr + 16, CA_HINT_(40));
    assert_true(was_refused("invalid-free"));
    ca_block_deallocate_hinted_(other.ptr, CA_HINT_(40));
    assert_int_equal(refused_calls, 0);
    ca_block_deallocate_hinted_(other.ptr, CA_HINT_(40));
    assert_true(was_refused("double-free"));
    const struct cai_view *view = cai_view_of(cai_zone_number(CAI_PLACE_ordinary, CAI_FINE));
    ca_block_deallocate_hinted_((void *)(view->origin + ((view->granules - 1) << CAI_FINE_SHIFT)), CA_HINT_(40));
    assert_true(was_refused("invalid-free")); /* the last granule: nothing is read behind its state */
    ca_set_violation_handler(NULL);
    ca_deallocate(block);
    assert_int_equal(ca_error_of(ca_block_allocate_hinted_((ca_authority){{1, 0}}, CA_HINT_(40))),
                     CA_ERROR_NOT_PERMITTED);
}

/* Slots of 16 bytes have no room for a record: taking one again leaves its neighbours alone. */
static void test_C2_neighbours_of_sixteen_bytes(void **state)
{
    ca_block blocks[24];

    (void)state;
    for (unsigned i = 0; i < 24; i++)
        blocks[i] = ca_unwrap(ca_allocate(heap(), ((ca_layout){.size = 16, .align = 8})));
    for (unsigned i = 0; i < 24; i++) {
        ca_deallocate(((ca_block){.ptr = blocks[i].ptr, .size = 16}));
        blocks[i] = ca_unwrap(ca_allocate(heap(), ((ca_layout){.size = 16, .align = 8})));
        for (unsigned k = 0; k < 24; k++)
            assert_int_equal(ca_check(blocks[k]), CA_OK);
    }
    for (unsigned i = 0; i < 24; i++)
        ca_deallocate(((ca_block){.ptr = blocks[i].ptr, .size = 16}));
}

/* Every size, whatever way it goes; each is known exactly afterwards, and by no other size. */
static void test_C2_every_size_is_exact(void **state)
{
    (void)state;
    refuse_start();
    for (size_t size = 1; size <= 2048; size++) {
        ca_block block = ca_unwrap(ca_allocate(heap(), of(size)));
        ca_mustzero zero = ca_unwrap(ca_allocate_mustzero(heap(), of(size)));
        ca_block whole = ca_unwrap(ca_allocate_at_least(heap(), of(size)));
        assert_true(whole.size >= size && ca_check(whole) == CA_OK);
        memset(zero.ptr, 0xa5, zero.size);
        for (size_t wrong = size - 1; wrong <= size + 1; wrong += 2) {
            if (wrong == 0)
                continue;
            ca_deallocate(((ca_block){.ptr = block.ptr, .size = wrong}));
            assert_true(was_refused("size-mismatch"));
            ca_deallocate_zeroed(((ca_mustzero){.ptr = zero.ptr, .size = wrong}));
            assert_true(was_refused("size-mismatch"));
        }
        assert_int_equal(((char *)zero.ptr)[size - 1], (char)0xa5);
        ca_deallocate(block);
        ca_deallocate(whole);
        ca_deallocate_zeroed(zero);
        assert_int_equal(refused_calls, 0);
        ca_deallocate(block);
        assert_true(was_refused("double-free"));
        ca_deallocate_zeroed(zero);
        assert_true(was_refused("double-free"));
    }
    ca_set_violation_handler(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C1_the_length_is_what_was_asked_for),
        cmocka_unit_test(test_C1_bad_layouts_and_authorities_are_errors),
        cmocka_unit_test(test_A1_size_zero),
        cmocka_unit_test(test_C2_only_the_exact_block_goes_back),
        cmocka_unit_test(test_C4_what_is_usable_survives_a_grow),
        cmocka_unit_test(test_C3_shrink_stays_and_narrows),
        cmocka_unit_test(test_C4_grow_needs_authority),
        cmocka_unit_test(test_N1_N5_pointer_free_blocks_stay_in_their_place),
        cmocka_unit_test(test_C2_constant_sizes),
        cmocka_unit_test(test_C2_neighbours_of_sixteen_bytes),
        cmocka_unit_test(test_C2_every_size_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
