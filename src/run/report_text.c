/* The report for people. Its order is that of their questions: how did it end, what did it cost, how much memory is
 * where, which sizes. Lines that would only say zero are left out. Called by run.
 */
#include "run/report.h"

#include "run/message.h"
#include "run/units.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { BUSIEST_MAX = 8, BAR_CELLS = 24, NAME_WIDTH_MAX = 32 };

double cai_pointer_free_share(const ca_stats *stats)
{
    double live = (double)stats->place[1].live_bytes + (double)stats->place[3].live_bytes;
    return stats->live_bytes != 0 ? live / (double)stats->live_bytes : 0;
}

static uint64_t timeval_ns(struct timeval time)
{
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_usec * 1000;
}

static void print_ending(FILE *to, const struct cai_report *report)
{
    const struct cai_outcome *outcome = report->outcome;
    const char *slash = strrchr(report->argv[0], '/');
    char name[NAME_WIDTH_MAX + 1];
    snprintf(name, sizeof name, "%s", slash != NULL && slash[1] != 0 ? slash + 1 : report->argv[0]);
    cai_make_printable(name);
    fprintf(to, "capalloc: %s (pid %d) ", name, (int)outcome->pid);
    if (WIFSIGNALED(outcome->wait_status)) {
        const char *abbreviation = sigabbrev_np(WTERMSIG(outcome->wait_status));
        if (abbreviation != NULL)
            fprintf(to, "was ended by SIG%s\n\n", abbreviation);
        else
            fprintf(to, "was ended by signal %d\n\n", WTERMSIG(outcome->wait_status));
    } else {
        fprintf(to, "exited with status %d\n\n", WEXITSTATUS(outcome->wait_status));
    }
}

static void print_process(FILE *to, const struct cai_outcome *outcome)
{
    char elapsed[CAI_UNITS_TEXT];
    char user[CAI_UNITS_TEXT];
    char kernel[CAI_UNITS_TEXT];
    char size[CAI_UNITS_TEXT];
    fprintf(to, "  %-13s%s; processor: %s user, %s system\n", "time", cai_time_text(elapsed, outcome->elapsed_ns),
            cai_time_text(user, timeval_ns(outcome->usage.ru_utime)),
            cai_time_text(kernel, timeval_ns(outcome->usage.ru_stime)));
    fprintf(to, "  %-13s%s at most, the whole process\n", "resident",
            cai_size_text(size, (uint64_t)outcome->usage.ru_maxrss * 1024));
}

static void print_settings(FILE *to, const struct cai_channel *channel)
{
    char size[CAI_UNITS_TEXT];
    fprintf(to, "  %-13slimit %s, decay %u ms, helper %s%s%s\n", "settings",
            channel->limit_bytes != 0 ? cai_size_text(size, channel->limit_bytes) : "none", channel->active_decay_ms,
            channel->helper != 0 ? "on" : "off", channel->audit != 0 ? ", audit" : "",
            channel->trust_tokens != 0 ? ", tokens trusted" : "");
}

/* What was promised to hold no pointers, by the program or by its compiler: two of the places. */
static void print_pointer_free(FILE *to, const ca_stats *stats)
{
    const ca_place_stats *nocaps = &stats->place[1];
    const ca_place_stats *secret = &stats->place[3];
    uint64_t live = nocaps->live_bytes + secret->live_bytes;
    uint64_t peak = nocaps->used_bytes_peak + secret->used_bytes_peak;
    char now[CAI_UNITS_TEXT];
    char most[CAI_UNITS_TEXT];
    if (peak == 0)
        return;
    fprintf(to, "  %-13s%s live, %.0f %% of all live memory; %s held at most\n", "pointer-free",
            cai_size_text(now, live), cai_pointer_free_share(stats) * 100, cai_size_text(most, peak));
}

