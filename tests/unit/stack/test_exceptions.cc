// In C++: below functions that an exception passes through, in destructors that it calls and where it is caught.
extern "C" {
#include "unit/unit.h"
}

#include "unit/stack/calls.h"

#include <stdexcept>
#include <string>

static struct calls thrown, passing, caught;

struct Witness {
    ~Witness()
    {
        calls_read(&passing);
    }
};

[[gnu::noinline]] static void throw_below(unsigned depth)
{
    std::string text(depth + 20, 'x'); // has to be destroyed when the exception passes

    if (depth == 0) {
        calls_read(&thrown);
        throw std::runtime_error(text);
    }
    throw_below(depth - 1);
}

[[gnu::noinline]] static void pass(unsigned depth)
{
    Witness witness;

    throw_below(depth);
}

[[gnu::noinline]] static bool catch_from(unsigned depth)
{
    try {
        pass(depth);
    } catch (const std::exception &) {
        calls_read(&caught);
        return true;
    }
    return false;
}

static void test_exceptions(void **state)
{
    (void)state;
    for (unsigned depth = 0; depth < 50; depth++) {
        assert_true(catch_from(depth));
        assert_true(calls_agree(&thrown, depth + 5));
        assert_true(calls_agree(&passing, 5));
        assert_true(calls_agree(&caught, 4));
    }
}

int main()
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exceptions)};

    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
