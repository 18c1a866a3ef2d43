/* Bad input to the heap's own form and to its trait object: every kind of it, on blocks of all four types and of every
 * kind of slot. Each is answered by the documented error or violation, and leaves everything as it was: the content of
 * the block, the state of every block there is, the statistics and the structure of the heap.
 */
#include "unit/unit.h"

#include "support/audit.h"
#include "support/child.h"
#include "support/content.h"
#include "support/refuse.h"

#include <capalloc/capalloc.h>

#include <signal.h>
#include <string.h>

static const size_t sizes[] = {1, 16, 17, 40, 100, 256, 300, 512, 513, 1024, 5000, 32768, 40000, 300000};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* What L1 and L2 forbid. */
static const ca_layout forbidden[] = {
    {8, 0},
    {8, 3},
    {8, 24},
    {0, 0},
    {0, 6},
    {SIZE_MAX, 1},
    {SIZE_MAX, 16},
    {SIZE_MAX - 15, 16},
    {(size_t)PTRDIFF_MAX + 1, 1},
    {PTRDIFF_MAX, 2},
    {PTRDIFF_MAX - 6, 8},
    {1, (size_t)1 << 63},
};
enum { FORBIDDEN = sizeof forbidden / sizeof *forbidden };

static ca_authority heap(void)
{
    return ca_default_authority();
}

static ca_layout of(size_t size)
{
    return (ca_layout){.size = size, .align = 8};
}

/* --- that nothing has changed --- */

struct print {
    uint64_t states; /* of every granule that was ever used, a hash */
    ca_stats stats;  /* without the violations */
};

static struct print take_print(void)
{
    struct print print = {0, CA_STATS_INIT};

    for (unsigned zone = 0; zone < CAI_ZONES; zone++) {
        const struct cai_view *view = cai_view_of(zone);
        size_t used = cai_zones[zone].frontier * (CAI_UNIT_BYTES >> cai_grain_shift(cai_zone_grain(zone)));
        for (size_t i = 0; i < used && i < view->granules; i++)
            print.states = (print.states ^ view->state[i]) * UINT64_C(0x100000001b3);
    }
    ca_stats_read(&print.stats);
    print.stats.violations = 0;
    return print;
}

static void assert_unchanged(const struct print *before)
{
    struct print now = take_print();

    assert_int_equal(now.states, before->states);
    assert_memory_equal(&now.stats, &before->stats, sizeof now.stats);
    assert_well(audit_all());
    assert_well(audit_zeros(true));
}

/* --- one of each type --- */

struct four {
    ca_block block;
    ca_nocaps nocaps;
    ca_mustzero mustzero;
    ca_secret secret;
};

static struct four take(size_t size)
{
    struct four four = {
        ca_unwrap(ca_allocate(heap(), of(size))),
        ca_unwrap(ca_allocate_nocaps(heap(), of(size))),
        ca_unwrap(ca_allocate_mustzero(heap(), of(size))),
        ca_unwrap(ca_allocate_secret(heap(), of(size))),
    };
    content_fill(four.block.ptr, 0, size, 1);
    content_fill(four.nocaps.ptr, 0, size, 2);
    content_fill(four.mustzero.ptr, 0, size, 3);
    content_fill(four.secret.ptr, 0, size, 4);
    return four;
}

static void assert_whole(const struct four *four)
{
    assert_true(content_holds(four->block.ptr, four->block.size, 1));
    assert_true(content_holds(four->nocaps.ptr, four->nocaps.size, 2));
    assert_true(content_holds(four->mustzero.ptr, four->mustzero.size, 3));
    assert_true(content_holds(four->secret.ptr, four->secret.size, 4));
    assert_int_equal(ca_check(four->block), CA_OK);
    assert_int_equal(ca_check(four->nocaps), CA_OK);
    assert_int_equal(ca_check(four->mustzero), CA_OK);
    assert_int_equal(ca_check(four->secret), CA_OK);
}

static void give_back(struct four *four)
{
    assert_int_equal(refused_calls, 0);
    ca_deallocate(four->block);
    ca_deallocate(four->nocaps);
    ca_deallocate_zeroed(four->mustzero);
    ca_deallocate_zeroed(four->secret);
    assert_int_equal(refused_calls, 0);
    ca_set_violation_handler(NULL);
}

/* Does the same to each of the four. */
#define EACH(four, DO)                                                                                                 \
    do {                                                                                                               \
        DO(ca_block, (four).block);                                                                                    \
        DO(ca_nocaps, (four).nocaps);                                                                                  \
        DO(ca_mustzero, (four).mustzero);                                                                              \
        DO(ca_secret, (four).secret);                                                                                  \
    } while (0)

