/* The arena: scopes end what they began and nothing else, must-zero memory is clean behind the top at all times, and
 * everything returns to the allocator below.
 */
#include "unit/unit.h"

#include <capalloc/adapters.h>
#include <capalloc/arena.h>
#include <capalloc/heap.h>

#include "support/content.h"
#include "support/refuse.h"
#include "support/rng.h"

#include <string.h>

static ca_counting below;
static ca_failing failing;

static ca_layout layout(size_t size, size_t align)
{
    return (ca_layout){.size = size, .align = align};
}

static ca_counts counts(void)
{
    ca_counts now = {.struct_size = sizeof now};

    ca_counting_read(&below, &now);
    return now;
}

static void start(ca_arena *arena)
{
    ca_counting_init(&below, ca_heap_allocator(ca_default_authority()));
    ca_failing_init(&failing, ca_counting_allocator(&below));
    ca_arena_init(arena, ca_failing_allocator(&failing));
    refuse_start();
}

static void end(ca_arena *arena)
{
    ca_arena_destroy(arena);
    assert_int_equal(counts().live_blocks, 0);
    assert_int_equal(counts().live_bytes, 0);
    assert_int_equal(refused_calls, 0);
    ca_set_violation_handler(NULL);
}

static void test_A1_A2_A3_allocate(void **state)
{
    ca_arena arena;

    (void)state;
    start(&arena);
    assert_int_equal(counts().calls[CA_METHOD_ALLOCATE], 0);
    for (size_t align = 1; align <= 8192; align *= 2)
        for (size_t size = 0; size < 300; size = size * 2 + 1) {
            ca_block block = ca_unwrap(ca_arena_allocate(&arena, layout(size, align)));
            assert_true(block.size == size && (uintptr_t)block.ptr % align == 0);
            memset(block.ptr, 0x11, size);
        }
    const ca_layout invalid[] = {{0, 0}, {8, 0}, {8, 3}, {0, 24}, {SIZE_MAX, 1}, {PTRDIFF_MAX, 16}, {64, SIZE_MAX}};
    for (unsigned i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        assert_int_equal(ca_error_of(ca_arena_allocate(&arena, invalid[i])), CA_ERROR_LAYOUT);
        assert_int_equal(ca_error_of(ca_arena_allocate_zeroed(&arena, invalid[i])), CA_ERROR_LAYOUT);
        assert_int_equal(ca_error_of(ca_arena_allocate_nocaps(&arena, invalid[i])), CA_ERROR_LAYOUT);
        assert_int_equal(ca_error_of(ca_arena_allocate_mustzero(&arena, invalid[i])), CA_ERROR_LAYOUT);
    }
    assert_int_equal(ca_error_of(ca_arena_allocate(&arena, layout(PTRDIFF_MAX, 1))), CA_ERROR_OUT_OF_MEMORY);
    long *numbers = CA_ARENA_ARRAY(&arena, long, 100);
    assert_non_null(numbers);
    assert_null(CA_ARENA_ARRAY(&arena, long, SIZE_MAX / 4));
    assert_non_null(CA_ARENA_NEW(&arena, ca_arena));
    end(&arena);
}

/* Nested scopes over many chunks, checked byte for byte from the outside. */
static void test_A12_scopes_end_what_they_began(void **state)
{
    enum { DEPTH = 12, EACH = 40 };
    ca_arena arena;
    ca_arena_scope scope[DEPTH];
    ca_block block[DEPTH][EACH];
    struct rng rng = rng_start(4);

    (void)state;
    start(&arena);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned d = 0; d < DEPTH; d++) {
            scope[d] = ca_arena_mark(&arena);
            for (unsigned i = 0; i < EACH; i++) {
                block[d][i] = ca_unwrap(
                    ca_arena_allocate(&arena, layout(1 + rng_below(&rng, 3000), (size_t)1 << rng_below(&rng, 7))));
                content_fill(block[d][i].ptr, 0, block[d][i].size, d * EACH + i);
            }
        }
        size_t held = ca_arena_held(&arena);
        for (unsigned d = DEPTH; d-- > 0;) {
            for (unsigned outer = 0; outer <= d; outer++)
                for (unsigned i = 0; i < EACH; i++)
                    assert_true(content_holds(block[outer][i].ptr, block[outer][i].size, outer * EACH + i));
            ca_arena_release(&arena, scope[d]);
            /* What comes next reuses the scope's memory and none of the outer ones'. */
            ca_arena_scope again = ca_arena_mark(&arena);
            for (unsigned i = 0; i < EACH; i++)
                memset(ca_unwrap(ca_arena_allocate(&arena, layout(500, 8))).ptr, 0xee, 500);
            ca_arena_release(&arena, again);
        }
        assert_int_equal(ca_arena_held(&arena), held);
    }
    size_t held = ca_arena_held(&arena);
    assert_int_equal(ca_arena_trim(&arena), held);
    assert_int_equal(ca_arena_held(&arena), 0);
    end(&arena);
}

