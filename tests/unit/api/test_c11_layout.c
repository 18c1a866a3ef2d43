/* The macros of layout.h in strict C11: that this file compiles with -std=c11 -pedantic-errors is half of the test. */
#include "unit/unit.h"

#include <capalloc/layout.h>

struct mixed {
    char a;
    _Alignas(32) int b;
};

static const ca_layout of_int = CA_LAYOUT_INIT(int);
static ca_layout of_array = CA_LAYOUT_INIT(char[7]);
static const ca_layout table[] = {CA_LAYOUT_INIT(struct mixed), CA_LAYOUT_INIT(void *)};
static const struct {
    const char *name;
    ca_layout layout;
} named = {"mixed", CA_LAYOUT_INIT(struct mixed)};

static int is(ca_layout layout, size_t size, size_t align)
{
    return layout.size == size && layout.align == align && ca_layout_is_valid(layout);
}

static void test_L4_initializers_of_statics(void **state)
{
    (void)state;
    assert_true(is(of_int, sizeof(int), _Alignof(int)));
    assert_true(is(of_array, 7, 1));
    assert_true(is(table[0], 64, 32) && is(table[1], sizeof(void *), _Alignof(void *)));
    assert_true(is(named.layout, 64, 32));
}

static void test_L4_initializers_of_automatics(void **state)
{
    const ca_layout here = CA_LAYOUT_INIT(double);
    static ca_layout kept = CA_LAYOUT_INIT(long double);

    (void)state;
    assert_true(is(here, sizeof(double), _Alignof(double)));
    assert_true(is(kept, sizeof(long double), _Alignof(long double)));
}

static ca_layout returned(void)
{
    return CA_LAYOUT_OF(struct mixed);
}

static void test_L4_expressions(void **state)
{
    size_t count = 3;
    ca_layout assigned;

    (void)state;
    assigned = count > 2 ? CA_LAYOUT_OF(short) : CA_LAYOUT_OF(long);
    assert_true(is(assigned, sizeof(short), _Alignof(short)));
    assert_true(is(returned(), 64, 32));
    assert_true(CA_LAYOUT_OF(int).size == sizeof(int));
    assert_true(is(CA_LAYOUT_ARRAY(struct mixed, count + 1), 256, 32));
    assert_true(is(CA_LAYOUT_ARRAY(int, 0), 0, _Alignof(int)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_L4_initializers_of_statics),
        cmocka_unit_test(test_L4_initializers_of_automatics),
        cmocka_unit_test(test_L4_expressions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
