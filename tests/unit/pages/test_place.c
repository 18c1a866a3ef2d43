/* Places: four, each a quarter of the estate, told from any address. */
#include "unit/unit.h"

#include "base/bits.h"
#include "core/settings.h"
#include "pages/geometry.h"
#include "pages/zone.h"

static const struct {
    const char *name;
    bool pointers, zero;
} rows[] = {
#define PLACE(name, pointers, zero) {#name, pointers, zero},
    CAI_FOR_PLACES(PLACE)
#undef PLACE
};

static int start(void **state)
{
    (void)state;
    cai_settings_start();
    return cai_pages_start() == CAI_PAGES_STARTED ? 0 : -1;
}

static void test_bits_tell_the_promise(void **state)
{
    (void)state;
    assert_int_equal(sizeof rows / sizeof *rows, CAI_PLACES);
    for (unsigned i = 0; i < CAI_PLACES; i++) {
        assert_string_equal(cai_place_name((enum cai_place)i), rows[i].name);
        assert_int_equal(cai_place_zeroes((enum cai_place)i), rows[i].zero);
        assert_int_equal((i & 1) == 0, rows[i].pointers);
    }
    assert_string_equal(cai_place_name(CAI_PLACE_none), "none");
}

static void test_address_tells_the_place(void **state)
{
    uintptr_t base = cai_sealed.places;
    uintptr_t place = (uintptr_t)1 << cai_sealed.shift;

    (void)state;
    for (unsigned i = 0; i < CAI_PLACES; i++) {
        assert_int_equal(cai_place_of((void *)(base + i * place)), i);
        assert_int_equal(cai_place_of((void *)(base + i * place + place / 3)), i);
        assert_int_equal(cai_place_of((void *)(base + (i + 1) * place - 1)), i);
    }
    assert_int_equal(cai_place_of((void *)(base - 1)), CAI_PLACE_none);
    assert_int_equal(cai_place_of((void *)(base + CAI_PLACES * place)), CAI_PLACE_none);
    assert_int_equal(cai_place_of(NULL), CAI_PLACE_none);
    assert_int_equal(cai_place_of((void *)UINTPTR_MAX), CAI_PLACE_none);
    assert_int_equal(cai_place_of(&base), CAI_PLACE_none);
    assert_int_equal(cai_place_of(rows), CAI_PLACE_none);
}

static void test_zones_lie_in_their_places(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CAI_ZONES; i++) {
        uintptr_t first = cai_view_of(i)->origin;
        uintptr_t last = first + ((uintptr_t)cai_zones[i].units_max << CAI_UNIT_SHIFT) - 1;
        assert_int_equal(cai_place_of((void *)first), i / CAI_GRAINS);
        assert_int_equal(cai_place_of((void *)last), i / CAI_GRAINS);
        assert_int_equal(first % (2 * CAI_MIB), 0);
        assert_int_equal(cai_zones[i].number, i);
        assert_int_equal(cai_zone_number((enum cai_place)(i / CAI_GRAINS), cai_zone_grain(i)), i);
        if (i > 0)
            assert_true(cai_view_of(i - 1)->origin + ((uintptr_t)cai_zones[i - 1].units_max << CAI_UNIT_SHIFT) <=
                        first);
    }
}

static void test_they_lie_as_one_of_the_geometries_says(void **state)
{
    bool found = false;

    (void)state;
    for (unsigned i = 0; i < CAI_GEOMETRIES; i++)
        found |= cai_geometries[i].places == cai_sealed.places && cai_geometries[i].shift == cai_sealed.shift;
    assert_true(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_tell_the_promise),
        cmocka_unit_test(test_address_tells_the_place),
        cmocka_unit_test(test_zones_lie_in_their_places),
        cmocka_unit_test(test_they_lie_as_one_of_the_geometries_says),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
