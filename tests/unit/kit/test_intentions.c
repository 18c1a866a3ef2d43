/* The trait on the heap's blocks with an intention, and shrinking to an alignment that the address lacks. */
#include "unit/unit.h"

#include "support/audit.h"
#include "support/content.h"
#include "support/refuse.h"

#include <capalloc/capalloc.h>

#include <string.h>

static ca_layout layout(size_t size, size_t align)
{
    return (ca_layout){.size = size, .align = align};
}

static size_t lacking(const void *address)
{
    return ((uintptr_t)address & -(uintptr_t)address) * 2;
}

enum { TIMES = 64 };

static void test_A11_C3_shrink_to_a_larger_alignment(void **state)
{
    ca_allocator heap = ca_heap_allocator(ca_default_authority());

    (void)state;
    for (unsigned i = 0; i < TIMES; i++) {
        ca_block block = ca_unwrap(ca_allocator_allocate(heap, layout(200, 8)));
        size_t align = lacking(block.ptr);
        content_fill(block.ptr, 0, 200, i);
        assert_int_equal(ca_error_of(ca_shrink(block, layout(50, align))), CA_ERROR_LAYOUT); /* it never moves */
        assert_int_equal(ca_check(block), CA_OK);
        ca_block shrunk = ca_unwrap(ca_allocator_shrink(heap, block, layout(200, 8), layout(50, align)));
        assert_true(shrunk.ptr != block.ptr && (uintptr_t)shrunk.ptr % align == 0 && shrunk.size == 50);
        assert_true(content_holds(shrunk.ptr, 50, i));
        assert_int_equal(ca_check(block), CA_ERROR_STALE); /* it is dead */
        ca_allocator_deallocate(heap, shrunk, layout(50, align));
    }
    assert_null(audit_all());
}

static void test_A11_Z3_must_zero_memory_that_moves_is_cleared(void **state)
{
    ca_allocator heap = ca_heap_allocator(ca_default_authority());

    (void)state;
    for (unsigned i = 0; i < TIMES; i++) {
        ca_mustzero block = ca_unwrap(ca_allocator_allocate_mustzero(heap, layout(200, 8)));
        ca_secret secret = ca_unwrap(ca_allocator_allocate_secret(heap, layout(3000, 8)));
        size_t align = lacking(block.ptr);
        size_t secret_align = lacking(secret.ptr);
        content_fill(block.ptr, 0, 200, i);
        content_fill(secret.ptr, 0, 3000, i);
        ca_mustzero shrunk = ca_unwrap(ca_allocator_shrink_mustzero(heap, block, layout(200, 8), layout(50, align)));
        ca_secret moved =
            ca_unwrap(ca_allocator_shrink_secret(heap, secret, layout(3000, 8), layout(70, secret_align)));
        assert_true(content_is_zero(block.ptr, 200) && content_is_zero(secret.ptr, 3000));
        assert_true(content_holds(shrunk.ptr, 50, i) && content_holds(moved.ptr, 70, i));
        moved = ca_unwrap(ca_allocator_grow_secret(heap, moved, layout(70, secret_align), layout(9000, 8)));
        assert_true(content_holds(moved.ptr, 70, i) && content_is_zero((char *)moved.ptr + 70, 9000 - 70));
        ca_allocator_deallocate_zeroed(heap, shrunk, layout(50, align));
        ca_allocator_deallocate_secret(heap, moved, layout(9000, 8));
    }
    assert_null(audit_zeros(true));
    assert_null(audit_all());
}

