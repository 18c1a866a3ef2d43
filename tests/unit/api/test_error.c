/* Every error has a description of its own; every other value has one, too. */
#include "unit/unit.h"

#include <capalloc/error.h>

#include <string.h>

static const ca_error errors[] = {CA_OK,           CA_ERROR_OUT_OF_MEMORY, CA_ERROR_LAYOUT,
                                  CA_ERROR_QUOTA,  CA_ERROR_NOT_PERMITTED, CA_ERROR_STALE,
                                  CA_ERROR_INVALID};

enum { ERRORS = sizeof errors / sizeof errors[0] };

/* Programs are compiled with these numbers in them. */
static void test_the_numbers_stay(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ERRORS; i++)
        assert_int_equal(errors[i], i);
    assert_int_equal(sizeof(ca_error), 4);
}

static void test_descriptions_differ(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ERRORS; i++) {
        const char *text = ca_error_string(errors[i]);
        assert_non_null(text);
        assert_true(strlen(text) > 0);
        assert_string_not_equal(text, "unknown error");
        assert_ptr_equal(text, ca_error_string(errors[i]));
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(text, ca_error_string(errors[j]));
    }
    assert_string_equal(ca_error_string(CA_ERROR_OUT_OF_MEMORY), "out of memory");
}

static void test_unknown_values_have_one_too(void **state)
{
    const unsigned values[] = {ERRORS, 1000, 0x7ffffffe, CA_ERROR_MAKE_32_BITS, 0x80000000, 0xffffffff};

    (void)state;
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_string_equal(ca_error_string((ca_error)values[i]), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_numbers_stay),
        cmocka_unit_test(test_descriptions_differ),
        cmocka_unit_test(test_unknown_values_have_one_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
