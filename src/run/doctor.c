/* `capalloc doctor`: the questions people ask when it does not work, answered before they ask. This file checks the
 * library and what could keep it out; limits and kernel have files of their own. Called by main.
 */
#include "run/doctor.h"

#include "core/checks.h"
#include "run/channel_host.h"
#include "run/elf.h"
#include "run/help.h"
#include "run/launch.h"
#include "run/library.h"
#include "run/message.h"
#include "run/preload.h"
#include "run/units.h"
#include "run/verdict.h"

#include <getopt.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

/* Continuation lines begin where the text does. */
enum { TEXT_COLUMN = 35, LINE_WIDTH = 80 };

static unsigned lines[CAI_DOCTOR_LEVELS]; /* how many of each were said */

void cai_doctor_section(const char *title)
{
    printf("\n%s\n", title);
}

void cai_doctor_line(enum cai_doctor_level level, const char *subject, const char *format, ...)
{
    static const char *const words[] = {"ok", "info", "warn", "FAIL"};
    char text[2048];
    char *rest = text;
    unsigned column = TEXT_COLUMN;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cai_make_printable(text);
    lines[level]++;
    printf("  %-4s  %-*s", words[level], TEXT_COLUMN - 8, subject);
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        if (column > TEXT_COLUMN && column + 1 + strlen(word) > LINE_WIDTH) {
            printf("\n%*s", TEXT_COLUMN, "");
            column = TEXT_COLUMN;
        }
        column += (unsigned)printf("%s%s", column > TEXT_COLUMN ? " " : "", word);
    }
    putchar('\n');
    fflush(stdout);
}

int cai_doctor_read(const char *path, const char *key, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    const char *found = NULL;

    while (file != NULL && found == NULL && fgets(text, (int)size, file) != NULL)
        found = strstr(text, key);
    if (file != NULL)
        fclose(file);
    if (found == NULL)
        return -1;
    found += strlen(key);
    memmove(text, found, strlen(found) + 1);
    text[strcspn(text, "\n")] = 0;
    return 0;
}

int cai_doctor_probe(void)
{
    enum { COUNT = 64 };
    static char *blocks[COUNT]; /* static: what a failed probe leaves is still reachable */
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = (size_t)16 << (i % 16);
        blocks[i] = i % 2 == 0 ? malloc(size) : calloc(1, size);
        if (blocks[i] == NULL)
            return 1;
        memset(blocks[i], (int)i, size);
    }
    int wrong = 0;
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = (size_t)16 << (i % 16);
        wrong |= blocks[i][0] != (char)i || blocks[i][size - 1] != (char)i;
        char *moved = realloc(blocks[i], size * 2);
        if (moved == NULL) {
            free(blocks[i]);
            return 1;
        }
        wrong |= moved[size - 1] != (char)i;
        free(moved);
    }
    return wrong != 0 ? 2 : 0;
}