/* Not the allocator's block: nothing moves, nothing changes. */
static void test_A11_a_misfit_does_not_move(void **state)
{
    ca_allocator heap = ca_heap_allocator(ca_default_authority());
    ca_authority other;

    (void)state;
    refuse_start();
    assert_int_equal(ca_heap_create(NULL, &other), CA_OK);
    ca_allocator theirs = ca_heap_allocator(other);
    ca_nocaps block = ca_unwrap(ca_allocator_allocate_nocaps(heap, layout(200, 8)));
    size_t align = lacking(block.ptr);
    content_fill(block.ptr, 0, 200, 3);
    assert_int_equal(ca_error_of(ca_allocator_shrink_nocaps(theirs, block, layout(200, 8), layout(50, align))),
                     CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_error_of(ca_allocator_shrink_nocaps(heap, block, layout(199, 8), layout(50, align))),
                     CA_ERROR_INVALID);
    assert_true(was_refused("size-mismatch"));
    assert_int_equal(ca_check(block), CA_OK);
    assert_true(content_holds(block.ptr, 200, 3));
    ca_nocaps grown = ca_unwrap(ca_allocator_grow_nocaps(heap, block, layout(200, 8), layout(5000, 64)));
    assert_true(content_holds(grown.ptr, 200, 3));
    ca_allocator_deallocate_nocaps(heap, grown, layout(5000, 64));
    assert_int_equal(ca_heap_destroy(other), CA_OK);
    ca_set_violation_handler(NULL);
}

/* One that is asked for, and whatever fits it comes back; what would have got another slot does not. */
static void sizes_of_room(ca_allocator heap, ca_layout asked)
{
    ca_block block = ca_unwrap(ca_allocator_allocate_at_least(heap, asked));

    assert_true(block.size > asked.size);
    for (size_t size = asked.size; size <= block.size; size += (block.size - asked.size + 15) / 16) {
        ca_block again = ca_unwrap(ca_allocator_allocate_at_least(heap, asked));
        assert_int_equal(again.size, block.size);
        content_fill(again.ptr, 0, size, size);
        again = ca_unwrap(ca_allocator_grow_zeroed(heap, again, layout(size, asked.align), layout(size + 1, 512)));
        assert_true(again.size == size + 1 && content_holds(again.ptr, size, size));
        assert_true(content_is_zero((char *)again.ptr + size, 1));
        ca_allocator_deallocate(heap, again, layout(size + 1, 512));
        again = ca_unwrap(ca_allocator_allocate_at_least(heap, asked));
        again = ca_unwrap(ca_allocator_shrink(heap, again, layout(size, asked.align), layout(1, 1)));
        ca_allocator_deallocate(heap, again, layout(1, 1));
        again = ca_unwrap(ca_allocator_allocate_at_least(heap, asked));
        ca_allocator_deallocate(heap, again, layout(size, asked.align));
        assert_int_not_equal(ca_check(again), CA_OK);
    }
    assert_int_equal(refused_calls, 0);
    if (asked.size > 16 && asked.align < 4096) {
        ca_allocator_deallocate(heap, block, layout(asked.size / 2, asked.align));
        assert_true(was_refused("size-mismatch"));
    }
    assert_int_equal(ca_check(block), CA_OK);
    ca_allocator_deallocate(heap, block, layout(block.size, asked.align));
}

static void test_A5_every_size_of_the_room_fits(void **state)
{
    static const ca_layout asked[] = {{100, 8}, {1, 1}, {33, 32}, {1025, 16}, {20000, 64}, {40001, 8}, {50, 1 << 20}};
    ca_authority own;

    (void)state;
    refuse_start();
    assert_int_equal(ca_heap_create(NULL, &own), CA_OK);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        sizes_of_room(ca_heap_allocator(ca_default_authority()), asked[i]);
        sizes_of_room(ca_heap_allocator(own), asked[i]);
    }
    assert_int_equal(ca_heap_destroy(own), CA_OK);
    assert_null(audit_all());
    ca_set_violation_handler(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_A11_C3_shrink_to_a_larger_alignment),
        cmocka_unit_test(test_A11_Z3_must_zero_memory_that_moves_is_cleared),
        cmocka_unit_test(test_A11_a_misfit_does_not_move),
        cmocka_unit_test(test_A5_every_size_of_the_room_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
