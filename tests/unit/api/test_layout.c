/* layout.c against a reference that calculates by the definitions, in 128 bits, where nothing overflows: at all
 * boundaries of all alignments and at random. tests/rust asks Rust itself.
 */
#include "unit/unit.h"

#include <capalloc/layout.h>

#include "support/layout_values.h"

#include <stdbool.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

enum { RANDOM = 60000 };

static const size_t UNTOUCHED = 0x5a5a5a5a5a5a5a5a;
static const wide LIMIT = PTRDIFF_MAX;

/* --- the reference --- */

struct answer {
    bool ok;
    wide size;
    wide align;
    wide extra; /* stride or offset; UNTOUCHED where there is none */
};

static bool is_power(wide n)
{
    unsigned bits = 0;

    for (; n != 0; n /= 2)
        bits += n % 2 == 1;
    return bits == 1;
}

static wide rounded(wide size, wide align)
{
    return (size + align - 1) / align * align;
}

static bool is_valid(wide size, wide align)
{
    return is_power(align) && rounded(size, align) <= LIMIT;
}

static bool is_layout(ca_layout layout)
{
    return is_valid(layout.size, layout.align);
}

static struct answer refusal(void)
{
    return (struct answer){false, UNTOUCHED, UNTOUCHED, UNTOUCHED};
}

static struct answer want(wide size, wide align, wide extra)
{
    return is_valid(size, align) ? (struct answer){true, size, align, extra} : refusal();
}

static struct answer want_array(ca_layout element, size_t count)
{
    return is_layout(element) ? want(rounded(element.size, element.align) * count, element.align, UNTOUCHED)
                              : refusal();
}

static struct answer want_repeat(ca_layout element, size_t count)
{
    if (!is_layout(element))
        return refusal();

    wide stride = rounded(element.size, element.align);

    return want(count == 0 ? 0 : stride * (count - 1) + element.size, element.align, stride);
}

static struct answer want_repeat_packed(ca_layout element, size_t count)
{
    return is_layout(element) ? want((wide)element.size * count, element.align, UNTOUCHED) : refusal();
}

static struct answer want_extend(ca_layout first, ca_layout next)
{
    if (!is_layout(first) || !is_layout(next))
        return refusal();

    wide offset = rounded(first.size, next.align);

    return want(offset + next.size, first.align > next.align ? first.align : next.align, offset);
}

static struct answer want_extend_packed(ca_layout first, ca_layout next)
{
    return is_layout(first) && is_layout(next) ? want((wide)first.size + next.size, first.align, UNTOUCHED) : refusal();
}

static struct answer want_align_to(ca_layout layout, size_t align)
{
    if (!is_layout(layout) || !is_power(align))
        return refusal();
    return want(layout.size, layout.align > align ? layout.align : align, UNTOUCHED);
}

/* --- one call beside the reference --- */

static void same(const char *call, ca_layout a, ca_layout b, ca_error error, ca_layout out, size_t extra,
                 struct answer wanted)
{
    if (error == (wanted.ok ? CA_OK : CA_ERROR_LAYOUT) && out.size == wanted.size && out.align == wanted.align &&
        extra == wanted.extra)
        return;
    fail_msg("%s({%#zx, %#zx}, {%#zx, %#zx}): error %d, {%#zx, %#zx}, %#zx; wanted %s {%#zx, %#zx}, %#zx", call, a.size,
             a.align, b.size, b.align, (int)error, out.size, out.align, extra, wanted.ok ? "ok" : "CA_ERROR_LAYOUT",
             (size_t)wanted.size, (size_t)wanted.align, (size_t)wanted.extra);
}

