/* ca::secret_string: nothing in the object, nothing left behind. And the trap that it is for, shown. */
#include <capalloc/allocator.hpp>
#include <capalloc/heap.hpp>
#include <capalloc/secret_string.hpp>
#include <string>

#include "cxx.h"

static_assert(!std::is_copy_constructible<ca::secret_string>::value &&
                  !std::is_copy_assignable<ca::secret_string>::value,
              "copied by clone() alone");
static_assert(!std::is_convertible<ca::secret_string, std::string_view>::value &&
                  !std::is_convertible<const char *, ca::secret_string>::value,
              "nothing goes in or out unseen");

static bool holds(const void *object, std::size_t size, const char *text)
{
    const char *first = static_cast<const char *>(object);
    return std::search(first, first + size, text, text + strlen(text)) != first + size;
}

static void test_X6_short_strings_lie_in_secret_memory(void **)
{
    using trap = std::basic_string<char, std::char_traits<char>, ca::secret_allocator<char>>;
    trap trapped("pa55word");
    assert_true(holds(&trapped, sizeof trapped, "pa55word")); /* what the guide warns of */

    ca::secret_string text("pa55word");
    assert_false(holds(&text, sizeof text, "pa55"));
    assert_true(is_block<ca_secret>(text.data(), text.capacity() + 1));
    assert_string_equal(text.c_str(), "pa55word");
    assert_true(text == "pa55word" && text != "pa55worD" && text != "pa55" && text == text.clone());
    assert_int_equal(text.size(), 8);
    assert_int_equal(text[7], 'd');
}

static void test_X6_Z3_Z4_nothing_is_left_behind(void **)
{
    std::uint64_t before = live_blocks();
    {
        ca::secret_string text(std::string_view("0123456789abcdef0123456789abcdef"));
        for (int i = 0; i < 5000; i++) {
            const char *old = text.data();
            std::size_t length = text.size();
            text.push_back('x');
            if (text.data() != old)
                assert_int_equal(not_zero(old, length), 0);
        }
        assert_int_equal(text.size(), 5032);
        text.resize(100);
        assert_int_equal(not_zero(text.data() + 100, text.capacity() - 99), 0);
        text.pop_back();
        assert_int_equal(text.c_str()[99], 0);
        text.resize(150);
        assert_int_equal(not_zero(text.data() + 99, 51), 0);
        text.clear();
        assert_int_equal(not_zero(text.data(), text.capacity() + 1), 0);
        text += "again";
        const char *old = text.data();
        text.drop();
        assert_int_equal(not_zero(old, 5), 0);
        assert_string_equal(text.c_str(), "");

        ca::secret_string second("second");
        old = second.data();
        second = ca::secret_string("another");
        assert_true(second == "another");
        const char *last = nullptr;
        {
            ca::secret_string moved(std::move(second));
            last = moved.data();
            assert_true(second.empty() && moved == "another");
        }
        assert_int_equal(not_zero(last, 7), 0);
    }
    assert_int_equal(live_blocks(), before);
}

static void test_X6_append_of_its_own_text(void **)
{
    ca::secret_string text("abc");
    for (int i = 0; i < 10; i++)
        text.append(text.view());
    assert_int_equal(text.size(), 3 << 10);
    assert_true(text.view().substr(3069) == "abc");
    ca::secret_string other;
    other.append(std::string_view());
    swap(text, other);
    assert_true(text.empty() && other.size() == 3072);
    std::size_t sum = 0;
    for (char one : other)
        sum += static_cast<std::size_t>(one);
    assert_int_equal(sum, 1024 * ('a' + 'b' + 'c'));
}

static void test_X6_C6_out_of_quota_leaves_it_as_it_was(void **)
{
    auto heap = ca::heap::make(4096);
    {
        ca::secret_string text("kept", heap);
        int error = CA_OK;
        try {
            text.resize(100000);
        } catch (const ca::bad_alloc &reason) {
            error = reason.error();
        }
        assert_int_equal(error, CA_ERROR_QUOTA);
        assert_true(text == "kept");
        try {
            text.reserve(SIZE_MAX);
        } catch (const std::bad_alloc &) {
            error = CA_OK;
        }
        assert_int_equal(error, CA_OK);
        assert_true(text == "kept");
    }
    assert_int_equal(heap.charged(), 0);
}

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_X6_short_strings_lie_in_secret_memory),
        cmocka_unit_test(test_X6_Z3_Z4_nothing_is_left_behind),
        cmocka_unit_test(test_X6_append_of_its_own_text),
        cmocka_unit_test(test_X6_C6_out_of_quota_leaves_it_as_it_was),
    };
    return cmocka_run_group_tests_name("cxx.secret_string", tests, nullptr, nullptr);
}
