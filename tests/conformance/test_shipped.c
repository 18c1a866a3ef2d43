/* Every allocator of the library passes the suite, alone and on top of each other. */
#include "unit/unit.h"

#include "support/emulated.h"

#include <capalloc/adapters.h>
#include <capalloc/arena.h>
#include <capalloc/conformance.h>
#include <capalloc/fixed.h>
#include <capalloc/heap.h>
#include <capalloc/libc.h>

#include <stdio.h>

/* The suite asks for more than there is; the sanitizers' malloc must answer that as malloc does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void pass(ca_allocator allocator, ca_conformance_options options)
{
    options.struct_size = sizeof options;
    for (options.seed = 1; options.seed <= FEWER(3, 1); options.seed++)
        assert_int_equal(ca_conformance_check(allocator, &options), 0);
}

static ca_allocator heap(void)
{
    return ca_heap_allocator(ca_default_authority());
}

static void test_A12_heap(void **state)
{
    (void)state;
    pass(heap(), (ca_conformance_options){0});
}

static void test_A12_heap_by_reference(void **state)
{
    ca_allocator to = heap();

    (void)state;
    assert_int_equal(ca_allocator_promises(ca_by_ref(&to)), ca_allocator_promises(to));
    pass(ca_by_ref(&to), (ca_conformance_options){0});
}

static void test_A12_libc(void **state)
{
    (void)state;
    pass(ca_libc(), (ca_conformance_options){.no_peek = 1});
}

/* Two methods, forwarded to the heap: all others are provided. */
static ca_block_result two_allocate(void *self, ca_layout layout)
{
    return ca_allocator_allocate(*(ca_allocator *)self, layout);
}

static void two_deallocate(void *self, ca_block block, ca_layout layout)
{
    ca_allocator_deallocate(*(ca_allocator *)self, block, layout);
}

static void test_A11_two_methods_are_all(void **state)
{
    static const ca_allocator_vtable vtable = {
        .struct_size = sizeof vtable, .allocate = two_allocate, .deallocate = two_deallocate};
    ca_counting counting;

    (void)state;
    ca_counting_init(&counting, heap());
    ca_allocator counted = ca_counting_allocator(&counting);
    pass((ca_allocator){.vtable = &vtable, .self = &counted}, (ca_conformance_options){0});
    ca_counts counts = {.struct_size = sizeof counts};
    ca_counting_read(&counting, &counts);
    assert_int_equal(counts.live_blocks, 0);
    assert_int_equal(counts.calls[CA_METHOD_GROW] + counts.calls[CA_METHOD_SHRINK], 0);
}

static void reset_arena(void *arena)
{
    ca_arena_reset(arena);
}

static void test_A12_arena(void **state)
{
    ca_arena arena;
    ca_counting counting;
    ca_counts counts = {.struct_size = sizeof counts};

    (void)state;
    ca_counting_init(&counting, heap());
    ca_arena_init(&arena, ca_counting_allocator(&counting));
    pass(ca_arena_allocator(&arena), (ca_conformance_options){.reset = reset_arena, .context = &arena});
    ca_arena_destroy(&arena);
    ca_counting_read(&counting, &counts);
    assert_int_equal(counts.live_bytes, 0);
    assert_int_equal(counts.live_blocks, 0);
}

static void reset_fixed(void *fixed)
{
    ca_fixed_reset(fixed);
}

static void test_A12_fixed(void **state)
{
    static char buffer[16 << 20];
    ca_fixed fixed;

    (void)state;
    for (unsigned offset = 0; offset < 16; offset += 5) {
        ca_fixed_init(&fixed, buffer + offset, sizeof buffer - offset);
        pass(ca_fixed_allocator(&fixed),
             (ca_conformance_options){.reset = reset_fixed, .context = &fixed, .bytes = 1 << 20});
    }
}

static size_t used_of_limit(void *limit)
{
    return ca_limit_used(limit);
}

static void test_A12_limit(void **state)
{
    ca_limit limit;

    (void)state;
    ca_limit_init(&limit, heap(), 4 << 20);
    pass(ca_limit_allocator(&limit), (ca_conformance_options){.live = used_of_limit, .context = &limit});
    ca_limit_init(&limit, ca_libc(), SIZE_MAX);
    pass(ca_limit_allocator(&limit), (ca_conformance_options){.live = used_of_limit, .context = &limit, .no_peek = 1});
    assert_int_equal(ca_limit_used(&limit), 0);
}

static size_t live_of_counting(void *counting)
{
    ca_counts counts = {.struct_size = sizeof counts};

    ca_counting_read(counting, &counts);
    return counts.live_bytes + counts.live_blocks;
}

static void test_A12_counting(void **state)
{
    ca_counting counting;

    (void)state;
    ca_counting_init(&counting, heap());
    pass(ca_counting_allocator(&counting), (ca_conformance_options){.live = live_of_counting, .context = &counting});
    ca_counting_init(&counting, ca_libc());
    pass(ca_counting_allocator(&counting),
         (ca_conformance_options){.live = live_of_counting, .context = &counting, .no_peek = 1});
}

static void test_A12_failing_that_does_not(void **state)
{
    ca_failing failing;

    (void)state;
    ca_failing_init(&failing, heap());
    pass(ca_failing_allocator(&failing), (ca_conformance_options){0});
    assert_true(ca_failing_calls(&failing) > 1000);
    assert_int_equal(ca_failing_failures(&failing), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_A12_heap),
        cmocka_unit_test(test_A12_heap_by_reference),
        cmocka_unit_test(test_A12_libc),
        cmocka_unit_test(test_A11_two_methods_are_all),
        cmocka_unit_test(test_A12_arena),
        cmocka_unit_test(test_A12_fixed),
        cmocka_unit_test(test_A12_limit),
        cmocka_unit_test(test_A12_counting),
        cmocka_unit_test(test_A12_failing_that_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