static void test_A12_scopes_out_of_order(void **state)
{
    ca_arena arena, other;

    (void)state;
    start(&arena);
    ca_arena_init(&other, ca_heap_allocator(ca_default_authority()));
    ca_arena_scope strange = ca_arena_mark(&other);
    ca_arena_scope outer = ca_arena_mark(&arena);
    ca_block block = ca_unwrap(ca_arena_allocate(&arena, layout(500, 8)));
    ca_arena_scope inner = ca_arena_mark(&arena);
    ca_mustzero secret = ca_unwrap(ca_arena_allocate_mustzero(&arena, layout(300, 8)));
    content_fill(block.ptr, 0, 500, 1);
    content_fill(secret.ptr, 0, 300, 2);
    ca_arena before = arena;
    ca_arena_release(&arena, outer);
    assert_true(was_refused("arena-order"));
    ca_arena_release(&arena, strange);
    assert_true(was_refused("arena-order"));
    ca_arena_release(&arena, (ca_arena_scope){0});
    assert_true(was_refused("arena-order"));
    assert_memory_equal(&arena, &before, sizeof arena);
    assert_true(content_holds(block.ptr, 500, 1) && content_holds(secret.ptr, 300, 2));
    ca_arena_release(&arena, inner);
    before = arena;
    ca_arena_release(&arena, inner);
    assert_true(was_refused("arena-order"));
    assert_memory_equal(&arena, &before, sizeof arena);
    assert_true(content_holds(block.ptr, 500, 1));
    ca_arena_release(&arena, outer);
    ca_arena_scope dead = ca_arena_mark(&arena);
    ca_arena_reset(&arena);
    ca_arena_release(&arena, dead);
    assert_true(was_refused("arena-order"));
    ca_arena_scope fresh = ca_arena_mark(&arena);
    ca_arena_release(&arena, dead);
    assert_true(was_refused("arena-order"));
    ca_arena_release(&arena, fresh);
    ca_arena_destroy(&other);
    end(&arena);
}

/* Must-zero memory that is not out is zero, in all its chunks, after each step; other memory is not cleared. */
static void test_Z5_Z6_must_zero_parts_are_cleared(void **state)
{
    enum { STEPS = 400, DEPTH = 20 };
    ca_arena arena;
    ca_arena_scope scope[DEPTH];
    unsigned depth = 0;
    struct rng rng = rng_start(5);

    (void)state;
    start(&arena);
    ca_block plain = ca_unwrap(ca_arena_allocate(&arena, layout(100, 8)));
    memset(plain.ptr, 0x5a, 100);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned what = (unsigned)rng_below(&rng, 8);
        if (what == 0 && depth < DEPTH)
            scope[depth++] = ca_arena_mark(&arena);
        else if (what == 1 && depth > 0)
            ca_arena_release(&arena, scope[--depth]);
        else if (what == 2 && rng_below(&rng, 20) == 0)
            ca_arena_reset(&arena), depth = 0;
        ca_mustzero secret = ca_unwrap(
            ca_arena_allocate_mustzero(&arena, layout(1 + rng_below(&rng, 2500), (size_t)1 << rng_below(&rng, 8))));
        assert_true(content_is_zero(secret.ptr, secret.size));
        memset(secret.ptr, 0x5e, secret.size);
        if (what == 3)
            ca_allocator_deallocate_zeroed(ca_arena_allocator(&arena), secret, layout(secret.size, 1));
    }
    ca_arena_lane *lane = &arena.lane[2];
    assert_true(lane->chunk_count > 3);
    ca_arena_reset(&arena);
    /* As large as all that was used: everything comes again, and is zero. */
    for (unsigned i = 0; i < 200; i++) {
        ca_mustzero secret = ca_unwrap(ca_arena_allocate_mustzero(&arena, layout(2500, 1)));
        assert_true(content_is_zero(secret.ptr, secret.size));
    }
    assert_int_equal(((unsigned char *)plain.ptr)[99], 0x5a);
    end(&arena);
}

static unsigned order[8], dropped;

static void drop(void *object)
{
    order[dropped++] = *(unsigned *)object;
}