static void probe_judge(const struct cai_channel *page, const struct cai_elf_look *look, int status)
{
    enum cai_use use = cai_use_judge(page);
    char reason[1024];

    if (!cai_is_used(use)) {
        cai_use_reason(use, page, look, status, reason, sizeof reason);
        cai_doctor_line(CAI_DOCTOR_FAIL, "interposition", "a test program did not use it: %s", reason);
        return;
    }
    cai_doctor_line(CAI_DOCTOR_OK, "interposition", "a test program's malloc is capalloc's");
    if (page->harden != 0)
        cai_doctor_line(CAI_DOCTOR_INFO, "mode", "harden: blocks are looked at beyond their address");
    else if (page->delay_percent != 0)
        cai_doctor_line(CAI_DOCTOR_INFO, "mode", "%s",
                        page->revoke != 0 ? "revoke: a freed block waits until no word points to it"
                                          : "delay: a freed block waits until a share of the heap was freed after it");
    else
        cai_doctor_line(CAI_DOCTOR_INFO, "mode", "standard: a freed block may be handed out again at once");
    for (unsigned i = 0; i < CAI_CHECKS && page->harden != 0; i++)
        cai_doctor_line(CAI_DOCTOR_INFO, (page->checks >> i & 1) != 0 ? "check" : "check (off)", "%s: %s",
                        cai_check_name(i), cai_check_text(i));
    if (page->harden != 0)
        cai_doctor_line(CAI_DOCTOR_INFO, "mte", "%s: %s", cai_tagging_name(page->tagging),
                        cai_tagging_text(page->tagging));
    if (page->passed_by != 0)
        cai_doctor_line(CAI_DOCTOR_WARN, "SIGSEGV",
                        "ignored in the test program, or taken by a system call: what touches a guard is not told");
    if (WIFSIGNALED(status))
        cai_doctor_line(CAI_DOCTOR_FAIL, "test program", "ended by signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        cai_doctor_line(CAI_DOCTOR_FAIL, "test program", "exited with status %d: %s", WEXITSTATUS(status),
                        WEXITSTATUS(status) == 1 ? "it was refused memory" : "its memory was altered");
    else if (use == CAI_USE_UNENDED)
        cai_doctor_line(CAI_DOCTOR_WARN, "test program", "works, but its statistics did not arrive");
    else
        cai_doctor_line(CAI_DOCTOR_OK, "test program", "works; its statistics arrived (%s allocation%s)",
                        cai_count_text(page->numbers[0].stats.allocations).text,
                        cai_plural(page->numbers[0].stats.allocations));
}

/* Where it is, or that it is not there. */
static void say_library(const char *what, const char *name)
{
    static char path[PATH_MAX];
    (void)cai_library_find(name, NULL, path, sizeof path);
    cai_doctor_line(CAI_DOCTOR_INFO, what, "%s", path);
}

/* ignored: gets the first setting that the library did not understand; empty: none, or it was not asked. */
static void check_library(const char *chosen, char *ignored, size_t size)
{
    static char library[PATH_MAX];
    static char self[PATH_MAX];
    static char name[] = "capalloc";
    static char probe[] = CAI_DOCTOR_PROBE;
    char *argv[] = {name, probe, NULL};
    struct cai_channel_host host;
    struct cai_elf_look look;
    struct cai_outcome outcome;
    struct cai_channel page;

    bool found = cai_library_find(CAI_LIBRARY_NAME, chosen, library, sizeof library);
    int error = found ? cai_channel_open(&host, false) : 0;
    bool tried = found && error == 0 && cai_self_path(self, sizeof self);
    const struct cai_launch launch = {.path = self, .argv = argv, .library = library, .settings = "", .channel = &host};
    if (tried) { /* what the test program says on stderr stands before the table, not in it */
        fflush(stdout);
        cai_elf_look(self, library, &look);
        error = cai_launch_and_wait(&launch, &outcome);
        if (error == 0)
            error = outcome.exec_error;
        cai_channel_snapshot(&host, 0, &page);
    }
    cai_doctor_section("The library");
    cai_doctor_line(found ? CAI_DOCTOR_OK : CAI_DOCTOR_FAIL, "library", "%s", library);
    if (!found)
        return;
    say_library("library for waiting", CAI_LIBRARY_NAME_DELAY);
    say_library("library for hardening", CAI_LIBRARY_NAME_HARDEN);
    if (!tried) {
        cai_doctor_line(CAI_DOCTOR_FAIL, "interposition", "cannot be tried: %s",
                        error != 0 ? strerror(error) : "/proc/self/exe is missing");
        return;
    }
    if (error != 0)
        cai_doctor_line(CAI_DOCTOR_FAIL, "interposition", "the test program did not start: %s", strerror(error));
    else
        probe_judge(&page, &look, outcome.wait_status);
    snprintf(ignored, size, "%s", error == 0 ? page.ignored : "");
    cai_channel_close(&host);
}

