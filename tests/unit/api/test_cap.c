/* Blocks as capabilities: their bounds, what comes back whole and what does not, growing and shrinking, and what memory
 * without pointers refuses.
 */
#include "unit/unit.h"

#include "support/content.h"
#include "support/refuse.h"
#include "support/rng.h"

#include <capalloc/capalloc.h>
#include <stdlib.h>

typedef ca_cap_result (*allocate)(ca_authority, ca_layout);
static const allocate allocates[] = {ca_cap_allocate,        ca_cap_allocate_nocaps, ca_cap_allocate_mustzero,
                                     ca_cap_allocate_secret, ca_cap_allocate_zeroed, ca_cap_allocate_nocaps_zeroed};
enum { INTENTIONS = 4, FORMS = 6 };

static const size_t sizes[] = {1,    15,   16,   17,    100,   512,     513,     4095,          4096,
                               4097, 5000, 8191, 32768, 32769, 1000000, 1 << 20, (1 << 20) + 1, 33333333};
enum { SIZES = sizeof sizes / sizeof *sizes };

static ca_authority heap(void)
{
    return ca_default_authority();
}

static ca_cap block_of(unsigned intention, size_t size)
{
    return ca_cap_unwrap(allocates[intention](heap(), (ca_layout){size, 1}));
}

static void test_K6_the_bounds_are_the_block(void **state)
{
    (void)state;
    for (unsigned form = 0; form < FORMS; form++)
        for (unsigned i = 0; i < SIZES; i++)
            for (size_t align = 1; align <= 1 << 16; align *= 16) {
                ca_cap cap = ca_cap_unwrap(allocates[form](heap(), (ca_layout){sizes[i], align}));
                size_t base = ca_cap_base_get(cap), length = ca_cap_length_get(cap);
                assert_true(ca_cap_tag_get(cap) && !ca_cap_is_sealed(cap));
                assert_true(ca_cap_address_get(cap) == base && base % align == 0);
                assert_true(length == ca_cap_representable_length(sizes[i]) && length >= sizes[i]);
                assert_true((base & ca_cap_representable_alignment_mask(length)) == base);
                /* The heap knows the same length. */
                if (form == 0)
                    assert_int_equal(ca_check(((ca_block){(void *)base, length})), CA_OK);
                assert_int_equal(ca_cap_store_u8(cap, (ptrdiff_t)length - 1, 1), CA_CAP_FAULT_NONE);
                assert_int_equal(ca_cap_store_u8(cap, (ptrdiff_t)length, 1), CA_CAP_FAULT_BOUNDS);
                assert_int_equal(ca_cap_store_u8(cap, -1, 1), CA_CAP_FAULT_BOUNDS);
                assert_int_equal(ca_cap_check(cap), CA_OK);
                assert_int_equal(ca_cap_deallocate(cap), CA_OK);
            }
}

static int by_base(const void *a, const void *b)
{
    size_t first = ca_cap_base_get(*(const ca_cap *)a), second = ca_cap_base_get(*(const ca_cap *)b);

    return first < second ? -1 : first > second;
}

/* Two blocks may touch only where both are blocks; one of length 0 touches nothing. */
static void test_K6_nothing_else_within_the_bounds(void **state)
{
    enum { BLOCKS = 3000 };
    static ca_cap caps[BLOCKS];
    struct rng rng = rng_start(31);

    (void)state;
    for (unsigned i = 0; i < BLOCKS; i++)
        caps[i] = ca_cap_unwrap(allocates[rng_below(&rng, FORMS)](
            heap(), (ca_layout){rng_size(&rng, i % 50 == 0 ? 22 : 14), (size_t)1 << rng_below(&rng, 13)}));
    qsort(caps, BLOCKS, sizeof *caps, by_base);
    for (unsigned i = 0; i + 1 < BLOCKS; i++) {
        size_t end = ca_cap_base_get(caps[i]) + ca_cap_length_get(caps[i]);
        size_t next = ca_cap_base_get(caps[i + 1]);
        bool empty = ca_cap_length_get(caps[i]) == 0, next_empty = ca_cap_length_get(caps[i + 1]) == 0;
        assert_true(empty && next_empty ? end <= next : empty || next_empty ? end < next : end <= next);
    }
    for (unsigned i = 0; i < BLOCKS; i++)
        assert_int_equal(ca_cap_deallocate(caps[i]), CA_OK);
}