static void test_A12_callbacks_run_newest_first(void **state)
{
    static unsigned number[] = {0, 1, 2, 3, 4, 5};
    ca_arena arena;

    (void)state;
    start(&arena);
    dropped = 0;
    assert_int_equal(ca_arena_on_release(&arena, drop, &number[0]), CA_OK);
    ca_arena_scope outer = ca_arena_mark(&arena);
    unsigned *mine = CA_ARENA_NEW(&arena, unsigned);
    *mine = 5;
    assert_int_equal(ca_arena_on_release(&arena, drop, mine), CA_OK);
    ca_arena_scope inner = ca_arena_mark(&arena);
    assert_int_equal(ca_arena_on_release(&arena, drop, &number[2]), CA_OK);
    assert_int_equal(ca_arena_on_release(&arena, drop, &number[3]), CA_OK);
    ca_arena_release(&arena, outer);
    assert_true(was_refused("arena-order"));
    assert_int_equal(dropped, 0);
    ca_arena_release(&arena, inner);
    assert_int_equal(dropped, 2);
    ca_arena_release(&arena, outer);
    assert_int_equal(dropped, 3);
    ca_arena_destroy(&arena);
    assert_int_equal(dropped, 4);
    assert_true(order[0] == 3 && order[1] == 2 && order[2] == 5 && order[3] == 0);
    end(&arena);
}

static void test_A7_A9_newest_block_stays(void **state)
{
    ca_arena arena;

    (void)state;
    start(&arena);
    ca_allocator a = ca_arena_allocator(&arena);
    ca_block first = ca_unwrap(ca_allocator_allocate(a, layout(64, 16)));
    content_fill(first.ptr, 0, 64, 1);
    ca_block grown = ca_unwrap(ca_allocator_grow(a, first, layout(64, 16), layout(1000, 16)));
    assert_ptr_equal(grown.ptr, first.ptr);
    grown = ca_unwrap(ca_allocator_shrink(a, grown, layout(1000, 16), layout(100, 16)));
    ca_block next = ca_unwrap(ca_arena_allocate(&arena, layout(1, 1)));
    assert_ptr_equal(next.ptr, (char *)first.ptr + 100);
    ca_block moved = ca_unwrap(ca_allocator_grow(a, grown, layout(100, 16), layout(9000, 16)));
    assert_true(moved.ptr != first.ptr && content_holds(moved.ptr, 64, 1) && content_holds(first.ptr, 64, 1));
    /* With room behind it, an outer block stays outside of scopes and moves inside: else their end would cut it off. */
    ca_block outer = ca_unwrap(ca_arena_allocate(&arena, layout(40, 8)));
    assert_ptr_equal(ca_unwrap(ca_allocator_grow(a, outer, layout(40, 8), layout(48, 8))).ptr, outer.ptr);
    outer.size = 48;
    content_fill(outer.ptr, 0, 48, 2);
    ca_arena_scope short_one = ca_arena_mark(&arena);
    ca_block longer = ca_unwrap(ca_allocator_grow(a, outer, layout(48, 8), layout(56, 8)));
    assert_true(longer.ptr != outer.ptr && content_holds(longer.ptr, 48, 2));
    ca_allocator_deallocate(a, longer, layout(56, 8));
    ca_allocator_deallocate(a, outer, layout(48, 8));
    assert_ptr_equal(ca_unwrap(ca_arena_allocate(&arena, layout(8, 8))).ptr, longer.ptr);
    ca_arena_release(&arena, short_one);
    ca_arena_scope scope = ca_arena_mark(&arena);
    ca_block inside = ca_unwrap(ca_allocator_grow(a, moved, layout(9000, 16), layout(9001, 16)));
    assert_true(inside.ptr != moved.ptr);
    ca_allocator_deallocate(a, inside, layout(9001, 16));
    ca_allocator_deallocate(a, moved, layout(9000, 16));
    ca_arena_release(&arena, scope);
    ca_block after = ca_unwrap(ca_arena_allocate(&arena, layout(16, 16)));
    assert_true((char *)after.ptr >= (char *)moved.ptr + 9000 || (char *)after.ptr + 16 <= (char *)moved.ptr);
    end(&arena);
}

