/* What must hold of CHERI Concentrate whatever the formulas: bounds contain what was asked and are the smallest that an
 * encoding has, exact says so, narrowing never widens, CRRL and CRAM promise what setting bounds then does. Tried at
 * every power of two and beside it; and published examples.
 */
#include "unit/unit.h"

#include "cap/concentrate.h"
#include "support/emulated.h"
#include "support/rng.h"

#include <stdio.h>

static const cai_u128 end_of_space = (cai_u128)1 << 64;

enum { MANTISSA = 14 };

/* What has an encoding, said without encoding it: a length below 2^12 at any base; otherwise both ends multiples of
 * 8 << e, and a length from 2^12 << e to below 2^13 << e, for an exponent e from 0 to 52. With that exponent given,
 * the smallest such bounds around [base, top); false: there are none.
 */
static bool around(unsigned e, cai_u128 base, cai_u128 top, cai_u128 *out_base, cai_u128 *out_top)
{
    cai_u128 grain = (cai_u128)8 << e;
    cai_u128 least = (cai_u128)1 << (MANTISSA - 2 + e);

    *out_base = base / grain * grain;
    *out_top = (top + grain - 1) / grain * grain;
    return *out_top - *out_base >= least && *out_top - *out_base < 2 * least;
}

/* The least length of any encoding around [base, top). */
static cai_u128 least_length(cai_u128 base, cai_u128 top)
{
    cai_u128 least = top - base >= 1 << (MANTISSA - 2) ? ~(cai_u128)0 : top - base;

    for (unsigned e = 0; e <= 52; e++) {
        cai_u128 first;
        cai_u128 last;
        if (around(e, base, top, &first, &last) && last - first < least)
            least = last - first;
    }
    return least;
}

static struct cai_bounds set(uint64_t base, cai_u128 length, uint64_t *high, bool *exact)
{
    *high = cai_concentrate_set_bounds(CAI_CONCENTRATE_ROOT, base, length, exact);
    return cai_concentrate_decode(*high, base);
}

static void check_set(uint64_t base, cai_u128 length)
{
    const cai_u128 top = base + length;
    uint64_t high;
    bool exact;
    struct cai_bounds bounds;

    if (length > end_of_space || top > end_of_space)
        return;
    bounds = set(base, length, &high, &exact);
    if (bounds.base > base || bounds.top < top || bounds.top > end_of_space ||
        bounds.top - bounds.base != least_length(base, top) || exact != (bounds.base == base && bounds.top == top) ||
        !cai_concentrate_well_formed(high) || (high ^ CAI_CONCENTRATE_ROOT) >> 27 != 0)
        fail_msg("base %#llx length %#llx%016llx", (unsigned long long)base, (unsigned long long)(length >> 64),
                 (unsigned long long)length);
    /* Exact bounds are a fixed point, from every address inside. */
    assert_true(cai_concentrate_set_bounds(high, bounds.base, bounds.top - bounds.base, &exact) == high && exact);
    if (bounds.top > bounds.base) {
        assert_true(cai_concentrate_representable(high, base, bounds.base));
        assert_true(cai_concentrate_representable(high, base, (uint64_t)(bounds.top - 1)));
    }
}

static void check_length(uint64_t length)
{
    const uint64_t mask = cai_concentrate_cram(length);
    const cai_u128 rounded =
        length != 0 && cai_concentrate_crrl(length) == 0 ? end_of_space : cai_concentrate_crrl(length);
    bool exact;

    assert_true(rounded >= length && (mask == UINT64_MAX || rounded % (~mask + 1) == 0));
    for (uint64_t n = 0; n < 8; n++) {
        uint64_t base = (n * UINT64_C(0x123456789abcdf)) & mask;
        if (base + rounded > end_of_space)
            continue;
        cai_concentrate_set_bounds(CAI_CONCENTRATE_ROOT, base, rounded, &exact);
        if (!exact)
            fail_msg("crrl, cram of %#llx", (unsigned long long)length);
    }
    /* At 0 nothing else rounds the length, and no coarser mask and no longer length is needed. */
    assert_true(rounded == least_length(0, length));
    if (mask != UINT64_MAX && rounded == length) {
        cai_concentrate_set_bounds(CAI_CONCENTRATE_ROOT, (~mask + 1) / 2, rounded, &exact);
        assert_false(exact);
    }
}