static void test_K6_lengths_of_many_gigabytes(void **state)
{
    unsigned got = 0;

    (void)state;
    for (unsigned shift = 27; shift <= 36; shift++)
        for (int by = -1; by <= 1; by++) {
            size_t size = ((size_t)1 << shift) + (size_t)((ptrdiff_t)by * 4099);
            ca_cap_result result = ca_cap_allocate_nocaps(heap(), (ca_layout){size, 16});
            if (ca_cap_error_of(result) == CA_ERROR_OUT_OF_MEMORY)
                continue; /* the system charges for address space */
            ca_cap cap = ca_cap_unwrap(result), before = block_of(1, 100000), after = block_of(1, 100000);
            size_t base = ca_cap_base_get(cap), length = ca_cap_length_get(cap);
            assert_true(length == ca_cap_representable_length(size));
            assert_true((base & ca_cap_representable_alignment_mask(length)) == base);
            assert_int_equal(ca_cap_store_u8(cap, (ptrdiff_t)length - 1, 1), CA_CAP_FAULT_NONE);
            assert_int_equal(ca_cap_store_u8(cap, (ptrdiff_t)length, 1), CA_CAP_FAULT_BOUNDS);
            assert_true(ca_cap_base_get(before) - base >= length && ca_cap_base_get(after) - base >= length);
            assert_int_equal(ca_cap_deallocate(cap), CA_OK);
            assert_int_equal(ca_cap_deallocate(before), CA_OK);
            assert_int_equal(ca_cap_deallocate(after), CA_OK);
            got++;
        }
    assert_true(got >= 3);
}

static void test_K6_A1_a_block_of_nothing(void **state)
{
    (void)state;
    for (unsigned form = 0; form < FORMS; form++)
        for (size_t align = 1; align <= (size_t)1 << 33; align <<= 4) {
            ca_cap cap = ca_cap_unwrap(allocates[form](heap(), (ca_layout){0, align}));
            uint8_t value;
            assert_true(ca_cap_tag_get(cap) && ca_cap_length_get(cap) == 0 && ca_cap_address_get(cap) % align == 0);
            assert_int_equal(ca_cap_load_u8(cap, 0, &value), CA_CAP_FAULT_BOUNDS);
            assert_int_equal(ca_cap_load_u8(cap, -1, &value), CA_CAP_FAULT_BOUNDS);
            assert_int_equal(ca_cap_check(cap), CA_OK);
            assert_int_equal(ca_cap_deallocate(cap), CA_OK);
            assert_int_equal(ca_cap_deallocate(cap), CA_OK);
            /* It still knows what it is to hold. */
            ca_cap grown = ca_cap_unwrap(ca_cap_grow(heap(), cap, (ca_layout){64, 16}));
            ca_cap like = block_of(form % INTENTIONS, 64);
            assert_int_equal(ca_cap_perms_get(grown), ca_cap_perms_get(like));
            ca_cap none = ca_cap_unwrap(ca_cap_shrink(grown, (ca_layout){0, 1}));
            assert_true(ca_cap_length_get(none) == 0);
            assert_int_equal(ca_cap_deallocate(none), CA_OK);
            assert_int_equal(ca_cap_deallocate(like), CA_OK);
        }
    assert_int_equal(ca_cap_error_of(ca_cap_allocate(heap(), (ca_layout){0, (size_t)1 << 62})), CA_ERROR_LAYOUT);
}

