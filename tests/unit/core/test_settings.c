/* The parser of CAPALLOC_OPTIONS takes what it documents, names what it does not, and survives everything else. */
#include "unit/unit.h"

#include "core/settings.h"
#include "os/os.h"
#include "support/child.h"
#include "support/rng.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool cai_is_drop_in = true;

static unsigned complaints;
static char complained[1024];

static void complain(const char *word, size_t length)
{
    assert_true(length > 0);
    assert_true(memchr(word, ',', length) == NULL);
    complaints++;
    length = length < sizeof complained - 1 ? length : sizeof complained - 1;
    memcpy(complained, word, length);
    complained[length] = '\0';
}

static struct cai_settings parse(const char *text)
{
    struct cai_settings settings = {.page_bytes = 1, .limit_bytes = 2, .decay_ms = 3};

    complaints = 0;
    complained[0] = '\0';
    cai_settings_parse(&settings, text, complain);
    return settings;
}

static bool is_untouched(const struct cai_settings *settings)
{
    return settings->page_bytes == 1 && settings->limit_bytes == 2 && settings->decay_ms == 3 && !settings->helper &&
           !settings->strict && !settings->audit && !settings->trust_tokens && !settings->names &&
           !settings->no_deepbind && !settings->pagemap && settings->tokens == 0;
}

static void test_every_setting(void **state)
{
    struct cai_settings settings =
        parse("limit=2G,decay=500,helper,strict,audit,tokens=512,trust-tokens,names,no-deepbind,backtrace,pagemap");

    (void)state;
    assert_int_equal(complaints, 0);
    assert_int_equal(settings.guard_sample, 0);
    assert_true(settings.limit_bytes == (size_t)2 << 30);
    assert_int_equal(settings.decay_ms, 500);
    assert_int_equal(parse("mappings=1000").mappings_max, 1000);
    assert_int_equal(parse("mappings=1T").mappings_max, UINT32_MAX);
    assert_int_equal(parse("guard-sample=5000").guard_sample, 5000);
    assert_false(parse("guard-sample=5000").guard_paced);
    assert_int_equal(parse("guard-sample").guard_sample, 5000);
    assert_true(parse("guard-sample").guard_paced);
    assert_false(parse("guard-sample,guard-sample=50").guard_paced);
    assert_int_equal(parse("guard-sample=1T").guard_sample, 0); /* not understood */
    assert_int_equal(parse("mappings=0").mappings_max, 0);      /* not understood: what it was */
    assert_true(settings.helper && settings.strict && settings.audit && settings.trust_tokens);
    assert_true(settings.names && settings.no_deepbind && settings.backtrace && settings.pagemap);
    assert_int_equal(settings.tokens, 512);
    assert_int_equal(settings.page_bytes, 1);
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        size_t bytes; /* 0: refused */
    } rows[] = {
        {"limit=1", 1},
        {"limit=4096", 4096},
        {"limit=1k", 1024},
        {"limit=64K", 65536},
        {"limit=3m", 3u << 20},
        {"limit=1T", (size_t)1 << 40},
        {"limit=18446744073709551615", SIZE_MAX},
        {"limit=16777215T", (size_t)16777215 << 40},
        {"limit=007", 7},
        {"limit=0", 0},
        {"limit=16777216T", 0},
        {"limit=16777217T", 0},
        {"limit=36028797018963969K", 0},
        {"limit=18446744073709551616", 0},
        {"limit=99999999999999999999999999999999", 0},
        {"limit=", 0},
        {"limit=K", 0},
        {"limit=1KB", 1024},
        {"limit=1.5GiB", (size_t)3 << 29},
        {"limit=1Ki", 0},
        {"limit=10s", 0},
        {"limit=1 K", 0},
        {"limit= 1", 0},
        {"limit=-1", 0},
        {"limit=+1", 0},
        {"limit=1.5", 0},
        {"limit=0x10", 0},
        {"limit=1Q", 0},
        {"limit=1=2", 0},
        {"limit", 0},
        {"Limit=1", 0},
        {"limit =1", 0},
        {"limits=1", 0},
        {"limi=1", 0},
        {"=1", 0},
        {"=", 0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cai_settings settings = parse(rows[i].text);
        if (rows[i].bytes != 0) {
            assert_int_equal(complaints, 0);
            assert_true(settings.limit_bytes == rows[i].bytes);
        } else {
            assert_int_equal(complaints, 1);
            assert_string_equal(complained, rows[i].text);
            assert_true(is_untouched(&settings));
        }
    }
}

