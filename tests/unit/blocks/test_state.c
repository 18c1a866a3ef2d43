/* State bytes: each of the 256 is one thing only. */
#include "unit/unit.h"

#include "blocks/exact.h"
#include "blocks/state.h"

static bool is_record(unsigned state)
{
    return state >= CAI_RECORD && state < CAI_RECORD_END;
}

static void test_each_byte_is_one_thing(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t now = (uint8_t)byte;
        assert_int_equal(cai_state_is_live(now), byte >= 1 && byte <= 127);
        assert_int_equal(cai_state_is_cached(now), byte >= 254);
        assert_int_equal(cai_state_is_in_slab(now), byte == 252 || byte == 253);
        assert_true(cai_state_is_live(now) + cai_state_is_cached(now) + cai_state_is_in_slab(now) + is_record(byte) <=
                    1);
    }
    assert_true(CAI_CLASS_LAST < CAI_STATE_SHORT + 1 && CAI_STATE_SHORT + 15 < CAI_STATE_WIPED);
    assert_true(cai_state_is_live(CAI_STATE_WIPED) && cai_state_is_live(CAI_STATE_LARGE));
}

static void test_Z6_free_bytes_of_must_zero_places_are_known_to_be_zero(void **state)
{
    (void)state;
    for (enum cai_place place = 0; place < CAI_PLACES; place++) {
        unsigned zero = cai_place_zeroes(place) ? CAI_STATE_ZERO : 0;
        assert_int_equal(cai_state_freed(place, CAI_STATE_CACHED), CAI_STATE_CACHED | zero);
        assert_int_equal(cai_state_freed(place, CAI_STATE_IN_SLAB), CAI_STATE_IN_SLAB | zero);
        for (unsigned byte = 0; byte < 256; byte++)
            assert_int_equal(cai_state_may_leave(place, (uint8_t)byte),
                             byte == 255 || (byte == 254 && !cai_place_zeroes(place)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_byte_is_one_thing),
        cmocka_unit_test(test_Z6_free_bytes_of_must_zero_places_are_known_to_be_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