static void test_C1_bad_layouts_and_authorities(void **state)
{
    static const ca_layout bad[] = {{8, 0},        {8, 3},        {0, 0}, {5000, 0}, {PTRDIFF_MAX, 16},
                                    {SIZE_MAX, 1}, {SIZE_MAX, 64}};
    ca_authority none = {{0, 0}};

    (void)state;
    for (unsigned form = 0; form < FORMS; form++) {
        for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
            assert_int_equal(ca_cap_error_of(allocates[form](heap(), bad[i])), CA_ERROR_LAYOUT);
        assert_int_equal(ca_cap_error_of(allocates[form](none, (ca_layout){8, 8})), CA_ERROR_NOT_PERMITTED);
        assert_int_equal(ca_cap_error_of(allocates[form](heap(), (ca_layout){(size_t)1 << 55, 8})),
                         CA_ERROR_OUT_OF_MEMORY);
    }
    refuse_start();
    assert_false(ca_cap_tag_get(ca_cap_unwrap(ca_cap_allocate(none, (ca_layout){8, 8}))));
    assert_true(was_refused("unwrap-error"));
    ca_set_violation_handler(NULL);
}

/* --- what is not whole --- */

struct attempt {
    const char *what;
    ca_cap cap;
    const char *code;
    ca_error error;
};

/* Everything that takes a block back refuses it, says why, and changes nothing. */
static void refused_everywhere(const struct attempt *attempt, ca_cap whole)
{
    ca_layout small = {1, 1}, large = {100000, 16};

    print_message("%s\n", attempt->what);
    assert_int_equal(ca_cap_check(attempt->cap), attempt->error);
    refuse_start();
    assert_int_equal(ca_cap_deallocate(attempt->cap), attempt->error);
    assert_true(was_refused(attempt->error == CA_ERROR_STALE ? "double-free" : attempt->code));
    assert_int_equal(ca_cap_error_of(ca_cap_shrink(attempt->cap, small)), attempt->error);
    assert_true(was_refused(attempt->code));
    assert_int_equal(ca_cap_error_of(ca_cap_grow(heap(), attempt->cap, large)), attempt->error);
    assert_true(was_refused(attempt->code));
    ca_set_violation_handler(NULL);
    if (attempt->error != CA_ERROR_STALE) {
        uint64_t value = 0;
        assert_int_equal(ca_cap_check(whole), CA_OK);
        assert_int_equal(ca_cap_load_u64(whole, 8, &value), CA_CAP_FAULT_NONE);
        assert_int_equal(value, 0x5a5a5a5a);
    }
}

static void test_K7_C2_only_the_whole_goes_back(void **state)
{
    static const size_t lengths[] = {48, 600, 5000, 100000};
    ca_cap key;

    (void)state;
    assert_int_equal(ca_cap_sealer(&key), CA_OK);
    for (unsigned intention = 0; intention < INTENTIONS; intention++)
        for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            ca_cap whole = block_of(intention, lengths[i]);
            size_t length = ca_cap_length_get(whole);
            ca_cap_store_u64(whole, 8, 0x5a5a5a5a);
            const struct attempt attempts[] = {
                {"null", ca_cap_null(), "denied", CA_ERROR_INVALID},
                {"no tag", ca_cap_tag_clear(whole), "denied", CA_ERROR_INVALID},
                {"sealed", ca_cap_seal(whole, ca_cap_increment(key, 5)), "denied", CA_ERROR_INVALID},
                {"read only", ca_cap_perms_and(whole, ~CA_CAP_PERM_STORE), "denied", CA_ERROR_INVALID},
                {"write only", ca_cap_perms_and(whole, ~CA_CAP_PERM_LOAD), "denied", CA_ERROR_INVALID},
                {"local", ca_cap_perms_and(whole, ~CA_CAP_PERM_GLOBAL), "denied", CA_ERROR_INVALID},
                {"half", ca_cap_bounds_set(whole, length / 2), "size-mismatch", CA_ERROR_INVALID},
                {"one less", ca_cap_bounds_set(whole, length < 4096 ? length - 1 : length - 4096), "size-mismatch",
                 CA_ERROR_INVALID},
                {"empty", ca_cap_bounds_set(whole, 0), "size-mismatch", CA_ERROR_INVALID},
                {"from the middle", ca_cap_bounds_set(ca_cap_increment(whole, 16), 16), "invalid-free",
                 CA_ERROR_INVALID},
                {"the end", ca_cap_bounds_set(ca_cap_increment(whole, (ptrdiff_t)length), 0), "size-mismatch",
                 CA_ERROR_INVALID},
                {"the key", key, "invalid-free", CA_ERROR_INVALID},
            };
            for (unsigned j = 0; j < sizeof attempts / sizeof *attempts; j++)
                refused_everywhere(&attempts[j], whole);
            /* The address does not matter. */
            assert_int_equal(ca_cap_check(ca_cap_increment(whole, 17)), CA_OK);
            assert_int_equal(ca_cap_deallocate(ca_cap_increment(whole, (ptrdiff_t)length)), CA_OK);
            const struct attempt stale = {"stale", whole, "stale", CA_ERROR_STALE};
            refused_everywhere(&stale, whole);
        }
}