static void print_totals(FILE *to, const ca_stats *stats)
{
    char now[CAI_UNITS_TEXT];
    char peak[CAI_UNITS_TEXT];
    char other[CAI_UNITS_TEXT];
    fprintf(to, "  %-13s%s now, %s at most\n", "committed", cai_size_text(now, stats->committed_bytes),
            cai_size_text(peak, stats->committed_bytes_peak));
    fprintf(to, "  %-13s%s\n", "bookkeeping", cai_size_text(now, stats->metadata_bytes));
    fprintf(to, "  %-13s%s blocks handed out, %s still live (%s)\n", "allocations",
            cai_count_text(now, stats->allocations), cai_count_text(peak, stats->live_blocks),
            cai_size_text(other, stats->live_bytes));
    if (stats->returned_bytes != 0)
        fprintf(to, "  %-13s%s given back to the system\n", "returned", cai_size_text(now, stats->returned_bytes));
    if (stats->bytes_cleared != 0 || stats->bytes_clear_skipped != 0) {
        fprintf(to, "  %-13s%s, and %s known to be zero already\n", "cleared", cai_size_text(now, stats->bytes_cleared),
                cai_size_text(peak, stats->bytes_clear_skipped));
    }
    if (stats->sweeps != 0 || stats->quarantined_bytes != 0) {
        fprintf(to, "  %-13s%s, %s scanned; %s in quarantine\n", "sweeps", cai_count_text(now, stats->sweeps),
                cai_size_text(peak, stats->sweep_bytes_scanned), cai_size_text(other, stats->quarantined_bytes));
    }
    print_pointer_free(to, stats);
    fprintf(to, "  %-13s%s\n", "threads", cai_count_text(now, stats->threads));
    fprintf(to, "  %-13s%s%s\n", "violations", stats->violations == 0 ? "none" : cai_count_text(now, stats->violations),
            stats->violations == 0 ? "" : "  <-- the program misused its memory");
}

static void print_places(FILE *to, const ca_stats *stats)
{
    fprintf(to, "\n  %-12s%13s%13s%13s%13s%13s\n", "place", "live blocks", "live", "held", "held at most", "committed");
    bool unused[CA_PLACE_COUNT];
    unsigned unused_count = 0;
    for (unsigned i = 0; i < CA_PLACE_COUNT; i++) {
        const ca_place_stats *place = &stats->place[i];
        unused[i] = place->used_bytes_peak == 0 && place->live_blocks == 0 && place->committed_bytes == 0;
        if (unused[i]) {
            unused_count++;
            continue;
        }
        char blocks[CAI_UNITS_TEXT];
        char live[CAI_UNITS_TEXT];
        char held[CAI_UNITS_TEXT];
        char peak[CAI_UNITS_TEXT];
        char committed[CAI_UNITS_TEXT];
        fprintf(to, "  %-12s%13s%13s%13s%13s%13s\n", cai_channel_place(i), cai_count_text(blocks, place->live_blocks),
                cai_size_text(live, place->live_bytes), cai_size_text(held, place->used_bytes),
                cai_size_text(peak, place->used_bytes_peak), cai_size_text(committed, place->committed_bytes));
    }
    const char *before = "  never used: ";
    for (unsigned i = 0; unused_count > 0 && i < CA_PLACE_COUNT; i++) {
        if (unused[i]) {
            fprintf(to, "%s%s", before, cai_channel_place(i));
            before = ", ";
        }
    }
    if (unused_count > 0)
        fputc('\n', to);
}

static int by_allocations(const void *left, const void *right)
{
    const ca_class_stats *a = left;
    const ca_class_stats *b = right;
    if (a->allocations != b->allocations)
        return a->allocations < b->allocations ? 1 : -1;
    return a->slot_bytes < b->slot_bytes ? -1 : a->slot_bytes > b->slot_bytes;
}