static void test_A4_A11_blocks_of_others(void **state)
{
    ca_arena arena;

    (void)state;
    start(&arena);
    ca_allocator a = ca_arena_allocator(&arena), heap = ca_heap_allocator(ca_default_authority());
    ca_block mine = ca_unwrap(ca_arena_allocate(&arena, layout(32, 16)));
    ca_mustzero secret = ca_unwrap(ca_arena_allocate_mustzero(&arena, layout(32, 16)));
    ca_block theirs = ca_unwrap(ca_allocator_allocate(heap, layout(32, 16)));
    content_fill(theirs.ptr, 0, 32, 1);
    content_fill(secret.ptr, 0, 32, 2);
    ca_arena before = arena;
    ca_allocator_deallocate(a, theirs, layout(32, 16));
    assert_true(was_refused("invalid-free"));
    assert_int_equal(ca_error_of(ca_allocator_grow(a, theirs, layout(32, 16), layout(64, 16))), CA_ERROR_INVALID);
    assert_true(was_refused("invalid-free"));
    assert_int_equal(ca_error_of(ca_allocator_shrink(a, theirs, layout(32, 16), layout(4, 16))), CA_ERROR_INVALID);
    assert_true(was_refused("invalid-free"));
    ca_allocator_deallocate(a, (ca_block){secret.ptr, 32}, layout(32, 16));
    assert_true(was_refused("wrong-deallocator"));
    ca_allocator_deallocate_zeroed(a, (ca_mustzero){mine.ptr, 32}, layout(32, 16));
    assert_true(was_refused("wrong-deallocator"));
    ca_allocator_deallocate(heap, mine, layout(32, 16));
    assert_int_equal(refused_calls, 1);
    refused_calls = 0;
    assert_memory_equal(&arena, &before, sizeof arena);
    assert_true(content_holds(theirs.ptr, 32, 1) && content_holds(secret.ptr, 32, 2));
    ca_allocator_deallocate(a, mine, layout(32, 16));
    ca_allocator_deallocate(a, mine, layout(32, 16));
    assert_true(was_refused("double-free"));
    ca_allocator_deallocate(heap, theirs, layout(32, 16));
    end(&arena);
}

/* Each call below fails once; nothing is lost, and what was there stays. */
static void test_A3_failures_below(void **state)
{
    (void)state;
    for (unsigned nth = 1; nth < 30; nth++) {
        ca_arena arena;
        start(&arena);
        ca_failing_nth(&failing, nth);
        ca_arena_scope scope = ca_arena_mark(&arena);
        for (unsigned i = 0; i < 30; i++) {
            ca_block_result plain = ca_arena_allocate(&arena, layout(700, 8));
            ca_mustzero_result secret = ca_arena_allocate_mustzero(&arena, layout(700, 8));
            ca_error error = ca_arena_on_release(&arena, drop, &nth);
            dropped = 0;
            assert_true(error == CA_OK || error == CA_ERROR_OUT_OF_MEMORY);
            if (ca_is_ok(plain))
                memset(plain.ptr, 1, 700);
            if (ca_is_ok(secret))
                memset(secret.ptr, 1, 700);
            if (i % 8 == 7) {
                ca_arena_release(&arena, scope);
                scope = ca_arena_mark(&arena);
            }
        }
        end(&arena);
    }
}

static void test_A11_N1_promises_are_those_below(void **state)
{
    ca_arena arena;
    ca_allocator heap = ca_heap_allocator(ca_default_authority());
    unsigned places = CA_PROMISE_NOCAPS_PLACE | CA_PROMISE_MUSTZERO_PLACE;

    (void)state;
    ca_arena_init(&arena, heap);
    assert_int_equal(ca_allocator_promises(ca_arena_allocator(&arena)), ca_allocator_promises(heap) & places);
    ca_nocaps flat = ca_unwrap(ca_arena_allocate_nocaps(&arena, layout(100, 8)));
    ca_block plain = ca_unwrap(ca_arena_allocate_zeroed(&arena, layout(100, 8)));
    assert_true(content_is_zero(plain.ptr, 100));
    ca_allocator_deallocate_nocaps(ca_arena_allocator(&arena), flat, layout(100, 8));
    assert_ptr_equal(ca_unwrap(ca_arena_allocate_nocaps(&arena, layout(100, 8))).ptr, flat.ptr);
    ca_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_A1_A2_A3_allocate),
        cmocka_unit_test(test_A12_scopes_end_what_they_began),
        cmocka_unit_test(test_A12_scopes_out_of_order),
        cmocka_unit_test(test_Z5_Z6_must_zero_parts_are_cleared),
        cmocka_unit_test(test_A12_callbacks_run_newest_first),
        cmocka_unit_test(test_A7_A9_newest_block_stays),
        cmocka_unit_test(test_A4_A11_blocks_of_others),
        cmocka_unit_test(test_A3_failures_below),
        cmocka_unit_test(test_A11_N1_promises_are_those_below),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