/* --- the tests --- */

static void test_L1_L2_C1_forbidden_layouts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZES; i++) {
        struct four four = take(sizes[i]);
        struct print before = take_print();
        refuse_start();
        for (unsigned k = 0; k < FORBIDDEN; k++) {
            ca_layout bad = forbidden[k];
            assert_int_equal(ca_error_of(ca_allocate(heap(), bad)), CA_ERROR_LAYOUT);
            assert_int_equal(ca_error_of(ca_allocate_zeroed(heap(), bad)), CA_ERROR_LAYOUT);
            assert_int_equal(ca_error_of(ca_allocate_at_least(heap(), bad)), CA_ERROR_LAYOUT);
            assert_int_equal(ca_error_of(ca_allocate_nocaps(heap(), bad)), CA_ERROR_LAYOUT);
            assert_int_equal(ca_error_of(ca_allocate_nocaps_zeroed(heap(), bad)), CA_ERROR_LAYOUT);
            assert_int_equal(ca_error_of(ca_allocate_mustzero(heap(), bad)), CA_ERROR_LAYOUT);
            assert_int_equal(ca_error_of(ca_allocate_secret(heap(), bad)), CA_ERROR_LAYOUT);
#define DO(type, held)                                                                                                 \
    assert_int_equal(ca_error_of(ca_grow(heap(), held, bad)), CA_ERROR_LAYOUT);                                        \
    assert_int_equal(ca_error_of(ca_grow_zeroed(heap(), held, bad)), CA_ERROR_LAYOUT);                                 \
    assert_int_equal(ca_error_of(ca_shrink(held, bad)), CA_ERROR_LAYOUT)
            EACH(four, DO);
#undef DO
        }
        assert_whole(&four);
        assert_unchanged(&before);
        give_back(&four);
    }
}

static void test_L4_counts_that_overflow(void **state)
{
    static const size_t counts[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 8, SIZE_MAX / 8 + 1, SIZE_MAX / 16 + 1};
    ca_block block = ca_unwrap(ca_allocate(heap(), of(100)));
    struct print before;
    ca_arena arena;

    (void)state;
    ca_arena_init(&arena, ca_heap_allocator(heap()));
    content_fill(block.ptr, 0, 100, 9);
    before = take_print();
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
        ca_layout array = CA_LAYOUT_ARRAY(uint64_t, counts[i]);
        assert_int_equal(ca_error_of(ca_allocate(heap(), array)), CA_ERROR_LAYOUT);
        assert_int_equal(ca_error_of(ca_allocate_mustzero(heap(), array)), CA_ERROR_LAYOUT);
        assert_int_equal(ca_error_of(ca_grow(heap(), block, array)), CA_ERROR_LAYOUT);
        assert_int_equal(ca_error_of(ca_shrink(block, array)), CA_ERROR_LAYOUT);
        assert_int_equal(ca_error_of(ca_allocator_allocate(ca_heap_allocator(heap()), array)), CA_ERROR_LAYOUT);
        assert_null(CA_ARENA_ARRAY(&arena, uint64_t, counts[i]));
        assert_null(ca_calloc(counts[i], 8 * (1 + counts[i] % 2)));
        assert_null(ca_reallocarray(block.ptr, counts[i], 16));
    }
    assert_true(content_holds(block.ptr, 100, 9));
    assert_int_equal(ca_arena_held(&arena), 0);
    assert_unchanged(&before);
    ca_deallocate(block);
    ca_arena_destroy(&arena);
}

static void test_A7_A9_the_wrong_direction(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZES; i++) {
        struct four four = take(sizes[i]);
        struct print before = take_print();
        refuse_start();
#define DO(type, held)                                                                                                 \
    assert_int_equal(ca_error_of(ca_grow(heap(), held, of(held.size - 1))), CA_ERROR_LAYOUT);                          \
    assert_int_equal(ca_error_of(ca_grow_zeroed(heap(), held, of(0))), CA_ERROR_LAYOUT);                               \
    assert_int_equal(ca_error_of(ca_shrink(held, of(held.size + 1))), CA_ERROR_LAYOUT);                                \
    assert_int_equal(ca_error_of(ca_shrink(held, ((ca_layout){held.size, (size_t)1 << 45}))), CA_ERROR_LAYOUT)
        EACH(four, DO);
#undef DO
        assert_whole(&four);
        assert_unchanged(&before);
        give_back(&four);
    }
}