static void test_powers_of_two(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 64; i++) {
        for (int delta = -9; delta <= 9; delta++) {
            uint64_t base = (UINT64_C(1) << i) + (uint64_t)(int64_t)delta;
            check_length(base);
            for (unsigned j = 0; j <= 64; j++) {
                for (int more = -2; more <= 2; more++) {
                    cai_u128 length = ((cai_u128)1 << j) + (cai_u128)more;
                    check_set(base, length);
                    check_set((uint64_t)-length, length); /* ends with the address space */
                    check_set(0, length);
                    check_set(base, ((cai_u128)1 << j) - (UINT64_C(1) << i) + (cai_u128)more);
                }
            }
        }
    }
}

static void test_small_bounds_are_all_exact(void **state)
{
    (void)state;
    for (uint64_t length = 0; length < 4096; length += FEWER(1, 7)) {
        for (uint64_t base = 0; base < 64; base++) {
            uint64_t high;
            bool exact;
            struct cai_bounds bounds = set(0xfffffffff7c0 + base, length, &high, &exact);
            assert_true(exact && bounds.base == 0xfffffffff7c0 + base && bounds.top == bounds.base + length);
        }
        check_length(length);
    }
    for (uint64_t length = 4096; length < 40000; length += FEWER(1, 7))
        check_length(length);
}

/* Bounds set inside bounds stay inside them, though they are rounded. */
static void test_narrowing(void **state)
{
    struct rng rng = rng_start(4);

    (void)state;
    printf("seed %#llx\n", (unsigned long long)rng.state);
    for (int i = 0; i < FEWER(300000, 30000); i++) {
        uint64_t base = rng_next(&rng) >> rng_below(&rng, 64);
        cai_u128 length = rng_next(&rng) >> rng_below(&rng, 64);
        struct cai_bounds outer;
        struct cai_bounds inner;
        uint64_t high;
        bool exact;

        if (base + length > end_of_space)
            length = end_of_space - base;
        check_set(base, length);
        outer = set(base, length, &high, &exact);
        for (int j = 0; j < 4; j++) {
            cai_u128 room = outer.top - outer.base;
            cai_u128 skipped = room == 0 ? 0 : (cai_u128)rng_next(&rng) % room >> rng_below(&rng, 65);
            cai_u128 kept = ((cai_u128)rng_next(&rng) + 1) % (room - skipped + 1);
            if (j % 2 == 1) /* up to the top */
                kept = room - skipped;
            inner = set((uint64_t)(outer.base + skipped), kept, &high, &exact);
            assert_true(inner.base >= outer.base && inner.top <= outer.top);
        }
    }
}

/* Bit patterns that nobody set: no tag can be on them, and nothing but the answer is strange. */
static void test_malformed(void **state)
{
    struct rng rng = rng_start(5);
    unsigned malformed = 0;

    (void)state;
    for (int i = 0; i < FEWER(1000000, 100000); i++) {
        uint64_t high = rng_next(&rng);
        uint64_t address = rng_next(&rng) >> rng_below(&rng, 64);
        struct cai_bounds bounds = cai_concentrate_decode(high, address);

        assert_true(bounds.top >> 65 == 0);
        if (cai_concentrate_well_formed(high))
            assert_true(bounds.base <= bounds.top);
        else
            malformed++;
        assert_true(cai_concentrate_representable(high, address, address));
    }
    assert_true(malformed > 0);
    /* Exponent 52 with the base in the upper half of the mantissa, above the address space. */
    assert_false(cai_concentrate_well_formed(UINT64_C(1) << 13));
    /* Exponents above 52 mean 52. */
    for (unsigned e = 53; e < 64; e++) {
        uint64_t high = ((uint64_t)((e ^ 52) >> 3) << MANTISSA) | ((e ^ 52) & 7);
        struct cai_bounds bounds = cai_concentrate_decode(high, 5);
        assert_true(bounds.base == 0 && bounds.top == end_of_space);
    }
}

static void test_null_and_root(void **state)
{
    struct rng rng = rng_start(6);
    bool exact;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint64_t address = rng_next(&rng);
        struct cai_bounds null = cai_concentrate_decode(CAI_CONCENTRATE_NULL, address);
        struct cai_bounds root = cai_concentrate_decode(CAI_CONCENTRATE_ROOT, address);
        assert_true(null.base == 0 && null.top == end_of_space && root.base == 0 && root.top == end_of_space);
        assert_true(cai_concentrate_representable(CAI_CONCENTRATE_ROOT, 0, address));
    }
    assert_int_equal(cai_concentrate_perms(CAI_CONCENTRATE_NULL), 0);
    assert_int_equal(cai_concentrate_perms(CAI_CONCENTRATE_ROOT), 0x78fff);
    assert_int_equal(cai_concentrate_otype(CAI_CONCENTRATE_NULL), CAI_CONCENTRATE_UNSEALED);
    assert_int_equal(cai_concentrate_otype(CAI_CONCENTRATE_ROOT), CAI_CONCENTRATE_UNSEALED);
    assert_false(cai_concentrate_flag(CAI_CONCENTRATE_ROOT));
    assert_true(cai_concentrate_set_bounds(CAI_CONCENTRATE_ROOT, 0, end_of_space, &exact) == CAI_CONCENTRATE_ROOT);
    assert_true(exact);
}

