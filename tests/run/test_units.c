/* Sizes, counts and times: what is read, what is refused, what is written. */
#include "run/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_size_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0", 0},
        {"1", 1},
        {"4096", 4096},
        {"64K", 65536},
        {"64k", 65536},
        {"64KiB", 65536},
        {"1M", 1 << 20},
        {"3G", UINT64_C(3) << 30},
        {"2t", UINT64_C(2) << 40},
        {"18446744073709551615", UINT64_MAX},
        {"16777215T", UINT64_C(16777215) << 40},
    };
    static const char *const bad[] = {"",    "K",  "-1", "+1",    " 1",   "1 ",        "1.5G",
                                      "1KB", "1X", "1B", "1KiBs", "0x10", "16777216T", "18446744073709551616"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t bytes = 77;
        assert_true(cai_size_parse(good[i].text, &bytes));
        assert_int_equal(bytes, good[i].bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t bytes = 77;
        assert_false(cai_size_parse(bad[i], &bytes));
        assert_int_equal(bytes, 77);
    }
}

static void test_number_parse(void **state)
{
    (void)state;
    uint64_t value = 77;
    assert_true(cai_number_parse("250", UINT32_MAX, &value));
    assert_int_equal(value, 250);
    assert_true(cai_number_parse("4294967295", UINT32_MAX, &value));
    assert_false(cai_number_parse("4294967296", UINT32_MAX, &value));
    assert_false(cai_number_parse("10K", UINT32_MAX, &value));
    assert_false(cai_number_parse("", UINT32_MAX, &value));
}

static void test_texts(void **state)
{
    (void)state;
    assert_string_equal(cai_size_text(0).text, "0 B");
    assert_string_equal(cai_size_text(1023).text, "1023 B");
    assert_string_equal(cai_size_text(1024).text, "1.00 KiB");
    assert_string_equal(cai_size_text(12 * 1024 + 410).text, "12.4 KiB");
    assert_string_equal(cai_size_text(UINT64_C(1023) << 20).text, "1.00 GiB");
    assert_string_equal(cai_size_text(UINT64_MAX).text, "16.0 EiB");
    assert_string_equal(cai_count_text(0).text, "0");
    assert_string_equal(cai_count_text(999).text, "999");
    assert_string_equal(cai_count_text(1000).text, "1,000");
    assert_string_equal(cai_count_text(UINT64_MAX).text, "18,446,744,073,709,551,615");
    assert_string_equal(cai_time_text(0).text, "0.00 ms");
    assert_string_equal(cai_time_text(123456789).text, "123 ms");
    assert_string_equal(cai_time_text(1240000000).text, "1.24 s");
    assert_string_equal(cai_time_text(UINT64_C(192000000000)).text, "3 min 12 s");
    assert_string_equal(cai_time_text(UINT64_C(7260000000000)).text, "2 h 1 min");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_parse),
        cmocka_unit_test(test_number_parse),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
