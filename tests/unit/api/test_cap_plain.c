/* The same calls where a capability is a pointer: blocks come and go by their address alone. */
#define CA_CAP_PLAIN
#include "unit/unit.h"

#include "support/content.h"
#include "support/refuse.h"

#include <capalloc/capalloc.h>

typedef ca_cap_result (*allocate)(ca_authority, ca_layout);

static ca_cap_result ordinary(ca_authority authority, ca_layout layout)
{
    return ca_cap_allocate(authority, layout);
}

static const allocate allocates[] = {ordinary, ca_cap_allocate_nocaps, ca_cap_allocate_mustzero,
                                     ca_cap_allocate_secret};
enum { INTENTIONS = 4 };

static ca_cap block_of(unsigned intention, size_t size)
{
    return ca_cap_unwrap(allocates[intention](ca_default_authority(), (ca_layout){size, 1}));
}

static void test_K8_a_capability_is_a_pointer(void **state)
{
    ca_cap cap = block_of(0, 64), got;
    uint32_t number = 0;
    char text[6];

    (void)state;
    assert_int_equal(sizeof(ca_cap), sizeof(void *));
    assert_true(ca_cap_tag_get(cap) && !ca_cap_tag_get(ca_cap_null()));
    assert_int_equal(ca_cap_store_u32(cap, 4, 0xabcdef), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_load_u32(ca_cap_increment(cap, 4), 0, &number), CA_CAP_FAULT_NONE);
    assert_int_equal(number, 0xabcdef);
    assert_int_equal(ca_cap_store_cap(cap, CA_CAP_BYTES, cap), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_load_cap(cap, CA_CAP_BYTES, &got), CA_CAP_FAULT_NONE);
    assert_true(ca_cap_is_equal_exact(cap, got));
    assert_int_equal(ca_cap_store_bytes(cap, 32, "hello", 6), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_load_bytes(cap, 32, text, 6), CA_CAP_FAULT_NONE);
    assert_string_equal(text, "hello");
    ca_cap key;
    assert_int_equal(ca_cap_sealer(&key), CA_OK);
    assert_true(ca_cap_is_equal_exact(ca_cap_unseal(ca_cap_seal(cap, key), key), cap));
    assert_true(ca_cap_is_equal_exact(ca_cap_perms_and(ca_cap_bounds_set(cap, 8), CA_CAP_PERM_LOAD), cap));
    assert_int_equal(ca_cap_representable_length(4097), 4097);
    assert_int_equal(ca_cap_deallocate(cap), CA_OK);
}

static void test_K8_K12_K13_K14_what_has_no_bits(void **state)
{
    ca_cap block = block_of(0, 2048), other = block_of(0, 16), got = ca_cap_null(), expected;
    uint64_t tags[5] = {0, 0, 0, 0, 7};
    bool done = true;

    (void)state;
    assert_int_equal(ca_cap_atomic_store(block, 8, other), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_atomic_load(block, 8, &got), CA_CAP_FAULT_NONE);
    assert_true(ca_cap_is_equal_exact(got, other));
    assert_int_equal(ca_cap_atomic_exchange(block, 8, block, &got), CA_CAP_FAULT_NONE);
    assert_true(ca_cap_is_equal_exact(got, other));
    expected = other;
    assert_int_equal(ca_cap_atomic_compare_exchange(block, 8, &expected, other, &done), CA_CAP_FAULT_NONE);
    assert_true(!done && ca_cap_is_equal_exact(expected, block));
    assert_int_equal(ca_cap_atomic_compare_exchange(block, 8, &expected, other, &done), CA_CAP_FAULT_NONE);
    assert_true(done && ca_cap_load_cap(block, 8, &got) == CA_CAP_FAULT_NONE && ca_cap_is_equal_exact(got, other));

    assert_true(ca_cap_is_equal_exact(ca_cap_from_raw(ca_cap_address_get(block), ca_cap_high_get(block)), block));
    assert_true(ca_cap_is_equal_exact(ca_cap_conditional_seal(block, ca_cap_type_copy(other, block)), block));
    assert_true(ca_cap_is_equal_exact(ca_cap_seal_entry(block), block) && !ca_cap_is_sentry(block));
    assert_int_equal(ca_cap_jump_check(block), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_jump_check(ca_cap_null()), CA_CAP_FAULT_TAG);
    assert_true(ca_cap_top_get(block) == SIZE_MAX);
    assert_int_equal(ca_cap_tags_load_range(block, 0, 100, tags), CA_CAP_FAULT_NONE);
    assert_int_equal(tags[0], 0xfff);
    assert_int_equal(ca_cap_tags_load_range(block, 0, 2048, tags), CA_CAP_FAULT_NONE);
    assert_true(~(tags[0] & tags[1] & tags[2] & tags[3]) == 0 && tags[4] == 7);
    assert_int_equal(ca_cap_deallocate(block), CA_OK);
    assert_int_equal(ca_cap_deallocate(other), CA_OK);
}

