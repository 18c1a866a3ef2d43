/* The report of a violation: its codes, its one line, and the handler that may refuse the call. */
#include "unit/unit.h"

#include "core/violation.h"
#include "support/child.h"
#include "support/refuse.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool let_go(const ca_violation *violation)
{
    (void)violation;
    return false;
}

static ca_violation sample(ca_violation_kind kind)
{
    return (ca_violation){.kind = kind,
                          .function = "door",
                          .address = (void *)0x1234abcd,
                          .size = 64,
                          .place = "ordinary",
                          .stated = "a live block",
                          .found = "a freed block"};
}

static const struct {
    ca_violation_kind kind;
    const char *code;
} kinds[] = {
    {CA_VIOLATION_DOUBLE_FREE, "double-free"},
    {CA_VIOLATION_INVALID_FREE, "invalid-free"},
    {CA_VIOLATION_WRONG_DEALLOCATOR, "wrong-deallocator"},
    {CA_VIOLATION_SIZE_MISMATCH, "size-mismatch"},
    {CA_VIOLATION_MISMATCHED_DELETE, "mismatched-delete"},
    {CA_VIOLATION_UNWRAP_ERROR, "unwrap-error"},
    {CA_VIOLATION_ARENA_ORDER, "arena-order"},
    {CA_VIOLATION_NOT_WIPED, "not-wiped"},
    {CA_VIOLATION_STALE, "stale"},
    {CA_VIOLATION_DENIED, "denied"},
    {CA_VIOLATION_USE_AFTER_FREE_WRITE, "use-after-free-write"},
    {CA_VIOLATION_OVERFLOW, "overflow"},
    {CA_VIOLATION_UNDERFLOW, "underflow"},
    {CA_VIOLATION_USE_AFTER_FREE, "use-after-free"},
};

static void test_V1_codes_are_stable(void **state)
{
    (void)state;
    refuse_start();
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        assert_int_equal(kinds[i].kind, i + 1);
        cai_violation_report(sample(kinds[i].kind));
        assert_string_equal(refused_report.code, kinds[i].code);
        assert_int_equal(refused_report.kind, kinds[i].kind);
    }
    ca_set_violation_handler(NULL);
}

static void test_V2_handler_decides(void **state)
{
    uint64_t before = cai_violation_count();

    (void)state;
    refuse_forget();
    assert_true(ca_set_violation_handler(refuse_call) == NULL);
    cai_violation_report(sample(CA_VIOLATION_DOUBLE_FREE));
    assert_int_equal(refused_calls, 1);
    assert_int_equal(refused_report.struct_size, sizeof refused_report);
    assert_string_equal(refused_report.function, "door");
    assert_ptr_equal(refused_report.address, (void *)0x1234abcd);
    assert_int_equal(refused_report.size, 64);
    assert_string_equal(refused_report.place, "ordinary");
    assert_string_equal(refused_report.stated, "a live block");
    assert_string_equal(refused_report.found, "a freed block");
    assert_true(cai_violation_count() == before + 1);
    assert_true(ca_set_violation_handler(let_go) == refuse_call);
    assert_true(ca_set_violation_handler(NULL) == let_go);
}

static void report(const void *violation)
{
    cai_violation_report(*(const ca_violation *)violation);
}

static void report_with_handler(const void *violation)
{
    ca_set_violation_handler(let_go);
    cai_violation_report(*(const ca_violation *)violation);
}

/* The line, and behind it which process it was. */
static void expect_in_child(void (*body)(const void *), const ca_violation *violation, const char *line)
{
    struct child child;
    char end[64];
    int pid = 0;

    child_run(&child, 10, body, violation);
    assert_true(child_died(&child, SIGABRT));
    assert_memory_equal(child.text, line, strlen(line));
    assert_int_equal(sscanf(child.text + strlen(line), ", pid %d ", &pid), 1);
    assert_true(pid > 1 && pid != getpid());
    snprintf(end, sizeof end, ", pid %d (%.32s)\n", pid, program_invocation_short_name);
    assert_string_equal(child.text + strlen(line), end);
}

static void expect_line(const ca_violation *violation, const char *line)
{
    expect_in_child(report, violation, line);
    expect_in_child(report_with_handler, violation, line);
}

/* What a program is called may be anything. */
static void test_S4_a_name_is_printable_and_short(void **state)
{
    char name[] = "two\nlines\033 and some more, which is far too long for a line";
    char *before = program_invocation_short_name;
    ca_violation violation = sample(CA_VIOLATION_DOUBLE_FREE);
    struct child child;

    (void)state;
    program_invocation_short_name = name;
    child_run(&child, 10, report, &violation);
    program_invocation_short_name = before;
    assert_non_null(strstr(child.text, " (two?lines? and some more, which )\n"));
}

static void test_V1_one_line_then_abort(void **state)
{
    ca_violation violation = sample(CA_VIOLATION_DOUBLE_FREE);

    (void)state;
    expect_line(&violation,
                "capalloc: double-free: door(0x1234abcd): stated a live block, found a freed block of 64 bytes, "
                "place ordinary");
    violation.size = 0;
    violation.address = NULL;
    expect_line(&violation,
                "capalloc: double-free: door(0x0): stated a live block, found a freed block, place ordinary");
    violation.size = SIZE_MAX;
    violation.address = (void *)UINTPTR_MAX;
    violation.kind = CA_VIOLATION_SIZE_MISMATCH;
    expect_line(&violation,
                "capalloc: size-mismatch: door(0xffffffffffffffff): stated a live block, found a freed block of "
                "18446744073709551615 bytes, place ordinary");
}

static void test_V1_long_text_is_cut(void **state)
{
    char text[2000];
    ca_violation violation = sample(CA_VIOLATION_INVALID_FREE);
    struct child child;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    violation.found = text;
    child_run(&child, 10, report, &violation);
    assert_true(child_died(&child, SIGABRT));
    size_t length = strlen(child.text);
    assert_in_range(length, 100, 512);
    assert_int_equal(child.text[length - 1], '\n');
    assert_ptr_equal(strchr(child.text, '\n'), child.text + length - 1);
}

static void in_signal(int number)
{
    (void)number;
    cai_violation_report(sample(CA_VIOLATION_DOUBLE_FREE));
}

/* Reporting uses the stack and write(2) alone: it works in a handler that interrupted stdio. */
static void report_in_signal(const void *unused)
{
    (void)unused;
    signal(SIGUSR1, in_signal);
    flockfile(stderr);
    raise(SIGUSR1);
}

static void test_V3_report_in_a_signal_handler(void **state)
{
    struct child child;

    (void)state;
    child_run(&child, 10, report_in_signal, NULL);
    assert_true(child_died(&child, SIGABRT));
    assert_non_null(strstr(child.text, "capalloc: double-free: door(0x1234abcd)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_V1_codes_are_stable),
        cmocka_unit_test(test_V2_handler_decides),
        cmocka_unit_test(test_S4_a_name_is_printable_and_short),
        cmocka_unit_test(test_V1_one_line_then_abort),
        cmocka_unit_test(test_V1_long_text_is_cut),
        cmocka_unit_test(test_V3_report_in_a_signal_handler),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
