/* Geometries: where the estate may lie. From the largest to the smallest, and each without overlap. */
#include "unit/unit.h"

#include "base/bits.h"
#include "pages/geometry.h"
#include "pages/place.h"

static void test_each_lies_apart_from_its_tables(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CAI_GEOMETRIES; i++) {
        const struct cai_geometry *geometry = &cai_geometries[i];
        uintptr_t place = (uintptr_t)1 << geometry->shift;
        assert_true(geometry->tables + place <= geometry->places);
        assert_true(geometry->places < UINTPTR_MAX - CAI_PLACES * place);
        /* At a page of any processor. */
        assert_int_equal(geometry->places % (64 * CAI_KIB), 0);
        assert_int_equal(geometry->tables % (64 * CAI_KIB), 0);
    }
}

static void test_D5_from_the_largest_to_the_smallest(void **state)
{
    (void)state;
    for (unsigned i = 1; i < CAI_GEOMETRIES; i++) {
        const struct cai_geometry *before = &cai_geometries[i - 1];
        const struct cai_geometry *geometry = &cai_geometries[i];
        assert_true(geometry->shift < before->shift);
        assert_true(geometry->places + ((uintptr_t)CAI_PLACES << geometry->shift) <
                    before->places + ((uintptr_t)CAI_PLACES << before->shift));
    }
    /* Programs under valgrind live below 64 GiB. */
    assert_true(cai_geometries[CAI_GEOMETRIES - 1].places +
                    ((uintptr_t)CAI_PLACES << cai_geometries[CAI_GEOMETRIES - 1].shift) <=
                (uintptr_t)64 * CAI_GIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_lies_apart_from_its_tables),
        cmocka_unit_test(test_D5_from_the_largest_to_the_smallest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