static void test_decay_has_a_limit(void **state)
{
    (void)state;
    assert_int_equal(parse("decay=0").decay_ms, 0);
    assert_int_equal(parse("decay=3600000").decay_ms, 3600000);
    assert_int_equal(complaints, 0);
    assert_int_equal(parse("decay=3600001").decay_ms, 3);
    assert_int_equal(complaints, 1);
    assert_int_equal(parse("decay=4G").decay_ms, 3);
    assert_int_equal(complaints, 1);
    assert_int_equal(parse("decay=10s").decay_ms, 10000);
    assert_int_equal(parse("decay=0.5min").decay_ms, 30000);
    assert_int_equal(parse("decay=1h").decay_ms, 3600000);
    assert_int_equal(complaints, 0);
    assert_int_equal(parse("decay=2h").decay_ms, 3);
    assert_int_equal(complaints, 1);
}

/* What clang does with the number it is given, and what it stands for when it does not know a type. */
/* What nothing would serve is said to be ignored. */
static void test_S2_of_the_drop_in_library_alone(void **state)
{
    static const char *const words[] = {"audit", "visible", "profile", "profile=1M", "no-deepbind"};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (unsigned is = 0; is < 2; is++) {
            complaints = 0;
            cai_is_drop_in = is != 0;
            parse(words[i]);
            assert_int_equal(complaints, cai_is_drop_in ? 0 : 1);
        }
}

static void test_N7_spaces_of_tokens(void **state)
{
    static const struct {
        const char *text;
        size_t half, half_fast, trusted;
    } rows[] = {
        {"", SIZE_MAX / 2, 1, SIZE_MAX},
        {"tokens=0", SIZE_MAX / 2, 1, SIZE_MAX},
        {"tokens=1", 0, 0, SIZE_MAX},
        {"tokens=2", 1, 1, SIZE_MAX},
        {"tokens=7", 3, 3, SIZE_MAX},
        {"tokens=512", 256, 256, SIZE_MAX},
        {"tokens=9223372036854775808", (size_t)1 << 62, (size_t)1 << 62, SIZE_MAX},
        {"trust-tokens", SIZE_MAX / 2, 1, (size_t)1 << 32},
        {"trust-tokens,tokens=512", 256, 256, 1},
        {"tokens=4G,trust-tokens", (size_t)1 << 31, (size_t)1 << 31, 1},
        {"tokens=8G,trust-tokens", (size_t)1 << 32, (size_t)1 << 32, (size_t)1 << 32},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cai_settings settings = parse(rows[i].text);
        assert_int_equal(complaints, 0);
        cai_settings_derive(&settings);
        assert_true(settings.token_half == rows[i].half);
        assert_true(settings.token_half_fast == rows[i].half_fast);
        assert_true(settings.token_trusted == rows[i].trusted);
    }
    parse("tokens=-1,tokens=,tokens,trust-token,audit=1");
    assert_int_equal(complaints, 5);
}

static void test_wrong_words_are_skipped(void **state)
{
    struct cai_settings settings = parse(",,helper=1,what,,limit=5,strict!,decay=7,");

    (void)state;
    assert_int_equal(complaints, 3);
    assert_string_equal(complained, "strict!");
    assert_true(settings.limit_bytes == 5 && settings.decay_ms == 7 && !settings.helper && !settings.strict);
    settings = parse("");
    assert_true(complaints == 0 && is_untouched(&settings));
    settings = parse(",,,");
    assert_true(complaints == 0 && is_untouched(&settings));
}

