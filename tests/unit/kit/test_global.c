/* The global allocator: registered before the first use and never afterwards. Each test runs in a process of its own,
 * because there is one registration in a process.
 */
#include "unit/unit.h"

#include <capalloc/adapters.h>
#include <capalloc/global.h>
#include <capalloc/heap.h>

#include "support/child.h"
#include "support/content.h"
#include "support/refuse.h"

#include <pthread.h>
#include <string.h>

static ca_layout layout(size_t size, size_t align)
{
    return (ca_layout){.size = size, .align = align};
}

CHILD_TEST(test_G1_G2_the_heap_is_the_default, 60)
{
    for (size_t align = 1; align <= 4096; align *= 4) {
        char *block = ca_alloc(layout(100, align));
        require(block != NULL && (uintptr_t)block % align == 0);
        require(ca_block_check((ca_block){block, 100}) == CA_OK);
        content_fill(block, 0, 100, align);
        block = ca_global_realloc(block, layout(100, align), 70000);
        require(block != NULL && (uintptr_t)block % align == 0 && content_holds(block, 100, align));
        block = ca_global_realloc(block, layout(70000, align), 10);
        require(block != NULL && (uintptr_t)block % align == 0 && content_holds(block, 10, align));
        ca_dealloc(block, layout(10, align));
        block = ca_alloc_zeroed(layout(300, align));
        require(block != NULL && content_is_zero(block, 300));
        ca_dealloc(block, layout(300, align));
    }
    require(ca_global_register(ca_heap_allocator(ca_default_authority())) == CA_ERROR_NOT_PERMITTED);
}

/* Every class and what is rounded up to it, aligned or not: exact on both ways, taken from bins and given back to them,
 * and resized within the slot or to another. */
CHILD_TEST(test_C2_G1_G2_every_layout_has_its_exact_size, 60)
{
    refuse_start();
    for (size_t align = 1; align <= 256; align *= 2)
        for (size_t size = 1; size <= 40000; size += 1 + size / 97) {
            char *block = ca_alloc(layout(size, align));
            require(block != NULL && (uintptr_t)block % align == 0);
            require(ca_block_check((ca_block){block, size}) == CA_OK);
            require(ca_block_check((ca_block){block, size + 1}) == CA_ERROR_INVALID);
            content_fill(block, 0, size, align);
            ca_dealloc(block, layout(size + 1, align));
            require(was_refused("size-mismatch"));
            ca_dealloc(block, layout(size + 65536, align));
            require(was_refused("size-mismatch"));
            ca_dealloc(block, layout(0, align));
            require(ca_block_check((ca_block){block, size}) == CA_OK);
            char *other = ca_global_realloc(block, layout(size, align), size + 7);
            require(other != NULL && (uintptr_t)other % align == 0 && content_holds(other, size, align));
            require(ca_block_check((ca_block){other, size + 7}) == CA_OK);
            require(other == block || ca_block_check((ca_block){block, size}) != CA_OK);
            other = ca_global_realloc(other, layout(size + 7, align), size + 3);
            require(ca_block_check((ca_block){other, size + 3}) == CA_OK && content_holds(other, size, align));
            ca_dealloc(other, layout(size + 3, align));
            require(ca_block_check((ca_block){other, size + 3}) == CA_ERROR_STALE);
        }
}

