/* ca::box: the box of C++. The C macros, too, keep their promises when C++ compiles them. */
#include <capalloc/box.hpp>
#include <capalloc/rc.h>
#include <capalloc/stats.h>
#include <capalloc/violation.h>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
#include "unit/unit.h"
}

namespace
{

int closed;

struct value {
    std::string text;
    explicit value(const char *words) : text(words)
    {
        if (text == "throw")
            throw std::runtime_error(text);
    }
    value(const value &) = delete;
    ~value()
    {
        closed++;
    }
};

struct point {
    int x, y;
};
void point_close(point *)
{
    closed++;
}

uint64_t live_blocks()
{
    ca_stats stats{};
    stats.struct_size = sizeof stats;
    ca_stats_read(&stats);
    return stats.live_blocks;
}

} // namespace

CA_BOX_DEFINE(point_box, point, point_close)
CA_BOX_ARRAY_DEFINE_AS(ca_nocaps, points, point, point_close)
CA_ARC_DEFINE(point_arc, point, point_close)

static void test_B1_cxx_destructor_and_exception(void **)
{
    uint64_t before = live_blocks();
    closed = 0;
    try {
        auto box = ca::box<value>::make("some words that are too long to be stored inside");
        assert_true(static_cast<bool>(box));
        assert_int_equal(box->text.size(), 48);
        auto failing = ca::box<value>::make("throw");
        fail();
    } catch (const std::runtime_error &) {
        assert_int_equal(closed, 1);
    }
    assert_int_equal(live_blocks(), before);
}

static void test_B1_B2_B3_cxx_move_raw_and_leak(void **)
{
    uint64_t before = live_blocks();
    closed = 0;
    {
        auto source = ca::box<value>::make("one");
        auto target = std::move(source);
        assert_null(source.get());
        assert_int_equal(source.error(), CA_OK);
        target = ca::box<value>::make("two");
        assert_int_equal(closed, 1);
        assert_string_equal((*target).text.c_str(), "two");
        value *raw = target.into_raw();
        assert_false(static_cast<bool>(target));
        target = ca::box<value>::from_raw(raw);
        value *leaked = target.leak();
        target.drop();
        assert_int_equal(closed, 1);
        auto again = ca::box<value>::from_raw(leaked);
    }
    assert_int_equal(closed, 2);
    assert_int_equal(live_blocks(), before);
}

static void test_B3_cxx_intentions_and_errors(void **)
{
    auto secret = ca::box<point, ca_secret>::make(point{1, 2});
    auto zero = ca::box<point, ca_mustzero>::make(point{3, 4});
    auto number = ca::box<int, ca_nocaps>::make(5);
    assert_int_equal(secret->y + zero->x + *number, 10);
    assert_int_equal(ca_check(ca_secret{secret.get(), sizeof(point)}), CA_OK);
    assert_int_equal(ca_check(ca_mustzero{zero.get(), sizeof(point)}), CA_OK);
    assert_int_equal(ca_check(ca_nocaps{number.get(), sizeof(int)}), CA_OK);
    auto denied = ca::box<point>::make_in(ca_authority{{0, 0}}, point{1, 2});
    assert_false(static_cast<bool>(denied));
    assert_int_equal(denied.error(), CA_ERROR_NOT_PERMITTED);
}

static void test_B3_cxx_null_reset_swap_and_value(void **)
{
    uint64_t before = live_blocks();
    closed = 0;
    {
        ca::box<value> box = nullptr, other;
        assert_true(box == nullptr && nullptr == other && box.get() == nullptr);
        box = ca::box<value>::make("one");
        assert_true(box != nullptr && nullptr != box);
        assert_string_equal(box.value().text.c_str(), "one");
        swap(box, other);
        assert_true(box == nullptr && other.value().text == "one");
        other.swap(box);
        box.reset(ca::box<value>::make("two").into_raw());
        assert_int_equal(closed, 1);
        assert_true(box->text == "two");
        box.reset();
        assert_true(box == nullptr && closed == 2);
        box = ca::box<value>::make("three");
        box = nullptr;
        assert_int_equal(closed, 3);
    }
    auto text = ca::box<std::string>::make("a text that is too long to be kept in the object");
    std::string taken = text.into_inner();
    assert_true(text == nullptr && taken.size() == 48);
    assert_int_equal(live_blocks(), before);
}

static void test_B3_V1_cxx_value_of_an_empty_box(void **)
{
    for (bool denied : {false, true}) {
        pid_t child = fork();
        if (child == 0) {
            ca_set_violation_handler([](const ca_violation *violation) {
                _exit(violation->kind == CA_VIOLATION_UNWRAP_ERROR ? violation->found[0] : 0);
                return true;
            });
            auto box = denied ? ca::box<int>::make_in(ca_authority(), 1) : ca::box<int>();
            _exit(box.value() == 0 ? 1 : 2);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), ca_error_string(denied ? CA_ERROR_NOT_PERMITTED : CA_ERROR_INVALID)[0]);
    }
    pid_t child = fork();
    if (child == 0) { /* a handler that wants to go on: there is nothing to go on with */
        ca_set_violation_handler([](const ca_violation *) { return true; });
        signal(SIGABRT, SIG_DFL);
        _exit(ca::box<int>().value() == 0 ? 1 : 2);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_B1_B3_B4_cxx_macros(void **)
{
    uint64_t before = live_blocks();
    closed = 0;
    try {
        CA_SCOPED(point_box) box = point_box_new(point{1, 2});
        CA_SCOPED(point_box) moved = point_box_move(&box);
        CA_SCOPED(points) many = points_new(3);
        CA_SCOPED(point_arc) shared = point_arc_new(point{3, 4});
        CA_SCOPED(point_arc) clone = point_arc_clone(&shared);
        CA_SCOPED(point_arc_weak) weak = point_arc_downgrade(&clone);
        assert_int_equal(point_box_get(&moved)->y + points_at(&many, 2)->x + point_arc_get(&clone)->x, 5);
        assert_true(point_arc_weak_is_ok(&weak));
        throw std::runtime_error("out");
    } catch (const std::runtime_error &) {
        assert_int_equal(closed, 5);
    }
    assert_int_equal(live_blocks(), before);
}

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_B1_cxx_destructor_and_exception), cmocka_unit_test(test_B1_B2_B3_cxx_move_raw_and_leak),
        cmocka_unit_test(test_B3_cxx_intentions_and_errors),    cmocka_unit_test(test_B3_cxx_null_reset_swap_and_value),
        cmocka_unit_test(test_B3_V1_cxx_value_of_an_empty_box), cmocka_unit_test(test_B1_B3_B4_cxx_macros),
    };
    return cmocka_run_group_tests_name("box_cxx", tests, nullptr, nullptr);
}