static void test_K7_C2_a_block_that_has_shrunk_is_known_by_its_new_bounds(void **state)
{
    (void)state;
    for (unsigned intention = 0; intention < INTENTIONS; intention++) {
        ca_cap whole = block_of(intention, 600);
        ca_cap less = ca_cap_unwrap(ca_cap_shrink(whole, (ca_layout){300, 1}));
        refuse_start();
        assert_int_equal(ca_cap_deallocate(whole), CA_ERROR_INVALID);
        assert_true(was_refused("size-mismatch"));
        ca_set_violation_handler(NULL);
        assert_int_equal(ca_cap_deallocate(less), CA_OK);
    }
}

/* --- shrinking and growing --- */

static void test_C3_K7_shrinking_never_widens(void **state)
{
    struct rng rng = rng_start(33);

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        ca_cap cap = block_of(i % INTENTIONS, rng_size(&rng, 18) + 1);
        size_t length = ca_cap_length_get(cap);
        for (unsigned step = 0; step < 4 && ca_cap_length_get(cap) != 0; step++) {
            size_t wanted = rng_below(&rng, ca_cap_length_get(cap) + 1);
            ca_cap less = ca_cap_unwrap(ca_cap_shrink(cap, (ca_layout){wanted, 1}));
            if (wanted != 0) {
                assert_true(ca_cap_is_subset(cap, less) && ca_cap_base_get(less) == ca_cap_base_get(cap));
                assert_true(ca_cap_length_get(less) == ca_cap_representable_length(wanted));
                assert_true(ca_cap_length_get(less) <= length);
            }
            assert_int_equal(ca_cap_error_of(ca_cap_shrink(less, (ca_layout){ca_cap_length_get(less) + 1, 1})),
                             CA_ERROR_LAYOUT);
            cap = less;
        }
        assert_int_equal(ca_cap_deallocate(cap), CA_OK);
    }
}

/* Stores `from`'s capability wherever there is room for one in the first `bytes`. */
static void fill(ca_cap cap, size_t bytes)
{
    for (size_t at = 0; at + 16 <= bytes; at += 16)
        assert_int_equal(ca_cap_store_cap(cap, (ptrdiff_t)at, cap), CA_CAP_FAULT_NONE);
}

/* How many capabilities [from, to) holds; the rest has none. */
static size_t held(ca_cap cap, size_t from, size_t to)
{
    size_t count = 0;

    for (size_t at = from; at + 16 <= to; at += 16) {
        ca_cap got;
        assert_int_equal(ca_cap_load_cap(cap, (ptrdiff_t)at, &got), CA_CAP_FAULT_NONE);
        count += ca_cap_tag_get(got);
    }
    return count;
}