static void rival_line(const char *file, const char *name, void *context)
{
    (void)context;
    cai_doctor_line(CAI_DOCTOR_WARN, "rival", "LD_PRELOAD has %s (%s); `capalloc run` goes before it", file, name);
}

static void check_environment(const char *ignored)
{
    const char *preload = getenv("LD_PRELOAD");
    const char *options = getenv("CAPALLOC_OPTIONS");
    const char *system_wide = "/etc/ld.so.preload";
    char line[1024];

    cai_doctor_section("What could keep it out");
    bool set = preload != NULL && *preload != 0;
    cai_doctor_line(set ? CAI_DOCTOR_INFO : CAI_DOCTOR_OK, "LD_PRELOAD", "%s", set ? preload : "not set");
    cai_preload_rivals(preload, rival_line, NULL);
    if (cai_doctor_read(system_wide, "", line, sizeof line) == 0 && line[0] != 0) {
        bool rival = cai_rival_name(line) != NULL;
        cai_doctor_line(rival ? CAI_DOCTOR_WARN : CAI_DOCTOR_INFO, system_wide, "has %s%s", line,
                        rival ? ", another malloc" : "");
    } else {
        cai_doctor_line(CAI_DOCTOR_OK, system_wide, "empty or absent");
    }
    if (ignored[0] != 0)
        cai_doctor_line(CAI_DOCTOR_WARN, "CAPALLOC_OPTIONS",
                        "%s: the library ignores '%s', which is unknown, malformed or of another mode "
                        "(see: capalloc help settings)",
                        options != NULL ? options : "", ignored);
    else
        cai_doctor_line(options == NULL ? CAI_DOCTOR_OK : CAI_DOCTOR_INFO, "CAPALLOC_OPTIONS", "%s",
                        options != NULL ? options : "not set");
    cai_doctor_line(
        CAI_DOCTOR_INFO, "RTLD_DEEPBIND",
        "a library that a program loads with it calls the C library's malloc; the setting no-deepbind takes "
        "it out of dlopen's flags");
    cai_doctor_line(CAI_DOCTOR_INFO, "SIGSEGV",
                    "what touches a guard is told before the program's handler is called; but not where the program "
                    "ignores the signal, or sets its handler by a system call: --stats says so then");
    bool secure = getauxval(AT_SECURE) != 0;
    cai_doctor_line(secure ? CAI_DOCTOR_FAIL : CAI_DOCTOR_OK, "secure mode", "%s",
                    secure ? "on: this process has privileges its user has not, so preloading and options are ignored"
                           : "off (AT_SECURE is 0)");
    cai_doctor_line(CAI_DOCTOR_INFO, "C library", "glibc %s", gnu_get_libc_version());
}

int cai_doctor(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"library", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *library = NULL;
    char ignored[sizeof((struct cai_channel *)NULL)->ignored] = "";
    optind = 0;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
        if (option == 'h')
            return cai_help(stdout, "doctor");
        if (option != 'l')
            return cai_say("bad-usage", "unknown option or missing value: '%s' (see: capalloc help doctor)",
                           argv[optind - 1]);
        library = optarg;
    }
    if (argv[optind] != NULL)
        return cai_say("bad-usage", "doctor takes no arguments, but there is '%s'", argv[optind]);
    cai_version(stdout);
    check_library(library, ignored, sizeof ignored);
    check_environment(ignored);
    cai_doctor_limits();
    cai_doctor_kernel();
    unsigned failed = lines[CAI_DOCTOR_FAIL];
    unsigned warned = lines[CAI_DOCTOR_WARN];
    if (failed != 0)
        printf("\n%u failed, %u to mind. What says FAIL keeps capalloc from working.\n", failed, warned);
    else if (warned != 0)
        printf("\nNothing failed; %u to mind.\n", warned);
    else
        printf("\nAll is well.\n");
    return failed != 0 ? 1 : 0;
}