/* A bar of at most BAR_CELLS cells, padded to that width; something that is not nothing always shows. */
static void print_bar(FILE *to, uint64_t value, uint64_t greatest, bool unicode)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    unsigned fine = (unsigned)((double)value / (double)greatest * BAR_CELLS * 8 + 0.5);
    if (fine == 0 && value != 0)
        fine = 1;
    unsigned cells = unicode ? fine / 8 : (fine + 7) / 8;
    unsigned rest = unicode ? fine % 8 : 0;
    for (unsigned i = 0; i < cells; i++)
        fputs(unicode ? "█" : "#", to);
    fputs(eighths[rest], to);
    for (unsigned i = cells + (rest != 0); i < BAR_CELLS; i++)
        fputc(' ', to);
}

static void print_busiest(FILE *to, const ca_stats *stats, bool unicode)
{
    ca_class_stats rows[CA_STATS_CLASSES_MAX];
    size_t count = 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < CA_STATS_CLASSES_MAX; i++) {
        if (stats->size_class[i].slot_bytes != 0 && stats->size_class[i].allocations != 0) {
            rows[count++] = stats->size_class[i];
            sum += stats->size_class[i].allocations;
        }
    }
    if (count == 0 || sum == 0)
        return;
    qsort(rows, count, sizeof rows[0], by_allocations);
    fprintf(to, "\n  %-*s%15s%8s%14s\n", BAR_CELLS + 15, "busiest sizes", "allocations", "share", "still live");
    size_t shown = count < BUSIEST_MAX ? count : BUSIEST_MAX;
    for (size_t i = 0; i < shown; i++) {
        char size[CAI_UNITS_TEXT];
        char allocations[CAI_UNITS_TEXT];
        char live[CAI_UNITS_TEXT];
        double share = 100.0 * (double)rows[i].allocations / (double)sum;
        fprintf(to, "  %11s  ", rows[i].slot_bytes == UINT64_MAX ? "large" : cai_size_text(size, rows[i].slot_bytes));
        print_bar(to, rows[i].allocations, rows[0].allocations, unicode);
        fprintf(to, "  %15s%6.*f %%%14s\n", cai_count_text(allocations, rows[i].allocations), share < 9.95 ? 1 : 0,
                share, cai_count_text(live, rows[i].live_blocks));
    }
    if (count > shown) {
        uint64_t others = 0;
        char text[CAI_UNITS_TEXT];
        for (size_t i = shown; i < count; i++)
            others += rows[i].allocations;
        fprintf(to, "  and %zu other sizes with %s allocations\n", count - shown, cai_count_text(text, others));
    }
}

/* Without the final numbers: says why, and how old those are that there are. */
static void print_unended(FILE *to, const struct cai_report *report)
{
    bool killed = WIFSIGNALED(report->outcome->wait_status);
    fputs(killed ? "\n  The signal left the allocator no time for its last words"
                 : "\n  The program left by _exit or was replaced by another, past its exit handlers",
          to);
    if (!cai_use_has_stats(report->channel)) {
        fputs(":\n  what it did is not known.\n", to);
        return;
    }
    char age[CAI_UNITS_TEXT];
    uint64_t end = report->outcome->start_ns + report->outcome->elapsed_ns;
    uint64_t at = report->channel->stats_ns < end ? report->channel->stats_ns : end;
    fprintf(to, ":\n  the numbers below are %s older than its end.\n", cai_time_text(age, end - at));
}

void cai_report_text(FILE *to, const struct cai_report *report, bool unicode)
{
    print_ending(to, report);
    print_process(to, report->outcome);
    if (report->use == CAI_USE_NONE || report->use == CAI_USE_RIVAL) {
        fputs("\n  No statistics: the program did not use capalloc.\n", to);
        return;
    }
    print_settings(to, report->channel);
    if (report->use == CAI_USE_UNENDED)
        print_unended(to, report);
    if (!cai_use_has_stats(report->channel))
        return;
    fputs(report->use == CAI_USE_UNENDED ? "\n" : "", to);
    print_totals(to, &report->channel->stats);
    print_places(to, &report->channel->stats);
    print_busiest(to, &report->channel->stats, unicode);
}