/* A size that is not the block's, an address inside it. */
static void test_C2_what_does_not_fit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZES; i++) {
        struct four four = take(sizes[i]);
        struct print before = take_print();
        refuse_start();
        for (size_t wrong = sizes[i] - 1; wrong <= sizes[i] + 1; wrong += 2) {
            if (wrong == 0)
                continue;
#define DO(type, held)                                                                                                 \
    assert_int_equal(ca_check(((type){held.ptr, wrong})), CA_ERROR_INVALID);                                           \
    assert_int_equal(ca_error_of(ca_grow(heap(), ((type){held.ptr, wrong}), of(1 << 20))), CA_ERROR_INVALID);          \
    assert_true(was_refused("size-mismatch"));                                                                         \
    assert_int_equal(ca_error_of(ca_shrink(((type){held.ptr, wrong}), of(1))), CA_ERROR_INVALID);                      \
    assert_true(was_refused("size-mismatch"))
            EACH(four, DO);
#undef DO
            ca_deallocate(((ca_block){four.block.ptr, wrong}));
            assert_true(was_refused("size-mismatch"));
            ca_deallocate(((ca_nocaps){four.nocaps.ptr, wrong}));
            assert_true(was_refused("size-mismatch"));
            ca_deallocate_zeroed(((ca_mustzero){four.mustzero.ptr, wrong}));
            assert_true(was_refused("size-mismatch"));
            ca_secret secret = {four.secret.ptr, wrong};
            ca_deallocate_zeroed(secret);
            assert_true(was_refused("size-mismatch"));
            assert_null(ca_wipe(&secret).ptr);
            assert_true(was_refused("size-mismatch") && secret.ptr == four.secret.ptr && secret.size == wrong);
        }
#define DO(type, held)                                                                                                 \
    assert_int_equal(ca_error_of(ca_grow(heap(), ((type){(char *)held.ptr + 1, 1}), of(100))), CA_ERROR_INVALID);      \
    assert_true(was_refused("invalid-free"));                                                                          \
    assert_int_equal(ca_error_of(ca_shrink(((type){(char *)held.ptr + 1, 1}), ((ca_layout){1, 1}))),                   \
                     CA_ERROR_INVALID);                                                                                \
    assert_true(was_refused("invalid-free"))
        EACH(four, DO);
#undef DO
        assert_whole(&four);
        assert_unchanged(&before);
        give_back(&four);
    }
}

static const ca_error errors[] = {CA_ERROR_LAYOUT, CA_ERROR_OUT_OF_MEMORY, CA_ERROR_NOT_PERMITTED};

static void unwrap_blindly(const void *argument)
{
    ca_block_result none = {NULL, (size_t) * (const ca_error *)argument};

    ca_block block = ca_unwrap(none);
    (void)block;
}

/* Without a handler the process ends; with one that refuses, what comes back is empty and goes back without harm. */
static void test_V1_V2_unwrapped_without_looking(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct child child;
        child_run(&child, 20, unwrap_blindly, &errors[i]);
        assert_true(child_died(&child, SIGABRT));
        assert_non_null(strstr(child.text, "capalloc: unwrap-error: ca_unwrap("));
        assert_non_null(strstr(child.text, ca_error_string(errors[i])));
        assert_null(strstr(strchr(child.text, '\n'), "capalloc:")); /* one line of ours */
        struct print before = take_print();
        refuse_start();
#define DO(type, held)                                                                                                 \
    do {                                                                                                               \
        type##_result none = {NULL, (size_t)errors[i]};                                                                \
        type empty = ca_unwrap(none);                                                                                  \
        assert_true(was_refused("unwrap-error"));                                                                      \
        assert_true(empty.ptr == NULL && empty.size == 0);                                                             \
        assert_int_equal(ca_check(empty), CA_OK);                                                                      \
    } while (0)
        EACH((struct four){0}, DO);
#undef DO
        ca_deallocate(((ca_block){NULL, 0}));
        ca_deallocate(((ca_nocaps){NULL, 0}));
        ca_deallocate(((ca_wiped){NULL, 0}));
        ca_deallocate_zeroed(((ca_mustzero){NULL, 0}));
        ca_deallocate_zeroed(((ca_secret){NULL, 0}));
        assert_int_equal(refused_calls, 0);
        assert_unchanged(&before);
        ca_set_violation_handler(NULL);
    }
}

