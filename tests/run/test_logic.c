/* The parts of `capalloc` that need no process: options, environment, ELF files, the verdict. */
#include "run/channel_host.h"
#include "run/doctor.h"
#include "run/elf.h"
#include "run/launch.h"
#include "run/options.h"
#include "run/preload.h"
#include "run/program.h"
#include "run/report.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/capalloc-run-XXXXXX";

static const char *file_make(const char *name, const void *bytes, size_t length, mode_t mode)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static void test_preload_compose(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *after;
    } cases[] = {
        {NULL, "/l/ours.so"},
        {"", "/l/ours.so"},
        {"/x/a.so", "/l/ours.so:/x/a.so"},
        {"/x/a.so /x/b.so", "/l/ours.so:/x/a.so:/x/b.so"},
        {":/x/a.so::/l/ours.so:", "/l/ours.so:/x/a.so"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = cai_preload_compose("/l/ours.so", cases[i].before);
        assert_string_equal(text, cases[i].after);
        free(text);
    }
}

static void rival_append(const char *file, const char *name, void *context)
{
    char *text = context;
    strcat(strcat(strcat(strcat(text, file), "="), name), ";");
}

static void test_rivals(void **state)
{
    (void)state;
    char text[256] = "";
    cai_preload_rivals("/a/libjemalloc.so.2:/b/libfaketime.so /c/libtcmalloc_minimal.so.4", rival_append, text);
    assert_string_equal(text, "/a/libjemalloc.so.2=jemalloc;/c/libtcmalloc_minimal.so.4=tcmalloc;");
    cai_preload_rivals(NULL, rival_append, text);
    assert_null(cai_rival_name("/home/jemalloc/libc.so.6"));
    assert_null(cai_rival_name("libcapalloc-preload.so"));
}

static void test_options_merge(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {NULL, "", ""}, {"decay=1", "", "decay=1"}, {NULL, "limit=5", "limit=5"}, {"a", "b", "a,b"}, {"", "b", "b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = cai_options_merge(cases[i][0], cases[i][1]);
        assert_string_equal(text, cases[i][2]);
        free(text);
    }
}

static const char *mappings_of(const char *says)
{
    static char text[40];
    char path[] = "/tmp/capalloc-XXXXXX";
    int file = mkstemp(path);

    assert_true(file >= 0 && write(file, says, strlen(says)) == (ssize_t)strlen(says));
    close(file);
    bool said = cai_launch_mappings(path, text, sizeof text);
    assert_int_equal(said, text[0] != 0);
    unlink(path);
    return text;
}

static void test_D9_the_number_of_mappings(void **state)
{
    char text[40];

    (void)state;
    assert_string_equal(mappings_of("65530\n"), "");
    assert_string_equal(mappings_of("1048576\n"), "mappings=1048576");
    assert_string_equal(mappings_of("4096"), "mappings=4096");
    assert_string_equal(mappings_of("0\n"), "");
    assert_string_equal(mappings_of("much\n"), "");
    assert_false(cai_launch_mappings("/nowhere", text, sizeof text));
    assert_string_equal(text, "");
}

static enum cai_options_answer parse(struct cai_run_options *out, const char *line)
{
    static char copy[512];
    static char *argv[32];
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", line);
    char *rest = copy;
    for (char *word; (word = strsep(&rest, " ")) != NULL;)
        argv[argc++] = word;
    argv[argc] = NULL;
    return cai_run_options_parse(argc, argv, out);
}