static void test_K8_K15_blocks_of_a_heap(void **state)
{
    static const size_t sizes[] = {16, 100, 5001, 100001};
    ca_authority heap, other;
    ca_cap blocks[4], cap = ca_cap_null();
    ca_walk at = CA_WALK_INIT;
    unsigned told = 0;

    (void)state;
    assert_int_equal(ca_heap_create(NULL, &heap), CA_OK);
    assert_int_equal(ca_heap_create(NULL, &other), CA_OK);
    ca_cap foreign = ca_cap_unwrap(ca_cap_allocate(other, (ca_layout){64, 1}));
    for (unsigned i = 0; i < 4; i++)
        blocks[i] = ca_cap_unwrap(allocates[i](heap, (ca_layout){sizes[i], 1}));
    for (unsigned i = 0; i < 4; i++)
        for (size_t offset = 0; offset < sizes[i]; offset += sizes[i] / 7 + 1)
            assert_true(ca_cap_is_equal_exact(ca_cap_unwrap(ca_cap_whole(heap, ca_cap_address_get(blocks[i]) + offset)),
                                              blocks[i]));
    assert_int_equal(ca_cap_guess(heap, ca_cap_address_get(blocks[1]) + sizes[1]).error, CA_ERROR_INVALID);
    assert_int_equal(ca_cap_guess(heap, ca_cap_address_get(foreign)).error, CA_ERROR_INVALID);
    refuse_start();
    assert_int_equal(ca_cap_whole(heap, ca_cap_address_get(foreign)).error, CA_ERROR_NOT_PERMITTED);
    assert_true(was_refused("denied"));
    assert_int_equal(ca_cap_walk_next(ca_default_authority(), &at, &cap), CA_ERROR_NOT_PERMITTED);
    assert_true(was_refused("denied") && at.opaque[0] == 0 && at.opaque[1] == 0);
    ca_set_violation_handler(NULL);
    while (ca_cap_walk_next(heap, &at, &cap) == CA_OK && ca_cap_is_valid(cap)) {
        for (unsigned i = 0; i < 4; i++)
            if (ca_cap_is_equal_exact(cap, blocks[i]))
                told |= 1u << i;
        assert_int_equal(ca_cap_deallocate(cap), CA_OK);
    }
    assert_int_equal(told, 15);
    assert_int_equal(ca_heap_destroy(heap), CA_OK);
    assert_int_equal(ca_heap_destroy(other), CA_OK);
}

static void test_K8_K10_K11_what_is_derived(void **state)
{
    ca_cap block = block_of(0, 256), at = ca_cap_increment(block, 9), got;

    (void)state;
    assert_true(ca_cap_is_valid(block) && ca_cap_is_invalid(ca_cap_null()) && ca_cap_is_unsealed(block));
    assert_true(ca_cap_is_aligned(block, 16) && !ca_cap_is_aligned(at, 2));
    assert_true(ca_cap_is_equal_exact(ca_cap_align_down(at, 8), ca_cap_increment(block, 8)));
    assert_true(ca_cap_is_equal_exact(ca_cap_align_up(at, 8), ca_cap_increment(block, 16)));
    assert_true(ca_cap_is_equal_exact(ca_cap_perms_clear(block, CA_CAP_PERM_STORE), block));
    assert_int_equal(ca_cap_store_cap(block, 0, at), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_memmove(block, 3, block, 0, 100), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_memmove(block, 128, block, 3, CA_CAP_BYTES), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_load_cap(block, 128, &got), CA_CAP_FAULT_NONE);
    assert_true(ca_cap_is_equal_exact(at, got));
    assert_int_equal(ca_cap_deallocate(block), CA_OK);
}

