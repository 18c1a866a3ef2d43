/* Morello's bounds where they differ from version 9's: inverted exponent, addresses of 56 bits, exponent 63, masks of
 * the worst base; and published examples. Everything else is test_differential.c's.
 */
#include "unit/unit.h"

#include "../../../tools/capcheck.d/morello.h"
#include "support/rng.h"

static const cai_u128 end_of_space = (cai_u128)1 << 64;

static void test_whole_address_space(void **state)
{
    bool exact;

    (void)state;
    for (unsigned i = 0; i < 64; i++) {
        struct cai_bounds null = morello_decode(0, UINT64_C(1) << i);
        struct cai_bounds root = morello_decode(MORELLO_ROOT, UINT64_C(1) << i);
        assert_true(null.base == 0 && null.top == end_of_space && root.base == 0 && root.top == end_of_space);
    }
    assert_true(morello_set_bounds(MORELLO_ROOT, 0, end_of_space, &exact) == MORELLO_ROOT && exact);
    assert_true(morello_well_formed(0) && morello_well_formed(MORELLO_ROOT));
    /* Exponents 51 to 62 are reserved: everything, and no tag. */
    for (unsigned e = 51; e < 63; e++) {
        uint64_t high = (uint64_t)(63 - e) >> 3 << 16 | ((63 - e) & 7);
        assert_true(morello_decode(high, 1).top == end_of_space);
        assert_false(morello_well_formed(high) || morello_representable(high, 1, 1));
    }
}

/* A public model's word: exponent and flag not inverted. */
static void check_published(uint64_t word, uint64_t address, uint64_t base, cai_u128 top)
{
    struct cai_bounds bounds = morello_decode(word ^ 0x40070007, address);

    assert_true(bounds.base == base && bounds.top == top);
}

static void test_published(void **state)
{
    struct cai_bounds bounds;
    uint64_t high;
    bool exact;

    (void)state;
    assert_int_equal(morello_cram(16383), UINT64_MAX);
    assert_int_equal(morello_cram(16384), -UINT64_C(8));
    assert_int_equal(morello_crrl(16385), 16392);
    assert_int_equal(morello_crrl(1000000), 1000192);

    /* Address bits 56 and up are not bounds. */
    high = morello_set_bounds(MORELLO_ROOT, UINT64_C(0xff00000000000944), 16, &exact);
    bounds = morello_decode(high, UINT64_C(0xff00000000000944));
    assert_true(bounds.base == 0x944 && bounds.top == 0x954);

    check_published(0x0aff000000000000, 0x0080000000800000, 0xff80000000800007, 0xff80000000800007);
    check_published(0x0a1a04fffffdff00, 0x01a4fe02410001ff, 0xfeff000000000000, 0xff3ff80000000000);
    check_published(0x81000100ffeeffd2, 0x0045000000000000, 0xff40000000000000, 0xffa0000000000000);
    check_published(0x9a9a656665659a9a, 0x00100a9a9a9a9a9a, 0xfe6a600000000000, 0xff95800000000000);
}

/* What RRLEN and RRMASK give is exact, at any base that the mask allows and that has no bits above the address. */
static void test_lengths(void **state)
{
    struct rng rng = rng_start(8);
    bool exact;

    (void)state;
    for (unsigned i = 0; i < 55; i++) {
        for (int delta = -9; delta <= 9; delta++) {
            uint64_t length = (UINT64_C(1) << i) + (uint64_t)(int64_t)delta;
            uint64_t mask = morello_cram(length);
            if (length >> 55 != 0)
                continue;
            for (int n = 0; n < 8; n++) {
                morello_set_bounds(MORELLO_ROOT, rng_next(&rng) & mask, morello_crrl(length), &exact);
                assert_true(exact);
            }
        }
    }
    /* 4095 multiples of 8: exact at a multiple of 8, but one that is not so placed would need one of 16. */
    assert_int_equal(morello_cram(32760), -UINT64_C(16));
    morello_set_bounds(MORELLO_ROOT, 8, 32760, &exact);
    assert_true(exact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_address_space),
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
