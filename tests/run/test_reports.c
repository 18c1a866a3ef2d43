/* The report in its forms: it fits a terminal, parses, and believes nothing that stands in the page. */
#include "preload/audit_line.h"
#include "run/channel_host.h"
#include "run/report.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct cai_channel sample_channel(void)
{
    struct cai_channel page = {0};
    page.state = CAI_CHANNEL_FINISHED;
    page.interposed = 1;
    page.numbers[0].stats.allocations = UINT64_C(999999999999);
    page.numbers[0].stats.live_bytes = UINT64_MAX;
    page.numbers[0].stats.violations = 3;
    for (unsigned i = 0; i < CA_STATS_CLASSES_MAX; i++) {
        page.numbers[0].stats.size_class[i].slot_bytes =
            i + 1 < CA_STATS_CLASSES_MAX ? UINT64_C(16) * (i + 1) : UINT64_MAX;
        page.numbers[0].stats.size_class[i].allocations = i % 2 == 0 ? UINT64_C(1) << (i / 2 % 40) : 0;
        page.numbers[0].stats.size_class[i].live_blocks = page.numbers[0].stats.size_class[i].allocations;
    }
    for (unsigned i = 0; i < CA_PLACE_COUNT; i++)
        page.numbers[0].stats.place[i] =
            (ca_place_stats){UINT64_MAX, UINT64_C(1) << 36, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    return page;
}

static size_t columns(const char *line)
{
    size_t count = 0;
    for (; *line != 0 && *line != '\n'; line++)
        count += ((unsigned char)*line & 0xc0) != 0x80;
    return count;
}

/* The page is the program's to scribble on. */
static void test_N6_findings_from_a_hostile_page(void **state)
{
    (void)state;
    char *argv[] = {NULL};
    struct cai_outcome outcome = {.pid = 1};
    struct cai_channel page = sample_channel();
    struct cai_channel seen;
    struct cai_report report = {.argv = argv,
                                .path = "/p",
                                .library = "/l/ours.so",
                                .outcome = &outcome,
                                .channel = &seen,
                                .use = CAI_USE_FINISHED,
                                .reason = ""};
    char *text = NULL;
    size_t length = 0;
    memset(&page.findings, 0xff, sizeof page.findings);
    memset(page.program, 'x', sizeof page.program);
    page.turn = UINT32_MAX;
    page.state = 77;
    memset(page.numbers[0].map, 0xff, sizeof page.numbers[0].map);
    seen = page;
    cai_channel_clean(&seen);
    assert_int_equal(seen.state, CAI_CHANNEL_EMPTY);
    assert_int_equal(strlen(seen.program), sizeof seen.program - 1);
    assert_true(seen.numbers[0].map[3].cell[5] < CAI_MAP_KINDS);
    assert_int_equal(seen.findings.kept, CAI_CHANNEL_FINDINGS);
    FILE *memory = open_memstream(&text, &length);
    assert_true(cai_report_json(memory, &report));
    fclose(memory);
    assert_non_null(strstr(text, "\"target_place\": \"none\""));
    assert_non_null(strstr(text, "\"found\": 18446744073709551615"));
    free(text);
    char line[CAI_AUDIT_LINE];
    assert_true(strlen(cai_audit_line(line, &seen.findings.finding[0])) < sizeof line - 1);
    assert_true(strlen(cai_audit_total(line, &seen.findings)) < sizeof line - 1);
}

static void test_reports(void **state)
{
    (void)state;
    char name[] = "/somewhere/bad\xff\033name-that-is-much-too-long-to-fit-on-one-line-of-a-terminal-window";
    char *argv[] = {name, NULL};
    struct cai_outcome outcome = {.pid = 4194304, .wait_status = SIGSEGV, .elapsed_ns = UINT64_C(59990000000)};
    struct cai_channel page = sample_channel();
    struct cai_report report = {.argv = argv,
                                .path = name,
                                .library = "/l/ours.so",
                                .outcome = &outcome,
                                .channel = &page,
                                .use = CAI_USE_FINISHED,
                                .reason = ""};
    /* Another process held most. */
    struct cai_channel largest = page;
    struct cai_tree tree = {.process = &largest, .count = 1};
    largest.pid = 4194304;
    largest.state = CAI_CHANNEL_LOADED;
    largest.numbers[0].ns = 1;
    memset(largest.program, 'x', sizeof largest.program - 1);
    report.tree = &tree;
    for (int form = 0; form < 3; form++) {
        char *text = NULL;
        size_t length = 0;
        FILE *memory = open_memstream(&text, &length);
        if (form < 2)
            cai_report_text(memory, &report, form == 1);
        else
            assert_true(cai_report_json(memory, &report));
        fclose(memory);
        assert_null(strchr(text, '\033'));
        for (const char *line = text; form < 2 && line != NULL && *line != 0; line = strchr(line, '\n')) {
            line += *line == '\n';
            assert_true(columns(line) <= 80);
        }
        if (form == 2) {
            assert_non_null(strstr(text, "\"live_bytes\": 18446744073709551615"));
            assert_non_null(strstr(text, "bad\xef\xbf\xbd"));
            assert_non_null(strstr(text, "\"slot_bytes\": null"));
            assert_non_null(strstr(text, "\"signal_name\": \"SIGSEGV\""));
        }
        free(text);
    }
}

/* One is no plural, and the longest of all settings fit the line. */
static void test_one_of_each(void **state)
{
    (void)state;
    char name[] = "one";
    char *argv[] = {name, NULL};
    struct cai_outcome outcome = {.pid = 1};
    struct cai_channel page = {.state = CAI_CHANNEL_FINISHED, .interposed = 1, .limit_bytes = UINT64_MAX};
    struct cai_report report = {.argv = argv,
                                .path = name,
                                .library = "/l/ours.so",
                                .outcome = &outcome,
                                .channel = &page,
                                .use = CAI_USE_FINISHED,
                                .reason = ""};
    char *text = NULL;
    size_t length = 0;
    page.tokens = UINT64_MAX;
    page.active_decay_ms = 3600000;
    page.helper = page.strict = page.audit = page.trust_tokens = page.names = page.no_deepbind = 1;
    page.dlopen_flags = UINT32_MAX;
    page.passed_by = 1;
    memset(page.ignored, 'x', sizeof page.ignored - 1);
    page.numbers[0].stats.threads = page.numbers[0].stats.violations = page.numbers[0].stats.sweeps =
        page.numbers[0].stats.live_blocks = 1;
    for (unsigned i = 0; i < 9; i++)
        page.numbers[0].stats.size_class[i] = (ca_class_stats){UINT64_C(16) << i, 1, i == 8};
    page.numbers[0].stats.allocations = 1;
    FILE *memory = open_memstream(&text, &length);
    cai_report_text(memory, &report, false);
    fclose(memory);
    assert_non_null(strstr(text, " 1 block handed out, 1 still live"));
    assert_non_null(strstr(text, "threads      1 at the end"));
    assert_non_null(strstr(text, "helper on, strict, audit,\n"));
    assert_non_null(strstr(text, "tokens 18446744073709551615"));
    assert_non_null(strstr(text, "not understood: xxx"));
    assert_null(strstr(text, "RTLD_DEEPBIND")); /* taken out */
    assert_non_null(strstr(text, "SIGSEGV ignored, or taken"));
    for (const char *line = text; line != NULL && *line != 0; line = strchr(line, '\n')) {
        line += *line == '\n';
        assert_true(columns(line) <= 80);
    }
    for (const char *at = text; (at = strstr(at, " 1 ")) != NULL; at++)
        assert_false(at[3] >= 'a' && at[3] <= 'z' && at[strcspn(at + 3, " ,;\n") + 2] == 's');
    free(text);
}

/* Python and perl refuse an object with bytes that are not UTF-8 in the sense of Unicode. */
static void test_json_is_utf_8(void **state)
{
    (void)state;
    static const struct {
        const char *argument;
        const char *shown; /* ? stands for U+FFFD */
    } cases[] = {
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf",
         "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf"},
        {"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
        {"a\x80z", "a?z"},
        {"\xc0\x80", "??"}, /* overlong forms */
        {"\xe0\x9f\xbf", "???"},
        {"\xf0\x8f\xbf\xbf", "????"},
        {"\xed\xa0\x80", "???"},      /* a surrogate */
        {"\xf4\x90\x80\x80", "????"}, /* beyond U+10FFFF */
        {"\xf8\x90\x80\x80", "????"},
        {"\xe2\x82", "??"}, /* cut off */
        {"\xf0\x9f\x98z", "???z"},
    };
    enum { CASES = sizeof cases / sizeof cases[0] };
    char arguments[CASES][32];
    char *argv[CASES + 1] = {NULL};
    struct cai_outcome outcome = {.pid = 1};
    struct cai_channel page = sample_channel();
    struct cai_report report = {.argv = argv,
                                .path = "/p",
                                .library = "/l/ours.so",
                                .outcome = &outcome,
                                .channel = &page,
                                .use = CAI_USE_FINISHED,
                                .reason = ""};
    char *text = NULL;
    size_t length = 0;
    for (size_t i = 0; i < CASES; i++)
        argv[i] = strcpy(arguments[i], cases[i].argument);
    FILE *memory = open_memstream(&text, &length);
    assert_true(cai_report_json(memory, &report));
    fclose(memory);
    const char *at = text;
    for (size_t i = 0; i < CASES; i++) {
        char wanted[128] = "\"";
        char *end = wanted + 1;
        for (const char *c = cases[i].shown; *c != 0; c++)
            end = *c == '?' ? stpcpy(end, "\xef\xbf\xbd") : stpncpy(end, c, 1);
        strcpy(end, "\"");
        at = strstr(at, wanted);
        assert_non_null(at);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_one_of_each),
        cmocka_unit_test(test_json_is_utf_8),
        cmocka_unit_test(test_N6_findings_from_a_hostile_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