static void test_K8_C2_blocks_go_back_by_their_address(void **state)
{
    static const size_t sizes[] = {1, 16, 100, 512, 1000, 5000, 32768, 40000, 1 << 20};
    int on_the_stack = 0;

    (void)state;
    for (unsigned intention = 0; intention < INTENTIONS; intention++)
        for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            ca_cap cap = block_of(intention, sizes[i]);
            assert_int_equal(ca_cap_check(cap), CA_OK);
            assert_int_equal(ca_cap_check(ca_cap_increment(cap, 1)), CA_ERROR_INVALID);
            refuse_start();
            assert_int_equal(ca_cap_deallocate(ca_cap_increment(cap, 1)), CA_ERROR_INVALID);
            assert_true(was_refused("invalid-free"));
            content_fill(cap.pointer, 0, sizes[i], i);
            cap = ca_cap_unwrap(ca_cap_grow(ca_default_authority(), cap, (ca_layout){sizes[i] + 100, 16}));
            assert_true(content_holds(cap.pointer, sizes[i], i));
            if (intention >= 2)
                assert_true(content_is_zero(cap.pointer + sizes[i], 100));
            assert_int_equal(ca_cap_error_of(ca_cap_grow(ca_default_authority(), cap, (ca_layout){1, 1})),
                             CA_ERROR_LAYOUT);
            cap = ca_cap_unwrap(ca_cap_shrink(cap, (ca_layout){sizes[i], 1}));
            assert_int_equal(ca_cap_error_of(ca_cap_shrink(cap, (ca_layout){sizes[i] + 1, 1})), CA_ERROR_LAYOUT);
            assert_int_equal(ca_cap_deallocate(cap), CA_OK);
            if (intention >= 2 && sizes[i] <= 32768)
                assert_true(content_is_zero(cap.pointer, sizes[i])); /* the place says what is owed */
            assert_int_equal(ca_cap_check(cap), CA_ERROR_STALE);
            assert_int_equal(ca_cap_deallocate(cap), CA_ERROR_STALE);
            assert_true(was_refused("double-free"));
            ca_set_violation_handler(NULL);
        }
    refuse_start();
    assert_int_equal(ca_cap_deallocate(ca_cap_null()), CA_ERROR_INVALID);
    assert_true(was_refused("invalid-free"));
    assert_int_equal(ca_cap_deallocate((ca_cap){(char *)&on_the_stack}), CA_ERROR_INVALID);
    assert_true(was_refused("invalid-free"));
    ca_set_violation_handler(NULL);
}

static void test_K8_A1_a_block_of_nothing(void **state)
{
    (void)state;
    for (unsigned intention = 0; intention < INTENTIONS; intention++) {
        ca_cap cap = block_of(intention, 0);
        assert_true(ca_cap_tag_get(cap));
        assert_int_equal(ca_cap_check(cap), CA_OK);
        assert_int_equal(ca_cap_deallocate(cap), CA_OK);
        cap = ca_cap_unwrap(ca_cap_grow(ca_default_authority(), cap, (ca_layout){64, 16}));
        if (intention == 1) /* it is a block of its intention */
            assert_int_equal(ca_check(((ca_nocaps){cap.pointer, 64})), CA_OK);
        if (intention == 3)
            assert_int_equal(ca_check(((ca_secret){cap.pointer, 64})), CA_OK);
        cap = ca_cap_unwrap(ca_cap_shrink(cap, (ca_layout){0, 1}));
        assert_int_equal(ca_cap_deallocate(cap), CA_OK);
    }
    assert_int_equal(ca_cap_error_of(ca_cap_allocate(ca_default_authority(), (ca_layout){0, (size_t)1 << 62})),
                     CA_ERROR_LAYOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_K8_a_capability_is_a_pointer),
        cmocka_unit_test(test_K8_K12_K13_K14_what_has_no_bits),
        cmocka_unit_test(test_K8_K15_blocks_of_a_heap),
        cmocka_unit_test(test_K8_K10_K11_what_is_derived),
        cmocka_unit_test(test_K8_C2_blocks_go_back_by_their_address),
        cmocka_unit_test(test_K8_A1_a_block_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
