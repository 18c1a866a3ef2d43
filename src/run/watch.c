/* See watch.h. What a process shows was left at its last housekeeping, so its age is told with it. Called by main.
 */
#include "run/watch.h"

#include "run/help.h"
#include "run/live.h"
#include "run/message.h"
#include "run/report_live.h"
#include "run/sites.h"
#include "run/units.h"

#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SEEN = 0, UNSEEN = 1, ROWS_MAX = 400 };

struct words {
    bool json, prometheus, once;
    pid_t pid; /* 0: none was given */
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static bool unicode(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* -1: go on; else the exit status. `takes`: the options that the subcommand has, by their letters. */
static int words_read(int argc, char **argv, const char *takes, bool needs_pid, struct words *words)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"prometheus", no_argument, NULL, 'p'},
        {"once", no_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    uint64_t pid = 0;

    *words = (struct words){0};
    optind = 0;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'h')
            return cai_help(stdout, argv[0]);
        if (option == '?' || strchr(takes, option) == NULL)
            return cai_say("bad-usage", "unknown option: '%s' (see: capalloc help %s)", argv[optind - 1], argv[0]);
        words->json |= option == 'j';
        words->prometheus |= option == 'p';
        words->once |= option == 'o';
    }
    if (words->json && words->prometheus)
        return cai_say("bad-usage", "--json and --prometheus: one output has one format");
    const char *word = argv[optind];
    if (word != NULL && (!cai_number_parse(word, INT_MAX, &pid) || pid == 0 || argv[optind + 1] != NULL))
        return cai_say("bad-usage", "%s: wanted the number of one process (see: capalloc help %s)", word, argv[0]);
    words->pid = (pid_t)pid;
    return word != NULL || !needs_pid ? -1 : cai_say("bad-usage", "%s needs the number of a process", argv[0]);
}

/* False: it was said why not. */
static bool see(pid_t pid, struct cai_channel *page)
{
    enum cai_live answer = cai_live_look(pid, page);

    if (answer != CAI_LIVE_SEEN)
        cai_say("not-visible", "process %d: %s", (int)pid, cai_live_why(answer));
    return answer == CAI_LIVE_SEEN;
}

int cai_watch_stats(int argc, char **argv)
{
    static struct cai_channel page;
    struct words words;
    int status = words_read(argc, argv, "jp", true, &words);

    if (status != -1)
        return status;
    if (!see(words.pid, &page))
        return UNSEEN;
    if (words.json || words.prometheus) {
        struct cai_sites *sites = malloc(sizeof *sites);
        const struct cai_sites *seen = sites != NULL && cai_live_sites(words.pid, sites) ? sites : NULL;
        bool made = true;
        if (words.json)
            made = cai_live_json(stdout, words.pid, &page, seen, now_ns());
        else
            cai_live_prometheus(stdout, words.pid, &page, seen, now_ns());
        free(sites);
        return made ? SEEN : cai_say("cannot-write", "out of memory");
    }
    cai_live_text(stdout, words.pid, &page, now_ns(), unicode());
    cai_sites_text(stdout, words.pid);
    return SEEN;
}

int cai_watch_map(int argc, char **argv)
{
    static struct cai_channel page;
    struct words words;
    int status = words_read(argc, argv, "", true, &words);

    if (status != -1)
        return status;
    if (!see(words.pid, &page))
        return UNSEEN;
    cai_live_map(stdout, words.pid, &page, now_ns(), unicode());
    return SEEN;
}

/* --- top --- */

struct row {
    pid_t pid;
    struct cai_channel page;
};

struct rows {
    struct row *row;
    size_t count;
};

static void add_row(pid_t pid, const struct cai_channel *page, void *context)
{
    struct rows *rows = context;

    if (rows->count < ROWS_MAX)
        rows->row[rows->count++] = (struct row){pid, *page};
}

static int by_committed(const void *left, const void *right)
{
    uint64_t a = ((const struct row *)left)->page.numbers[0].stats.committed_bytes;
    uint64_t b = ((const struct row *)right)->page.numbers[0].stats.committed_bytes;

    return (a < b) - (a > b);
}

static int all(struct rows *rows)
{
    rows->count = 0;
    cai_live_each(add_row, rows);
    qsort(rows->row, rows->count, sizeof *rows->row, by_committed);
    printf("%8s  %-15s%10s%10s%10s%14s%4s%6s%9s\n", "pid", "program", "live", "at most", "committed", "allocations",
           "thr", "viol", "age");
    for (size_t i = 0; i < rows->count; i++) {
        const struct cai_channel *page = &rows->row[i].page;
        const ca_stats *stats = &page->numbers[0].stats;
        printf("%8d  %-15.15s%10s%10s%10s%14s%4llu%6llu%9s\n", (int)rows->row[i].pid, page->program,
               cai_size_text(stats->live_bytes).text, cai_size_text(stats->live_bytes_peak).text,
               cai_size_text(stats->committed_bytes).text, cai_count_text(stats->allocations).text,
               (unsigned long long)stats->threads, (unsigned long long)page->violations,
               cai_time_text(cai_live_age(page, now_ns())).text);
    }
    if (rows->count == 0)
        puts("  no process of yours shows its numbers (capalloc run, or CAPALLOC_OPTIONS=visible)");
    return SEEN;
}

/* The process, and how fast it goes: against its numbers of the last time. */
static int one(pid_t pid, struct cai_channel *before)
{
    static struct cai_channel page;

    if (!see(pid, &page))
        return UNSEEN;
    cai_live_text(stdout, pid, &page, now_ns(), unicode());
    uint64_t ns = page.numbers[0].ns - before->numbers[0].ns;
    if (before->numbers[0].ns != 0 && page.numbers[0].ns > before->numbers[0].ns)
        printf("\n  %s allocations a second; live %+.2f MiB a second\n",
               cai_count_text(
                   (uint64_t)((double)(page.numbers[0].stats.allocations - before->numbers[0].stats.allocations) * 1e9 /
                              (double)ns))
                   .text,
               ((double)page.numbers[0].stats.live_bytes - (double)before->numbers[0].stats.live_bytes) / (double)ns *
                   1e9 / (1 << 20));
    cai_sites_text(stdout, pid);
    cai_live_strips(stdout, &page, unicode());
    if (page.numbers[0].ns > before->numbers[0].ns)
        *before = page;
    return SEEN;
}

int cai_watch_top(int argc, char **argv)
{
    static struct cai_channel before;
    struct words words;
    struct rows rows = {calloc(ROWS_MAX, sizeof(struct row)), 0};
    int status = words_read(argc, argv, "o", false, &words);

    if (rows.row == NULL)
        return cai_say("cannot-write", "out of memory");
    bool once = words.once || isatty(STDOUT_FILENO) == 0;
    while (status == -1 || (!once && status == SEEN)) {
        if (!once)
            fputs("\033[H\033[2J", stdout);
        status = words.pid != 0 ? one(words.pid, &before) : all(&rows);
        fflush(stdout);
        if (once || ferror(stdout) != 0)
            break;
        sleep(1);
    }
    free(rows.row);
    return status;
}