static void refuse_plain(void *address, size_t size)
{
    ca_free(address);
    assert_true(was_refused("wrong-deallocator"));
    ca_free_sized(address, size);
    assert_true(was_refused("wrong-deallocator"));
    ca_free_aligned_sized(address, 8, size);
    assert_true(was_refused("wrong-deallocator"));
    assert_null(ca_realloc(address, 2 * size));
    assert_true(was_refused("wrong-deallocator"));
    assert_null(ca_realloc(address, 1));
    assert_true(was_refused("wrong-deallocator"));
    assert_null(ca_reallocarray(address, size, 3));
    assert_true(was_refused("wrong-deallocator"));
    ca_block_deallocate((ca_block){address, size});
    assert_true(was_refused("wrong-deallocator"));
    assert_int_equal(ca_error_of(ca_block_grow(heap(), (ca_block){address, size}, of(size + 1))), CA_ERROR_INVALID);
    assert_true(was_refused("wrong-deallocator"));
    assert_int_equal(ca_error_of(ca_block_shrink((ca_block){address, size}, of(1))), CA_ERROR_INVALID);
    assert_true(was_refused("wrong-deallocator"));
    assert_int_equal(ca_block_check((ca_block){address, size}), CA_ERROR_INVALID);
    ca_wiped_deallocate((ca_wiped){address, size});
    assert_true(was_refused("wrong-deallocator"));
}

static void test_Z1_must_zero_by_force_into_what_does_not_clear(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZES; i++) {
        struct four four = take(sizes[i]);
        struct print before = take_print();
        refuse_start();
        refuse_plain(four.mustzero.ptr, sizes[i]);
        refuse_plain(four.secret.ptr, sizes[i]);
        assert_whole(&four);
        assert_unchanged(&before);
        give_back(&four);
    }
}

/* The heap's trait object with blocks of a buffer, of the C library, and of the heap by another type's method. */
static void test_A11_blocks_of_others(void **state)
{
    static _Alignas(64) char buffer[1024];
    static char copy[sizeof buffer];
    ca_allocator a = ca_heap_allocator(heap());
    ca_fixed fixed;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct four four = take(sizes[i]);
        ca_fixed_init(&fixed, buffer, sizeof buffer);
        ca_block other = ca_unwrap(ca_allocator_allocate(ca_fixed_allocator(&fixed), of(sizes[i])));
        content_fill(buffer, 0, sizeof buffer, 8);
        memcpy(copy, buffer, sizeof copy);
        struct print before = take_print();
        refuse_start();
        ca_allocator_deallocate(a, other, of(other.size));
        assert_true(was_refused("invalid-free"));
        ca_allocator_deallocate_nocaps(a, (ca_nocaps){other.ptr, other.size}, of(other.size));
        assert_true(was_refused("invalid-free"));
        ca_allocator_deallocate_zeroed(a, (ca_mustzero){other.ptr, other.size}, of(other.size));
        assert_true(was_refused("invalid-free"));
        assert_int_equal(ca_error_of(ca_allocator_grow(a, other, of(other.size), of(2000))), CA_ERROR_INVALID);
        assert_true(was_refused("invalid-free"));
        assert_int_equal(ca_error_of(ca_allocator_grow_zeroed(a, other, of(other.size), of(2000))), CA_ERROR_INVALID);
        assert_true(was_refused("invalid-free"));
        assert_int_equal(ca_error_of(ca_allocator_shrink(a, other, of(other.size), of(1))), CA_ERROR_INVALID);
        assert_true(was_refused("invalid-free"));
        ca_allocator_deallocate(a, (ca_block){four.mustzero.ptr, sizes[i]}, of(sizes[i]));
        assert_true(was_refused("wrong-deallocator"));
        ca_allocator_deallocate_nocaps(a, (ca_nocaps){four.block.ptr, sizes[i]}, of(sizes[i]));
        assert_true(was_refused("wrong-deallocator"));
        ca_allocator_deallocate_zeroed(a, (ca_mustzero){four.secret.ptr, sizes[i]}, of(sizes[i]));
        assert_true(was_refused("wrong-deallocator"));
        ca_allocator_deallocate(ca_fixed_allocator(&fixed), four.block, of(sizes[i]));
        assert_true(was_refused("invalid-free"));
        assert_memory_equal(buffer, copy, sizeof buffer);
        assert_whole(&four);
        assert_unchanged(&before);
        give_back(&four);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_L1_L2_C1_forbidden_layouts),
        cmocka_unit_test(test_L4_counts_that_overflow),
        cmocka_unit_test(test_A7_A9_the_wrong_direction),
        cmocka_unit_test(test_C2_what_does_not_fit),
        cmocka_unit_test(test_V1_V2_unwrapped_without_looking),
        cmocka_unit_test(test_Z1_must_zero_by_force_into_what_does_not_clear),
        cmocka_unit_test(test_A11_blocks_of_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