static void test_options_parse(void **state)
{
    (void)state;
    struct cai_run_options options;
    char text[128];
    assert_int_equal(parse(&options, "run --stats=json --limit 2M --decay=10 --helper --strict -- prog --stats -x"),
                     CAI_OPTIONS_RUN);
    assert_int_equal(options.stats, CAI_STATS_JSON);
    assert_string_equal(options.argv[0], "prog");
    assert_string_equal(options.argv[1], "--stats");
    cai_run_options_settings(&options, text, sizeof text);
    assert_string_equal(text, "limit=2097152,decay=10,helper,strict");
    assert_int_equal(parse(&options, "run --audit --tokens=18446744073709551615 --trust-tokens p"), CAI_OPTIONS_RUN);
    cai_run_options_settings(&options, text, sizeof text);
    assert_string_equal(text, "audit,tokens=18446744073709551615,trust-tokens");

    assert_int_equal(parse(&options, "run --tokens=4K p"), CAI_OPTIONS_RUN);
    cai_run_options_settings(&options, text, sizeof text);
    assert_string_equal(text, "tokens=4096");
    assert_int_equal(parse(&options, "run --tokens=4 --tokens=0 p"), CAI_OPTIONS_RUN);
    cai_run_options_settings(&options, text, sizeof text);
    assert_string_equal(text, "tokens=0");

    assert_int_equal(parse(&options, "run --stats prog --limit nonsense"), CAI_OPTIONS_RUN);
    assert_int_equal(options.stats, CAI_STATS_TEXT);
    assert_string_equal(options.argv[1], "--limit");
    cai_run_options_settings(&options, text, sizeof text);
    assert_string_equal(text, "");

    assert_int_equal(parse(&options, "run --limit=1.5GB --decay=10s --trust-tokens p"), CAI_OPTIONS_RUN);
    cai_run_options_settings(&options, text, sizeof text);
    assert_string_equal(text, "limit=1610612736,decay=10000,trust-tokens");

    assert_int_equal(parse(&options, "run --help"), CAI_OPTIONS_HELP);
    static const char *const wrong[] = {
        "run",
        "run --",
        "run --nope prog",
        "run -z prog",
        "run --limit prog",
        "run --limit",
        "run --decay=-1 p",
        "run --stats=xml prog",
        "run --helper=1 p",
        "run --decay=2h p",
        "run --decay=1K p",
        "run --limit=0 p",
        "run --limit=1s p",
        "run --tokens= p",
        "run --tokens=-1 p",
        "run --tokens=16777216T p",
        "run --audit=1 p",
        "run --help=1 p",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(parse(&options, wrong[i]), CAI_OPTIONS_WRONG);
}

static void test_program_find(void **state)
{
    (void)state;
    char path[PATH_MAX];
    char wanted[PATH_MAX];
    snprintf(wanted, sizeof wanted, "%s", file_make("good", "#!/bin/sh\n", 10, 0755));
    file_make("plain", "x", 1, 0644);
    char *before = strdup(getenv("PATH"));
    setenv("PATH", folder, 1);
    assert_int_equal(cai_program_find("good", path, sizeof path), 0);
    assert_string_equal(path, wanted);
    assert_int_equal(cai_program_find("plain", path, sizeof path), EACCES);
    assert_int_equal(cai_program_find("absent", path, sizeof path), ENOENT);
    assert_int_equal(cai_program_find("", path, sizeof path), ENOENT);
    assert_int_equal(cai_program_find("./absent", path, sizeof path), 0); /* exec will tell */
    assert_string_equal(path, "./absent");
    setenv("PATH", before, 1);
    free(before);
}

static void look_bytes(struct cai_elf_look *look, const void *bytes, size_t length)
{
    cai_elf_look(file_make("subject", bytes, length, 0755), "/proc/self/exe", look);
}

/* An ELF header of this machine with at most one program header, PT_INTERP. */
struct tiny_elf {
    ElfW(Ehdr) header;
    ElfW(Phdr) segment;
    char loader[64];
};

static struct tiny_elf tiny_elf_make(const char *loader)
{
    struct tiny_elf elf = {0};
    FILE *self = fopen("/proc/self/exe", "r");
    assert_non_null(self);
    assert_int_equal(fread(&elf.header, sizeof elf.header, 1, self), 1);
    fclose(self);
    elf.header.e_phoff = offsetof(struct tiny_elf, segment);
    elf.header.e_phnum = 1;
    elf.header.e_phentsize = sizeof elf.segment;
    elf.segment.p_type = loader != NULL ? PT_INTERP : PT_LOAD;
    elf.segment.p_offset = offsetof(struct tiny_elf, loader);
    if (loader != NULL) {
        elf.segment.p_filesz = strlen(loader) + 1;
        strcpy(elf.loader, loader);
    }
    return elf;
}

static void test_elf_look(void **state)
{
    (void)state;
    struct cai_elf_look look;
    cai_elf_look("/proc/self/exe", "/proc/self/exe", &look);
    assert_int_equal(look.obstacle, CAI_OBSTACLE_NONE);
    assert_string_equal(look.reason, "");

    struct tiny_elf elf = tiny_elf_make("/lib64/ld-linux-x86-64.so.2");
    look_bytes(&look, &elf, sizeof elf);
    assert_int_equal(look.obstacle, CAI_OBSTACLE_NONE);

    elf = tiny_elf_make(NULL);
    look_bytes(&look, &elf, sizeof elf);
    assert_int_equal(look.obstacle, CAI_OBSTACLE_STATIC);
    assert_non_null(strstr(look.reason, "statically linked"));
    assert_true(cai_obstacle_is_certain(look.obstacle));

    elf = tiny_elf_make("/lib/ld-musl-x86_64.so.1");
    look_bytes(&look, &elf, sizeof elf);
    assert_int_equal(look.obstacle, CAI_OBSTACLE_LOADER);
    assert_non_null(strstr(look.reason, "/lib/ld-musl-x86_64.so.1"));

    elf = tiny_elf_make(NULL);
    elf.header.e_machine = EM_S390;
    look_bytes(&look, &elf, sizeof elf);
    assert_int_equal(look.obstacle, CAI_OBSTACLE_MACHINE);
    assert_non_null(strstr(look.reason, "IBM Z"));

    elf = tiny_elf_make(NULL);
    elf.header.e_phoff = 1 << 20; /* a truncated file */
    look_bytes(&look, &elf, sizeof elf);
    assert_int_equal(look.obstacle, CAI_OBSTACLE_UNKNOWN);
    assert_false(cai_obstacle_is_certain(look.obstacle));
}

static void test_elf_look_scripts(void **state)
{
    (void)state;
    struct cai_elf_look look;
    struct tiny_elf elf = tiny_elf_make(NULL);
    char interpreter[PATH_MAX];
    char script[PATH_MAX + 32];
    snprintf(interpreter, sizeof interpreter, "%s", file_make("interpreter", &elf, sizeof elf, 0755));
    int length = snprintf(script, sizeof script, "#! %s -x\nrest", interpreter);
    look_bytes(&look, script, (size_t)length);
    assert_int_equal(look.obstacle, CAI_OBSTACLE_STATIC);
    assert_string_equal(look.file, interpreter);

    look_bytes(&look, "echo hello\n", 11); /* no #!: the shell runs it */
    assert_string_equal(look.file, "/bin/sh");

    length = snprintf(script, sizeof script, "#!%s/subject\n", folder); /* its own interpreter */
    look_bytes(&look, script, (size_t)length);
    assert_int_equal(look.obstacle, CAI_OBSTACLE_UNKNOWN);

    look_bytes(&look, "#!/absent/x\n", 12);
    assert_int_equal(look.obstacle, CAI_OBSTACLE_UNKNOWN);
    look_bytes(&look, "\0\1\2\3", 4);
    assert_int_equal(look.obstacle, CAI_OBSTACLE_UNKNOWN);
    look_bytes(&look, "", 0);
    cai_elf_look("/absent", "/absent", &look);
    assert_int_equal(look.obstacle, CAI_OBSTACLE_UNKNOWN);
}

static void test_elf_look_privileges(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can give files away */
    struct cai_elf_look look;
    struct tiny_elf elf = tiny_elf_make("/lib64/ld-linux-x86-64.so.2");
    const char *path = file_make("privileged", &elf, sizeof elf, 0755);
    assert_int_equal(chown(path, 65534, 65534), 0);
    assert_int_equal(chmod(path, 04755), 0);
    cai_elf_look(path, "/proc/self/exe", &look);
    assert_int_equal(look.obstacle, CAI_OBSTACLE_SET_ID);
    assert_int_equal(chmod(path, 02755), 0);
    cai_elf_look(path, "/proc/self/exe", &look);
    assert_int_equal(look.obstacle, CAI_OBSTACLE_SET_ID);
    assert_int_equal(chmod(path, 0755), 0);
    cai_elf_look(path, "/proc/self/exe", &look);
    assert_int_equal(look.obstacle, CAI_OBSTACLE_NONE);
}

static void test_verdict(void **state)
{
    (void)state;
    struct cai_channel page = {0};
    struct cai_elf_look look = {0};
    char text[512];
    assert_int_equal(cai_use_judge(&page), CAI_USE_NONE);
    assert_false(cai_use_has_stats(&page));
    cai_use_reason(CAI_USE_NONE, &page, &look, 0, text, sizeof text);
    assert_non_null(strstr(text, "unknown"));
    page.state = CAI_CHANNEL_LOADED;
    strcpy(page.rival, "/usr/lib/libjemalloc.so.2");
    assert_int_equal(cai_use_judge(&page), CAI_USE_RIVAL);
    cai_use_reason(CAI_USE_RIVAL, &page, &look, 0, text, sizeof text);
    assert_string_equal(text, "its malloc is /usr/lib/libjemalloc.so.2 (jemalloc)");
    page.interposed = 1;
    assert_int_equal(cai_use_judge(&page), CAI_USE_UNENDED);
    assert_false(cai_use_has_stats(&page));
    page.numbers[0].ns = 1;
    assert_true(cai_use_has_stats(&page));
    page.state = CAI_CHANNEL_FINISHED;
    assert_int_equal(cai_use_judge(&page), CAI_USE_FINISHED);
}

static void test_doctor_read(void **state)
{
    (void)state;
    static const char bytes[] = "first 1\nalways [madvise] never\n4:memory:/a";
    char path[PATH_MAX];
    char text[32];
    strcpy(path, file_make("plain", bytes, sizeof bytes - 1, 0644));
    assert_int_equal(cai_doctor_read(path, "", text, sizeof text), 0);
    assert_string_equal(text, "first 1");
    assert_int_equal(cai_doctor_read(path, "[", text, sizeof text), 0);
    assert_string_equal(text, "madvise] never");
    assert_int_equal(cai_doctor_read(path, ":memory:", text, sizeof text), 0);
    assert_string_equal(text, "/a");
    assert_int_equal(cai_doctor_read(path, "second", text, sizeof text), -1);
    assert_int_equal(cai_doctor_read(file_make("plain", "", 0, 0644), "", text, sizeof text), -1);
    assert_int_equal(cai_doctor_read("/absent", "", text, sizeof text), -1);
}

static int folder_make(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int folder_remove(void **state)
{
    (void)state;
    static const char *const names[] = {"good", "plain", "subject", "interpreter", "privileged"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D9_the_number_of_mappings),
        cmocka_unit_test(test_preload_compose),
        cmocka_unit_test(test_rivals),
        cmocka_unit_test(test_options_merge),
        cmocka_unit_test(test_options_parse),
        cmocka_unit_test(test_program_find),
        cmocka_unit_test(test_elf_look),
        cmocka_unit_test(test_elf_look_scripts),
        cmocka_unit_test(test_elf_look_privileges),
        cmocka_unit_test(test_verdict),
        cmocka_unit_test(test_doctor_read),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
