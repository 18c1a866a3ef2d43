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
        {"1.5G", UINT64_C(3) << 29},
        {"1GB", 1 << 30},
        {"1gib", 1 << 30},
        {"1KB", 1024},
        {"7B", 7},
        {"0.5K", 512},
        {"0.001K", 1},
        {"1.9999999999999999K", 2047},
    };
    static const char *const bad[] = {
        "",      "K",    "-1",   "+1",    " 1",    "1 ",        "1.G",
        ".5G",   "1X",   "1.5",  "1.5B",  "1..5K", "1.5.5K",    "1,5G",
        "1KiBs", "1 GB", "0x10", "1e3",   "1i",    "16777216T", "18446744073709551616",
        "1Ki",   "1BK",  "1G5",  "1.5KK", "1s",    "1min",      "18446744073709551615.5K"};
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

static void test_time_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t milliseconds;
    } good[] = {
        {"0", 0},         {"250", 250},   {"250ms", 250},   {"10s", 10000},  {"10S", 10000},    {"1.5s", 1500},
        {"0.25sec", 250}, {"5m", 300000}, {"5min", 300000}, {"1h", 3600000}, {"0.5h", 1800000},
    };
    static const char *const bad[] = {"", "s", "-1s", "1.5", "1.5ms", "10 s", "1d", "1us", "1K", "10sek", "1h30m"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t milliseconds = 77;
        assert_true(cai_time_parse(good[i].text, &milliseconds));
        assert_int_equal(milliseconds, good[i].milliseconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t milliseconds = 77;
        assert_false(cai_time_parse(bad[i], &milliseconds));
        assert_int_equal(milliseconds, 77);
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
    assert_string_equal(cai_plural(0), "s");
    assert_string_equal(cai_plural(1), "");
    assert_string_equal(cai_plural(UINT64_MAX), "s");
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
        cmocka_unit_test(test_time_parse),
        cmocka_unit_test(test_number_parse),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