/* CHECK(name, reference, second, arguments): calls ca_layout_##name with fresh outputs. */
#define CHECK(name, wanted, a, b, ...)                                                                                 \
    do {                                                                                                               \
        ca_layout out = {UNTOUCHED, UNTOUCHED};                                                                        \
        size_t extra = UNTOUCHED;                                                                                      \
        ca_error error = ca_layout_##name(__VA_ARGS__);                                                                \
        same(#name, a, b, error, out, extra, wanted);                                                                  \
    } while (0)

static void check_one(ca_layout layout)
{
    const ca_layout none = {0, 0};
    bool valid = is_layout(layout);
    ca_layout wanted = {valid ? (size_t)rounded(layout.size, layout.align) : layout.size, layout.align};

    assert_int_equal(ca_layout_is_valid(layout), valid);
    CHECK(new, want(layout.size, layout.align, UNTOUCHED), layout, none, layout.size, layout.align, &out);
    same("pad_to_align", layout, none, CA_OK, ca_layout_pad_to_align(layout), UNTOUCHED,
         (struct answer){true, wanted.size, wanted.align, UNTOUCHED});
}

static void check_align(ca_layout layout, size_t align)
{
    const ca_layout second = {0, align};
    bool known = is_layout(layout) && is_power(align);
    size_t padding = known ? (size_t)(rounded(layout.size, align) - layout.size) : SIZE_MAX;

    CHECK(align_to, want_align_to(layout, align), layout, second, layout, align, &out);
    same("padding_for", layout, second, CA_OK, layout, ca_layout_padding_for(layout, align),
         (struct answer){true, layout.size, layout.align, padding});
}

static void check_count(ca_layout element, size_t count)
{
    const ca_layout second = {count, 0};
    struct answer array = want_array(element, count);
    ca_layout by_macro = ca_layout_array_or_refused(element, count);

    CHECK(array, array, element, second, element, count, &out);
    CHECK(repeat, want_repeat(element, count), element, second, element, count, &out, &extra);
    CHECK(repeat_packed, want_repeat_packed(element, count), element, second, element, count, &out);
    assert_int_equal(ca_layout_is_valid(by_macro), array.ok);
    assert_true(!array.ok || (by_macro.size == array.size && by_macro.align == array.align));
}

static void check_pair(ca_layout first, ca_layout next)
{
    CHECK(extend, want_extend(first, next), first, next, first, next, &out, &extra);
    CHECK(extend_packed, want_extend_packed(first, next), first, next, first, next, &out);
}

static struct rng announced(uint64_t seed)
{
    struct rng rng = rng_start(seed);
    const char *text = getenv("CAPALLOC_TEST_SEED");

    print_message("seed %#llx (CAPALLOC_TEST_SEED=%s)\n", (unsigned long long)rng.state, text != NULL ? text : "");
    return rng;
}

static ca_layout any_layout(struct rng *rng)
{
    size_t align = layout_any_align(rng);

    return (ca_layout){layout_any_size(rng, align), align};
}

/* --- L1 to L3: what a layout is --- */

static void test_L1_alignments_are_powers_of_two(void **state)
{
    (void)state;
    assert_false(ca_layout_is_valid((ca_layout){0, 0}));
    assert_false(ca_layout_is_valid((ca_layout){0, 3}));
    assert_false(ca_layout_is_valid((ca_layout){0, SIZE_MAX}));
    for (unsigned i = 0; i < 64; i++) {
        size_t align = (size_t)1 << i;
        assert_true(ca_layout_is_valid((ca_layout){0, align}));
        assert_int_equal(ca_layout_is_valid((ca_layout){0, align + 1}), i == 0);
        assert_int_equal(ca_layout_is_valid((ca_layout){0, align - 1}), i == 1);
    }
}

static void test_L2_rounded_up_at_most_PTRDIFF_MAX(void **state)
{
    (void)state;
    assert_true(ca_layout_is_valid((ca_layout){PTRDIFF_MAX, 1}));
    assert_false(ca_layout_is_valid((ca_layout){PTRDIFF_MAX, 2}));
    assert_false(ca_layout_is_valid((ca_layout){1, (size_t)1 << 63}));
    for (unsigned i = 0; i < 64; i++) {
        size_t align = (size_t)1 << i;
        size_t most = (size_t)(LIMIT / align * align);
        assert_true(ca_layout_is_valid((ca_layout){most, align}));
        assert_false(ca_layout_is_valid((ca_layout){most + 1, align}));
        assert_false(ca_layout_is_valid((ca_layout){(size_t)PTRDIFF_MAX + align, align}));
        assert_false(ca_layout_is_valid((ca_layout){SIZE_MAX - align + 1, align}));
        assert_false(ca_layout_is_valid((ca_layout){SIZE_MAX, align}));
    }
}

static void test_L3_zero_and_odd_sizes(void **state)
{
    ca_layout layout;

    (void)state;
    assert_int_equal(ca_layout_new(0, 1, &layout), CA_OK);
    assert_int_equal(ca_layout_new(0, 4096, &layout), CA_OK);
    assert_int_equal(ca_layout_new(4097, 4096, &layout), CA_OK);
    assert_true(layout.size == 4097 && layout.align == 4096);
}

/* --- L4: making one --- */

static void test_L4_new_at_every_boundary(void **state)
{
    struct rng rng = announced(0x1a1);

    (void)state;
    for (unsigned i = 0; i < LAYOUT_ALIGNS; i++) {
        size_t align = layout_align_at(i);
        for (unsigned j = 0; j < LAYOUT_SIZES; j++)
            check_one((ca_layout){layout_size_at(align, j), align});
        for (unsigned j = 0; j < 64; j++)
            for (size_t wobble = 0; wobble < 3; wobble++)
                check_one((ca_layout){((size_t)1 << j) + wobble - 1, align});
    }
    for (unsigned i = 0; i < RANDOM; i++)
        check_one(any_layout(&rng));
}

static void test_L4_an_overflowing_array_is_no_layout(void **state)
{
    ca_layout out;

    (void)state;
    assert_true(ca_layout_is_valid(CA_LAYOUT_ARRAY(int, PTRDIFF_MAX / sizeof(int))));
    assert_false(ca_layout_is_valid(CA_LAYOUT_ARRAY(int, PTRDIFF_MAX / sizeof(int) + 1)));
    assert_false(
        ca_layout_is_valid(CA_LAYOUT_ARRAY(int, SIZE_MAX / sizeof(int) + 2))); /* 4 when multiplied in 64 bits */
    assert_false(ca_layout_is_valid(CA_LAYOUT_ARRAY(char, -1)));

    ca_layout refused = CA_LAYOUT_ARRAY(int, SIZE_MAX);

    /* It stays refused, whatever is done to it. */
    assert_false(ca_layout_is_valid(ca_layout_pad_to_align(refused)));
    assert_int_equal(ca_layout_align_to(refused, 64, &out), CA_ERROR_LAYOUT);
    assert_int_equal(ca_layout_array(refused, 0, &out), CA_ERROR_LAYOUT);
    assert_int_equal(ca_layout_repeat_packed(refused, 0, &out), CA_ERROR_LAYOUT);
    assert_false(ca_layout_is_valid(ca_layout_array_or_refused(refused, 0)));
}

/* --- L5: arithmetic --- */

/* The examples in Rust's documentation. */
static void test_L5_repeat_as_documented(void **state)
{
    const ca_layout normal = {12, 4}, short_of = {6, 4};
    ca_layout out;
    size_t stride;

    (void)state;
    assert_int_equal(ca_layout_repeat(normal, 3, &out, &stride), CA_OK);
    assert_true(out.size == 36 && out.align == 4 && stride == 12);
    assert_int_equal(ca_layout_repeat(short_of, 3, &out, &stride), CA_OK);
    assert_true(out.size == 22 && out.align == 4 && stride == 8);
    assert_int_equal(ca_layout_repeat(short_of, 0, &out, &stride), CA_OK);
    assert_true(out.size == 0 && out.align == 4 && stride == 8);
    assert_int_equal(ca_layout_array(short_of, 3, &out), CA_OK);
    assert_true(out.size == 24 && out.align == 4);
}

static void test_L5_counts(void **state)
{
    struct rng rng = announced(0x1a2);

    (void)state;
    for (unsigned i = 0; i < LAYOUT_ALIGNS; i++) {
        size_t align = layout_align_at(i);
        for (unsigned j = 0; j < LAYOUT_SIZES; j++) {
            size_t size = layout_size_at(align, j);
            for (unsigned k = 0; k < 12; k++)
                check_count((ca_layout){size, align}, layout_any_count(&rng, size, align));
            for (size_t count = 0; count < 3; count++)
                check_count((ca_layout){size, align}, count);
        }
    }
    for (unsigned i = 0; i < RANDOM; i++) {
        ca_layout element = any_layout(&rng);
        check_count(element, layout_any_count(&rng, element.size, element.align));
    }
}

static void test_L5_pairs(void **state)
{
    struct rng rng = announced(0x1a3);

    (void)state;
    for (unsigned i = 0; i < 2 * RANDOM; i++) {
        ca_layout first = any_layout(&rng);
        size_t align = layout_any_align(&rng);
        check_pair(first, (ca_layout){layout_any_next_size(&rng, first.size, first.align, align), align});
    }
    for (unsigned i = 0; i < LAYOUT_ALIGNS; i++)
        for (unsigned j = 0; j < LAYOUT_ALIGNS; j++) {
            size_t align = layout_align_at(i);
            size_t next = layout_align_at(j);
            for (unsigned k = 0; k < LAYOUT_SIZES; k++)
                check_pair((ca_layout){layout_size_at(align, k), align}, (ca_layout){k % 2, next});
        }
}

static void test_L5_alignments(void **state)
{
    struct rng rng = announced(0x1a4);

    (void)state;
    for (unsigned i = 0; i < LAYOUT_ALIGNS; i++)
        for (unsigned j = 0; j < LAYOUT_SIZES; j++)
            for (unsigned k = 0; k < LAYOUT_ALIGNS; k++) {
                size_t align = layout_align_at(i);
                check_align((ca_layout){layout_size_at(align, j), align}, layout_align_at(k));
            }
    for (unsigned i = 0; i < RANDOM; i++)
        check_align(any_layout(&rng), layout_any_align(&rng));
}

/* The compiler lays a struct out in the same way. */
static void test_L5_extend_builds_structs(void **state)
{
    struct example {
        char a;
        double b;
        short c;
        char d[3];
        long double e;
        int f;
    };
    const ca_layout fields[] = {CA_LAYOUT_OF(char),    CA_LAYOUT_OF(double),      CA_LAYOUT_OF(short),
                                CA_LAYOUT_OF(char[3]), CA_LAYOUT_OF(long double), CA_LAYOUT_OF(int)};
    const size_t offsets[] = {offsetof(struct example, a), offsetof(struct example, b), offsetof(struct example, c),
                              offsetof(struct example, d), offsetof(struct example, e), offsetof(struct example, f)};
    ca_layout layout = {0, 1};

    (void)state;
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        size_t offset;
        assert_int_equal(ca_layout_extend(layout, fields[i], &layout, &offset), CA_OK);
        assert_int_equal(offset, offsets[i]);
    }
    layout = ca_layout_pad_to_align(layout);
    assert_true(layout.size == sizeof(struct example) && layout.align == _Alignof(struct example));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_L1_alignments_are_powers_of_two),
        cmocka_unit_test(test_L2_rounded_up_at_most_PTRDIFF_MAX),
        cmocka_unit_test(test_L3_zero_and_odd_sizes),
        cmocka_unit_test(test_L4_new_at_every_boundary),
        cmocka_unit_test(test_L4_an_overflowing_array_is_no_layout),
        cmocka_unit_test(test_L5_repeat_as_documented),
        cmocka_unit_test(test_L5_counts),
        cmocka_unit_test(test_L5_pairs),
        cmocka_unit_test(test_L5_alignments),
        cmocka_unit_test(test_L5_extend_builds_structs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