/* As people write lists; inside a word a space is a mistake like any other. */
static void test_spaces_around_words(void **state)
{
    struct cai_settings settings = parse(" limit=5 , decay=7,\thelper\n, ,strict ");

    (void)state;
    assert_int_equal(complaints, 0);
    assert_true(settings.limit_bytes == 5 && settings.decay_ms == 7 && settings.helper && settings.strict);
    settings = parse("audit, limit= 5 ,strict");
    assert_int_equal(complaints, 1);
    assert_string_equal(complained, "limit= 5");
    assert_true(settings.limit_bytes == 2 && settings.audit && settings.strict);
    settings = parse("helper strict");
    assert_int_equal(complaints, 1);
    assert_true(is_untouched(&settings));
    settings = parse("   ");
    assert_true(complaints == 0 && is_untouched(&settings));
}

static void test_last_one_counts(void **state)
{
    (void)state;
    assert_int_equal(parse("limit=5,limit=6").limit_bytes, 6);
}

/* At the end of a page that nothing follows, so that reading past the end of the string is a crash. */
static void test_random_strings(void **state)
{
    static const char *const pieces[] = {"limit",      "decay", "helper", "strict", "=",    ",", "1",
                                         "9999999999", "K",     "g",      "T",      "\xff", " "};
    struct rng rng = rng_start(3);
    size_t page = cai_os_page_size();
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(memory != MAP_FAILED);
    assert_int_equal(mprotect(memory + page, page, PROT_NONE), 0);
    for (unsigned i = 0; i < 100000; i++) {
        char text[256] = "";
        for (size_t n = rng_below(&rng, 12); n > 0; n--) {
            char byte[2] = {(char)rng_next(&rng), '\0'};
            strcat(text, rng_below(&rng, 3) != 0 ? pieces[rng_below(&rng, sizeof pieces / sizeof *pieces)] : byte);
        }
        char *end = memory + page - strlen(text) - 1;
        strcpy(end, text);
        struct cai_settings settings = parse(end);
        assert_int_equal(settings.page_bytes, 1);
        assert_true(settings.limit_bytes > 0 && settings.decay_ms <= 3600000);
    }
    munmap(memory, 2 * page);
}

static void start_with(const void *text)
{
    setenv(CAI_SETTINGS_ENV, text, 1);
    cai_settings_start();
    require(cai_settings->page_bytes == (size_t)sysconf(_SC_PAGESIZE));
    require(cai_settings->limit_bytes == (size_t)3 << 20);
    require(cai_settings->decay_ms == 200);
}

static void test_start_reads_environment(void **state)
{
    struct child child;

    (void)state;
    child_run(&child, 10, start_with, "limit=3M");
    assert_true(child_succeeded(&child));
    assert_string_equal(child.text, "");
    child_run(&child, 10, start_with, "limit=3M,nonsense");
    assert_true(child_succeeded(&child));
    assert_string_equal(child.text, "capalloc: setting ignored, unknown, malformed or of another mode: nonsense\n");
}

static void write_to_settings(const void *unused)
{
    (void)unused;
    unsetenv(CAI_SETTINGS_ENV);
    cai_settings_start();
    cai_settings_seal();
    require(cai_settings->limit_bytes == SIZE_MAX);
    *(volatile size_t *)(uintptr_t)&cai_settings->limit_bytes = 1;
}

static void test_settings_are_sealed(void **state)
{
    struct child child;

    (void)state;
    child_run(&child, 10, write_to_settings, NULL);
    /* A sanitizer turns the signal into an exit of its own. */
    assert_true(child_died(&child, SIGSEGV) || (child.status != 0 && strstr(child.text, "require") == NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_setting),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_decay_has_a_limit),
        cmocka_unit_test(test_wrong_words_are_skipped),
        cmocka_unit_test(test_last_one_counts),
        cmocka_unit_test(test_random_strings),
        cmocka_unit_test(test_S2_of_the_drop_in_library_alone),
        cmocka_unit_test(test_N7_spaces_of_tokens),
        cmocka_unit_test(test_start_reads_environment),
        cmocka_unit_test(test_settings_are_sealed),
        cmocka_unit_test(test_spaces_around_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