static void test_K9_K7_capabilities_move_with_their_block(void **state)
{
    static const size_t steps[] = {32, 48, 100, 528, 4000, 5000, 40000, 200000, 3000000};

    (void)state;
    for (unsigned intention = 0; intention < INTENTIONS; intention += 2) {
        ca_cap cap = block_of(intention, steps[0]);
        for (unsigned i = 1; i < sizeof steps / sizeof *steps; i++) {
            size_t old = ca_cap_length_get(cap) / 16 * 16;
            fill(cap, old);
            ca_cap before = cap;
            cap = ca_cap_unwrap(ca_cap_grow(heap(), cap, (ca_layout){steps[i], 16}));
            assert_true(ca_cap_length_get(cap) == ca_cap_representable_length(steps[i]));
            assert_int_equal(held(cap, 0, old), old / 16);
            assert_int_equal(held(cap, old, ca_cap_length_get(cap)), 0);
            if (ca_cap_base_get(before) != ca_cap_base_get(cap) && old < 30000) /* a large block's memory is gone */
                assert_int_equal(held(before, 0, old), 0); /* what a stale copy finds there is data */
        }
        while (ca_cap_length_get(cap) > 64) {
            size_t bytes = ca_cap_length_get(cap) / 2;
            fill(cap, ca_cap_length_get(cap));
            ca_cap wide = cap;
            cap = ca_cap_unwrap(ca_cap_shrink(cap, (ca_layout){bytes, 16}));
            assert_int_equal(held(cap, 0, ca_cap_length_get(cap)), ca_cap_length_get(cap) / 16);
            if (ca_cap_length_get(wide) < 30000)
                assert_int_equal(held(wide, (ca_cap_length_get(cap) + 15) / 16 * 16, ca_cap_length_get(wide)), 0);
        }
        assert_int_equal(ca_cap_deallocate(cap), CA_OK);
    }
}

static void test_C4_K7_growing_needs_the_right(void **state)
{
    static const size_t lengths[] = {64, 5000, 100000};
    ca_authority may_not, may;

    (void)state;
    assert_int_equal(ca_authority_derive(heap(), CA_RIGHT_ALLOCATE, SIZE_MAX, &may_not), CA_OK);
    assert_int_equal(ca_authority_derive(heap(), CA_RIGHT_GROW, SIZE_MAX, &may), CA_OK);
    for (unsigned intention = 0; intention < INTENTIONS; intention++)
        for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            ca_cap cap = block_of(intention, lengths[i]);
            size_t caps = intention % 2 == 0 ? ca_cap_length_get(cap) / 16 : 0;
            if (caps != 0)
                fill(cap, caps * 16);
            ca_cap_result result = ca_cap_grow(may_not, cap, (ca_layout){2 * lengths[i], 16});
            assert_int_equal(ca_cap_error_of(result), CA_ERROR_NOT_PERMITTED);
            assert_false(ca_cap_tag_get(result.cap));
            assert_int_equal(ca_cap_check(cap), CA_OK);
            assert_int_equal(held(cap, 0, ca_cap_length_get(cap)), caps);
            assert_int_equal(ca_cap_error_of(ca_cap_grow(heap(), cap, (ca_layout){(size_t)1 << 55, 16})),
                             CA_ERROR_OUT_OF_MEMORY);
            assert_int_equal(held(cap, 0, ca_cap_length_get(cap)), caps);
            assert_int_equal(ca_cap_error_of(ca_cap_grow(heap(), cap, (ca_layout){1, 1})), CA_ERROR_LAYOUT);
            assert_int_equal(held(cap, 0, ca_cap_length_get(cap)), caps);
            cap = ca_cap_unwrap(ca_cap_grow(may, cap, (ca_layout){2 * lengths[i], 16}));
            assert_int_equal(held(cap, 0, ca_cap_length_get(cap)), caps);
            assert_int_equal(ca_cap_deallocate(cap), CA_OK);
        }
    assert_int_equal(ca_authority_revoke(may), CA_OK);
    assert_int_equal(ca_authority_revoke(may_not), CA_OK);
}

/* --- memory without pointers --- */

