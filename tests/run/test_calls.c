/* What a process left of the calls that led to its violation is read, whatever it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/callers.h"
#include "run/calls.h"

#include <stdlib.h>
#include <string.h>

static struct cai_calls calls;

static void read_text(const char *text)
{
    cai_calls_free(&calls);
    cai_calls_read(text, CAI_CALLERS_USED, &calls);
}

static void test_S4_files_and_addresses(void **state)
{
    (void)state;
    read_text("  at /no/such+file+0x12\n  at 0x7f00\n");
    assert_int_equal(calls.count, 2);
    assert_string_equal(calls.call[0].module, "/no/such+file");
    assert_int_equal(calls.call[0].offset, 0x12);
    assert_null(calls.call[0].function);
    assert_null(calls.call[0].file);
    assert_false(calls.call[0].inlined);
    assert_null(calls.call[1].module);
    assert_int_equal(calls.call[1].offset, 0x7f00);
}

static void test_S4_other_lines_are_left_out(void **state)
{
    static const char *const lines[] = {
        "", "\n", "at x+0x1\n", "  at \n", "  at x\n", "  at x+1\n", "  at x+0x1 \n", "  at +\n", "  at x+0x\377\n"};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        read_text(lines[i]);
        assert_int_equal(calls.count, 0);
    }
}

/* Of a guarded block. */
static void test_S4_each_part_by_its_title(void **state)
{
    static const char text[] = "used by\n  at a+0x1\nallocated by\n  at b+0x2\n  at b+0x3\nfreed by\n  at c+0x4\n";
    static const struct {
        size_t count, first;
    } wanted[CAI_CALLERS_PARTS] = {{1, 1}, {2, 2}, {1, 4}};

    (void)state;
    for (int part = 0; part < CAI_CALLERS_PARTS; part++) {
        cai_calls_free(&calls);
        cai_calls_read(text, (enum cai_callers_part)part, &calls);
        assert_int_equal(calls.count, wanted[part].count);
        assert_int_equal(calls.call[0].offset, wanted[part].first);
    }
    cai_calls_free(&calls);
    cai_calls_read("  at a+0x1\n", CAI_CALLERS_FREED, &calls);
    assert_int_equal(calls.count, 0);
}

static void test_S4_files_that_are_none(void **state)
{
    (void)state;
    read_text("  at /dev/zero+0x1\n  at /+0x1\n  at /etc/passwd+0x1\n  at \033[31m+0x1");
    assert_int_equal(calls.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_null(calls.call[i].function);
    assert_string_equal(calls.call[3].module, "?[31m");
}

static void test_S4_a_line_that_fills_everything(void **state)
{
    static char text[CAI_CALLERS_BYTES + 10];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    memcpy(text, CAI_CALLERS_LINE, strlen(CAI_CALLERS_LINE));
    read_text(text);
    assert_int_equal(calls.count, 0);
    cai_calls_free(&calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_S4_files_and_addresses),          cmocka_unit_test(test_S4_other_lines_are_left_out),
        cmocka_unit_test(test_S4_each_part_by_its_title),       cmocka_unit_test(test_S4_files_that_are_none),
        cmocka_unit_test(test_S4_a_line_that_fills_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
