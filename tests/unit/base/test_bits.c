/* bits.h against slow definitions of the same things. */
#include "unit/unit.h"

#include "base/bits.h"
#include "support/rng.h"

static void test_power_of_two(void **state)
{
    (void)state;
    assert_false(cai_is_power_of_two(0));
    for (unsigned i = 0; i < 64; i++) {
        size_t n = (size_t)1 << i;
        assert_true(cai_is_power_of_two(n));
        assert_int_equal(cai_is_power_of_two(n + 1), i == 0);
        assert_int_equal(cai_is_power_of_two(n - 1), i == 1);
    }
}

static void test_rounding(void **state)
{
    struct rng rng = rng_start(1);

    (void)state;
    assert_int_equal(cai_round_up(0, 4096), 0);
    for (unsigned i = 0; i < 10000; i++) {
        size_t align = (size_t)1 << rng_below(&rng, 40);
        size_t n = rng_size(&rng, 60);
        size_t up = cai_round_up(n, align);
        size_t down = cai_round_down(n, align);
        assert_true(up % align == 0 && up >= n && up - n < align);
        assert_true(down % align == 0 && down <= n && n - down < align);
    }
}

static void test_logarithm(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 64; i++) {
        assert_int_equal(cai_log2((size_t)1 << i), i);
        assert_int_equal(cai_log2(((size_t)1 << i) | (((size_t)1 << i) - 1)), i);
    }
}

static void test_rotation(void **state)
{
    struct rng rng = rng_start(2);

    (void)state;
    assert_true(cai_rotate_right(1, 1) == (size_t)1 << 63);
    for (unsigned i = 0; i < 1000; i++) {
        size_t n = rng_next(&rng);
        size_t turned = n;
        for (unsigned count = 1; count < 64; count++) {
            turned = turned / 2 + (turned % 2 << 63);
            assert_true(cai_rotate_right(n, count) == turned);
        }
    }
}

static void test_least_and_most(void **state)
{
    (void)state;
    assert_int_equal(cai_min(3, 4), 3);
    assert_int_equal(cai_min(4, 3), 3);
    assert_true(cai_min(SIZE_MAX, 0) == 0 && cai_max(SIZE_MAX, 0) == SIZE_MAX);
    assert_int_equal(cai_max(7, 7), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_of_two), cmocka_unit_test(test_rounding),       cmocka_unit_test(test_logarithm),
        cmocka_unit_test(test_rotation),     cmocka_unit_test(test_least_and_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