static void test_N2_no_capability_lives_in_nocaps_memory(void **state)
{
    (void)state;
    for (unsigned form = 0; form < FORMS; form++) {
        bool nocaps = form % 2 == 1 && form != 4;
        ca_cap cap = ca_cap_unwrap(allocates[form](heap(), (ca_layout){64, 16}));
        ca_cap other = block_of(0, 64), got = ca_cap_null();
        size_t perms = ca_cap_perms_get(cap);
        uint64_t word = 0;
        assert_int_equal((perms & CA_CAP_PERMS_CAPS) == 0, nocaps);
        assert_true((perms & CA_CAP_PERM_LOAD) != 0 && (perms & CA_CAP_PERM_STORE) != 0);
        ca_cap_store_u64(cap, 16, 99);
        assert_int_equal(ca_cap_store_cap(cap, 16, other),
                         nocaps ? CA_CAP_FAULT_PERMIT_STORE_CAPABILITY : CA_CAP_FAULT_NONE);
        assert_int_equal(ca_cap_load_u64(cap, 16, &word), CA_CAP_FAULT_NONE);
        if (nocaps)
            assert_int_equal(word, 99); /* refused, so nothing was stored */
        /* As data it goes, and comes back as data. */
        assert_int_equal(ca_cap_store_cap(cap, 32, ca_cap_tag_clear(other)), CA_CAP_FAULT_NONE);
        assert_int_equal(ca_cap_load_cap(cap, 32, &got), CA_CAP_FAULT_NONE);
        assert_false(ca_cap_tag_get(got));
        assert_int_equal(ca_cap_address_get(got), ca_cap_address_get(other));
        /* Permissions cannot be won back, whatever is done. */
        assert_int_equal(ca_cap_perms_get(ca_cap_perms_and(cap, SIZE_MAX)), perms);
        cap = ca_cap_unwrap(ca_cap_grow(heap(), cap, (ca_layout){3000, 16}));
        assert_int_equal(ca_cap_perms_get(cap), perms);
        assert_int_equal(ca_cap_deallocate(cap), CA_OK);
        assert_int_equal(ca_cap_deallocate(other), CA_OK);
    }
}

/* A capability to pointer memory loads nothing tagged through a copy that lost the permission. */
static void test_N2_a_loaded_capability_loses_its_tag(void **state)
{
    ca_cap cap = block_of(0, 64), got;

    (void)state;
    assert_int_equal(ca_cap_store_cap(cap, 0, cap), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_load_cap(ca_cap_perms_and(cap, ~CA_CAP_PERMS_CAPS), 0, &got), CA_CAP_FAULT_NONE);
    assert_false(ca_cap_tag_get(got));
    assert_int_equal(ca_cap_load_cap(cap, 0, &got), CA_CAP_FAULT_NONE);
    assert_true(ca_cap_is_equal_exact(got, cap));
    assert_int_equal(ca_cap_deallocate(cap), CA_OK);
}

static void test_Z2_K7_the_capability_says_what_is_owed(void **state)
{
    (void)state;
    for (unsigned intention = 2; intention < INTENTIONS; intention++)
        for (unsigned i = 0; i < SIZES; i++) {
            ca_cap cap = block_of(intention, sizes[i]);
            char *memory = (char *)ca_cap_base_get(cap);
            size_t length = ca_cap_length_get(cap);
            assert_true(content_is_zero(memory, length));
            memset(memory, 0x77, length);
            assert_int_equal(ca_cap_deallocate(cap), CA_OK);
            if (length <= 32768) /* a larger one may be unmapped */
                assert_true(content_is_zero(memory, length));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_K6_the_bounds_are_the_block),
        cmocka_unit_test(test_K6_nothing_else_within_the_bounds),
        cmocka_unit_test(test_K6_lengths_of_many_gigabytes),
        cmocka_unit_test(test_K6_A1_a_block_of_nothing),
        cmocka_unit_test(test_C1_bad_layouts_and_authorities),
        cmocka_unit_test(test_K7_C2_only_the_whole_goes_back),
        cmocka_unit_test(test_K7_C2_a_block_that_has_shrunk_is_known_by_its_new_bounds),
        cmocka_unit_test(test_C3_K7_shrinking_never_widens),
        cmocka_unit_test(test_K9_K7_capabilities_move_with_their_block),
        cmocka_unit_test(test_C4_K7_growing_needs_the_right),
        cmocka_unit_test(test_N2_no_capability_lives_in_nocaps_memory),
        cmocka_unit_test(test_N2_a_loaded_capability_loses_its_tag),
        cmocka_unit_test(test_Z2_K7_the_capability_says_what_is_owed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