/* Each field is read back as written, whatever the others hold, and leaves them alone. */
static void test_fields(void **state)
{
    struct rng rng = rng_start(7);

    (void)state;
    for (int i = 0; i < FEWER(100000, 10000); i++) {
        uint64_t high = rng_next(&rng);
        uint32_t perms = (uint32_t)rng_next(&rng);
        uint32_t otype = (uint32_t)rng_next(&rng) & CAI_CONCENTRATE_UNSEALED;
        uint64_t other = cai_concentrate_with_perms(high, perms);

        assert_int_equal(cai_concentrate_perms(other), perms & 0x78fff);
        assert_true(((other ^ high) & ~(UINT64_C(0xffff) << 48)) == 0);
        other = cai_concentrate_with_otype(high, otype);
        assert_int_equal(cai_concentrate_otype(other), otype);
        assert_true(((other ^ high) & ~(UINT64_C(0x3ffff) << 27)) == 0);
        for (unsigned flag = 0; flag < 2; flag++) {
            other = cai_concentrate_with_flag(high, flag != 0);
            assert_int_equal(cai_concentrate_flag(other), flag);
            assert_true(((other ^ high) & ~(UINT64_C(1) << 45)) == 0);
        }
    }
}

static void check_published(uint64_t raw, uint64_t address, uint64_t base, cai_u128 top)
{
    struct cai_bounds bounds = cai_concentrate_decode(raw ^ CAI_CONCENTRATE_XOR, address);

    assert_true(bounds.base == base && bounds.top == top);
}

/* From the architecture document, and from regression tests of the public models. */
static void test_published(void **state)
{
    struct cai_bounds bounds;
    uint64_t high;
    bool exact;

    (void)state;
    assert_int_equal(cai_concentrate_cram(4095), UINT64_MAX);
    assert_int_equal(cai_concentrate_cram(4096), -UINT64_C(8));
    assert_int_equal(cai_concentrate_crrl(4096), 4096);
    assert_int_equal(cai_concentrate_crrl(4097), 4104);
    assert_int_equal(cai_concentrate_crrl(1000000), 1000448);
    assert_int_equal(cai_concentrate_cram(1000000), -UINT64_C(1024));
    assert_int_equal(cai_concentrate_crrl(UINT64_MAX), 0);
    assert_int_equal(cai_concentrate_crrl(0), 0);

    bounds = set(7, 0x10000000, &high, &exact);
    assert_true(!exact && bounds.base == 0 && bounds.top == 0x10080000);
    bounds = set(UINT64_C(0xffffffffff000000), 0xffffff, &high, &exact);
    assert_true(!exact && bounds.base == UINT64_C(0xffffffffff000000) && bounds.top == end_of_space);
    bounds = set(0x160600000, 0x300000, &high, &exact);
    assert_true(exact && bounds.base == 0x160600000 && bounds.top == 0x160900000);
    bounds = set(UINT64_C(0xfffffffffffff934), 3249, &high, &exact);
    assert_true(exact && bounds.base == UINT64_C(0xfffffffffffff934) && bounds.top == end_of_space + 0x5e5);

    check_published(0xffff1ffffffe7ffb, 0xffff002d02013ff6, 0xffff002d01ffc000, 0xffff002d027fc000);
    check_published(0xffff1ffffffe7ffb, 0, 0xffffffffffffc000, end_of_space | 0x7fc000);
    check_published(0x00f58dffffffffff, 0xf806ffffffff3e0a, 0xff80000000000000, 0xff80000000000000);
    assert_false(cai_concentrate_representable(UINT64_C(0xffff1ffffffe7ffb) ^ CAI_CONCENTRATE_XOR,
                                               UINT64_C(0xffff002d02013ff6), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_powers_of_two), cmocka_unit_test(test_small_bounds_are_all_exact),
        cmocka_unit_test(test_narrowing),     cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_null_and_root), cmocka_unit_test(test_fields),
        cmocka_unit_test(test_published),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