CHILD_TEST(test_G1_G2_bad_input_changes_nothing, 60)
{
    char *block = ca_alloc(layout(100, 8));

    require(block != NULL);
    content_fill(block, 0, 100, 1);
    refuse_start();
    require(ca_alloc(layout(8, 3)) == NULL);
    require(ca_alloc(layout(SIZE_MAX, 1)) == NULL);
    require(ca_alloc_zeroed(layout(PTRDIFF_MAX, 16)) == NULL);
    require(ca_alloc_zeroed(CA_LAYOUT_ARRAY(long, SIZE_MAX / 3)) == NULL);
    require(ca_global_realloc(block, layout(100, 8), PTRDIFF_MAX - 100) == NULL);
    require(ca_global_realloc(block, layout(100, 8), SIZE_MAX) == NULL);
    require(refused_calls == 0);
    require(ca_global_realloc(block, layout(90, 8), 200) == NULL);
    require(was_refused("size-mismatch"));
    require(ca_global_realloc(block, layout(100, 3), 200) == NULL);
    ca_dealloc(block, layout(99, 8));
    require(was_refused("size-mismatch"));
    ca_dealloc(NULL, layout(100, 8));
    require(was_refused("invalid-free"));
    require(content_holds(block, 100, 1));
    char *nothing = ca_alloc(layout(0, 64));
    require(nothing == (char *)64);
    char *grown = ca_global_realloc(nothing, layout(0, 64), 10);
    require(grown != NULL && (uintptr_t)grown % 64 == 0);
    require(ca_global_realloc(grown, layout(10, 64), 0) == (char *)64);
    ca_dealloc((void *)64, layout(0, 64));
    ca_dealloc(block, layout(100, 8));
    require(refused_calls == 0);
    ca_dealloc(block, layout(100, 8));
    require(was_refused("double-free"));
}

CHILD_TEST(test_G1_the_last_registration_before_the_first_use_counts, 60)
{
    static ca_counting first, second;
    ca_counts counts = {.struct_size = sizeof counts};
    ca_allocator_vtable incomplete = {.struct_size = sizeof incomplete};

    require(ca_global_register((ca_allocator){NULL, NULL}) == CA_ERROR_INVALID);
    require(ca_global_register((ca_allocator){&incomplete, NULL}) == CA_ERROR_INVALID);
    ca_counting_init(&first, ca_heap_allocator(ca_default_authority()));
    ca_counting_init(&second, ca_heap_allocator(ca_default_authority()));
    require(ca_global_register(ca_counting_allocator(&first)) == CA_OK);
    require(ca_global_register(ca_counting_allocator(&second)) == CA_OK);
    void *block = ca_alloc(layout(40, 8));
    require(ca_global_register(ca_counting_allocator(&first)) == CA_ERROR_NOT_PERMITTED);
    block = ca_global_realloc(block, layout(40, 8), 50);
    ca_counting_read(&second, &counts);
    require(counts.live_bytes == 50 && counts.calls[CA_METHOD_GROW] == 1);
    ca_dealloc(block, layout(50, 8));
    ca_counting_read(&second, &counts);
    require(counts.live_blocks == 0);
    ca_counting_read(&first, &counts);
    require(counts.calls[CA_METHOD_ALLOCATE] == 0);
}

/* Threads register and use at once: each block goes back to where it came from, and after the seal all registrations
 * fail. */
static ca_counting each[4];
static unsigned accepted;

static void *register_and_use(void *number)
{
    ca_counting *mine = &each[(uintptr_t)number];

    ca_counting_init(mine, ca_heap_allocator(ca_default_authority()));
    for (unsigned i = 0; i < 1000; i++) {
        if (ca_global_register(ca_counting_allocator(mine)) == CA_OK)
            __atomic_fetch_add(&accepted, 1, __ATOMIC_RELAXED);
        if (i >= 500)
            ca_dealloc(ca_alloc(layout(32, 8)), layout(32, 8));
    }
    return NULL;
}

static void race(const void *unused)
{
    pthread_t thread[4];
    unsigned used = 0;

    (void)unused;
    for (uintptr_t i = 0; i < 4; i++)
        require(pthread_create(&thread[i], NULL, register_and_use, (void *)i) == 0);
    for (unsigned i = 0; i < 4; i++)
        require(pthread_join(thread[i], NULL) == 0);
    require(accepted > 0);
    for (unsigned i = 0; i < 4; i++) {
        ca_counts counts = {.struct_size = sizeof counts};
        ca_counting_read(&each[i], &counts);
        require(counts.live_blocks == 0);
        used += counts.calls[CA_METHOD_ALLOCATE] != 0;
    }
    require(used == 1);
}

static void test_G1_registering_races_with_use(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++)
        assert_child(60, race, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_G1_G2_the_heap_is_the_default),
        cmocka_unit_test(test_C2_G1_G2_every_layout_has_its_exact_size),
        cmocka_unit_test(test_G1_G2_bad_input_changes_nothing),
        cmocka_unit_test(test_G1_the_last_registration_before_the_first_use_counts),
        cmocka_unit_test(test_G1_registering_races_with_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
