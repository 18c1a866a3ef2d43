/* The report for people. Its order is that of their questions: how did it end, what did it cost, how much memory is
 * where, which sizes. Lines that would only say zero are left out. Called by run.
 */
#include "run/report.h"

#include "core/checks.h"
#include "run/message.h"
#include "run/units.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { BUSIEST_MAX = 8, BAR_CELLS = 24, NAME_WIDTH_MAX = 32, LINE_WIDTH = 80 };

struct cai_pointer_free cai_pointer_free(const ca_stats *stats)
{
    const ca_place_stats *nocaps = &stats->place[1];
    const ca_place_stats *secret = &stats->place[3];
    double live = (double)nocaps->live_bytes + (double)secret->live_bytes;

    return (struct cai_pointer_free){
        .live_bytes = nocaps->live_bytes + secret->live_bytes,
        .live_blocks = nocaps->live_blocks + secret->live_blocks,
        .used_bytes_peak = nocaps->used_bytes_peak + secret->used_bytes_peak,
        .live_share = stats->live_bytes != 0 ? live / (double)stats->live_bytes : 0,
    };
}

static void print_ending(FILE *to, const struct cai_report *report)
{
    int status = report->outcome->wait_status;
    const char *slash = strrchr(report->argv[0], '/');
    const char *signal = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
    char name[NAME_WIDTH_MAX + 1];

    snprintf(name, sizeof name, "%s", slash != NULL && slash[1] != 0 ? slash + 1 : report->argv[0]);
    cai_make_printable(name);
    fprintf(to, "capalloc: %s (pid %d) ", name, (int)report->outcome->pid);
    if (signal != NULL)
        fprintf(to, "was ended by SIG%s\n\n", signal);
    else if (WIFSIGNALED(status))
        fprintf(to, "was ended by signal %d\n\n", WTERMSIG(status));
    else
        fprintf(to, "exited with status %d\n\n", WEXITSTATUS(status));
}

static void print_process(FILE *to, const struct cai_outcome *outcome)
{
    fprintf(to, "  time         %s; processor: %s user, %s system\n", cai_time_text(outcome->elapsed_ns).text,
            cai_time_text(outcome->user_ns).text, cai_time_text(outcome->system_ns).text);
    fprintf(to, "  resident     %s at most, the whole process\n", cai_size_text(outcome->max_rss_bytes).text);
}

void cai_report_settings(FILE *to, const struct cai_channel *channel)
{
    char tokens[32];
    char delay[32];
    char profile[48];
    char guard[32];
    char checks[128];
    char guards[32];
    const struct {
        uint32_t on;
        const char *text;
    } others[] = {
        {channel->strict, "strict"},
        {channel->audit, "audit"},
        {channel->trust_tokens, "trust-tokens"},
        {channel->no_deepbind, "no-deepbind"},
        {channel->names, "names"},
        {channel->tokens != 0, tokens},
        {channel->delay_percent != 0, delay},
        {channel->backtrace, "backtrace"},
        {channel->visible, "visible"},
        {channel->pagemap, "pagemap"},
        {channel->trace_sweeps, "trace-sweeps"},
        {channel->guard_sample != 0, guard},
        {channel->profile_bytes != 0, profile},
        {channel->harden, checks},
        {channel->guards != CAI_GUARDS_NONE, guards},
    };

    snprintf(tokens, sizeof tokens, "tokens %" PRIu64, channel->tokens);
    snprintf(delay, sizeof delay, "%s %" PRIu32 " %%", channel->revoke != 0 ? "revoke" : "delay",
             channel->delay_percent);
    snprintf(guard, sizeof guard, "guard-sample %" PRIu32, channel->guard_sample);
    snprintf(profile, sizeof profile, "profile %s", cai_size_text(channel->profile_bytes).text);
    snprintf(guards, sizeof guards, "guards by %s", cai_guards_name(channel->guards));
    size_t used = (size_t)snprintf(checks, sizeof checks, "harden");
    for (unsigned i = 0; i < CAI_CHECKS && used < sizeof checks; i++)
        if ((channel->checks >> i & 1) != 0)
            used += (size_t)snprintf(checks + used, sizeof checks - used, " %s", cai_check_name(i));
    int column = fprintf(to, "  settings     limit %s, decay %u ms, helper %s",
                         channel->limit_bytes != 0 ? cai_size_text(channel->limit_bytes).text : "none",
                         channel->active_decay_ms, channel->helper != 0 ? "on" : "off");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i].on != 0) {
            bool fits = column + 2 + (int)strlen(others[i].text) < LINE_WIDTH;
            column = fprintf(to, "%s%s", fits ? ", " : ",\n               ", others[i].text) + (fits ? column : -2);
        }
    fputc('\n', to);
    if (channel->ignored[0] != 0)
        fprintf(to, "               not understood: %.40s\n", channel->ignored);
    if (channel->tagging == CAI_TAGGING_ABSENT || channel->tagging == CAI_TAGGING_REFUSED)
        fprintf(to, "               mte is off: %s\n", cai_tagging_text(channel->tagging));
    if (channel->passed_by != 0)
        fputs("               SIGSEGV ignored, or taken by a system call: guards tell nothing\n", to);
    if (cai_is_bound_elsewhere(channel))
        fputs("\n  A library was loaded with RTLD_DEEPBIND: its malloc and free are the C library's,\n"
              "  and a block that crosses the border ends the program. See no-deepbind.\n",
              to);
}

static void print_totals(FILE *to, const struct cai_channel *channel, bool final)
{
    const ca_stats *stats = &channel->numbers[0].stats;
    struct cai_pointer_free promised = cai_pointer_free(stats);

    fprintf(to, "  committed    %s now, %s at most\n", cai_size_text(stats->committed_bytes).text,
            cai_size_text(stats->committed_bytes_peak).text);
    fprintf(to, "  bookkeeping  %s\n", cai_size_text(stats->metadata_bytes).text);
    fprintf(to, "  allocations  %s block%s handed out, %s still live (%s)\n", cai_count_text(stats->allocations).text,
            cai_plural(stats->allocations), cai_count_text(stats->live_blocks).text,
            cai_size_text(stats->live_bytes).text);
    fprintf(to, "  given back   %s block%s\n", cai_count_text(stats->frees).text, cai_plural(stats->frees));
    if (stats->failed_requests != 0)
        fprintf(to, "  refused      %s request%s, for want of memory or quota\n",
                cai_count_text(stats->failed_requests).text, cai_plural(stats->failed_requests));
    fprintf(to, "  live         %s asked for, estimated; at most %s when it was counted\n",
            cai_size_text(stats->requested_bytes).text, cai_size_text(stats->live_bytes_peak).text);
    if (stats->returned_bytes != 0)
        fprintf(to, "  returned     %s given back to the system\n", cai_size_text(stats->returned_bytes).text);
    if (stats->bytes_cleared != 0 || stats->bytes_clear_skipped != 0)
        fprintf(to, "  cleared      %s, and %s known to be zero already\n", cai_size_text(stats->bytes_cleared).text,
                cai_size_text(stats->bytes_clear_skipped).text);
    if (channel->delay_percent != 0)
        fprintf(to, "  quarantine   %s of freed blocks wait; %s were written after they were freed\n",
                cai_size_text(stats->quarantined_bytes).text, cai_size_text(channel->stale_bytes).text);
    if (stats->sweeps != 0)
        fprintf(to,
                "  sweeps       %s, %s scanned, %s of it while threads ran\n"
                "               the last one kept %s\n",
                cai_count_text(stats->sweeps).text, cai_size_text(stats->sweep_bytes_scanned).text,
                cai_size_text(channel->ahead_bytes).text, cai_size_text(channel->kept_bytes).text);
    if (channel->sweeps_postponed != 0)
        fprintf(to, "               %s postponed, as a thread slept in the kernel\n",
                cai_count_text(channel->sweeps_postponed).text);
    if (channel->sweeps_in_doubt != 0)
        fprintf(to, "               %s in doubt released nothing\n", cai_count_text(channel->sweeps_in_doubt).text);
    if (promised.used_bytes_peak != 0)
        fprintf(to, "  pointer-free %s live, %.0f %% of all live memory; %s held at most\n",
                cai_size_text(promised.live_bytes).text, promised.live_share * 100,
                cai_size_text(promised.used_bytes_peak).text);
    fprintf(to, "  threads      %s %s, %s at most\n", cai_count_text(stats->threads).text,
            final ? "at the end" : "at that moment", cai_count_text(stats->threads_peak).text);
    fprintf(to, "  violations   %s%s\n", stats->violations == 0 ? "none" : cai_count_text(stats->violations).text,
            stats->violations == 0 ? "" : "  <-- the program misused its memory");
}

static void print_places(FILE *to, const ca_stats *stats)
{
    const char *unused[CA_PLACE_COUNT];
    unsigned unused_count = 0;

    fprintf(to, "\n  %-12s%13s%13s%13s%13s%13s\n", "place", "live blocks", "live", "held", "held at most", "committed");
    for (unsigned i = 0; i < CA_PLACE_COUNT; i++) {
        const ca_place_stats *place = &stats->place[i];
        if (place->used_bytes_peak == 0 && place->live_blocks == 0 && place->committed_bytes == 0)
            unused[unused_count++] = cai_channel_place(i);
        else
            fprintf(to, "  %-12s%13s%13s%13s%13s%13s\n", cai_channel_place(i), cai_count_text(place->live_blocks).text,
                    cai_size_text(place->live_bytes).text, cai_size_text(place->used_bytes).text,
                    cai_size_text(place->used_bytes_peak).text, cai_size_text(place->committed_bytes).text);
    }
    for (unsigned i = 0; i < unused_count; i++)
        fprintf(to, "%s%s%s", i == 0 ? "  never used: " : ", ", unused[i], i + 1 == unused_count ? "\n" : "");
}

static void print_heaps(FILE *to, const struct cai_channel_numbers *numbers)
{
    if (numbers->named != 0)
        fprintf(to, "\n  %-31s%13s%13s\n", "heap", "held", "quota");
    for (unsigned i = 0; i < numbers->named; i++)
        fprintf(to, "  %-31s%13s%13s\n", numbers->heap[i].name, cai_size_text(numbers->heap[i].held_bytes).text,
                numbers->heap[i].quota_bytes != UINT64_MAX ? cai_size_text(numbers->heap[i].quota_bytes).text : "none");
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
    fprintf(to, "%s%*s", eighths[rest], (int)(BAR_CELLS - cells - (rest != 0)), "");
}

static void print_busiest(FILE *to, const ca_stats *stats, bool unicode)
{
    ca_class_stats rows[CA_STATS_CLASSES_MAX];
    size_t count = 0;
    uint64_t sum = 0;

    for (size_t i = 0; i < CA_STATS_CLASSES_MAX; i++)
        if (stats->size_class[i].slot_bytes != 0 && stats->size_class[i].allocations != 0) {
            rows[count++] = stats->size_class[i];
            sum += stats->size_class[i].allocations;
        }
    if (count == 0 || sum == 0)
        return;
    qsort(rows, count, sizeof rows[0], by_allocations);
    fprintf(to, "\n  %-*s%15s%8s%14s\n", BAR_CELLS + 15, "busiest sizes", "allocations", "share", "still live");
    uint64_t others = sum;
    for (size_t i = 0; i < count && i < BUSIEST_MAX; i++) {
        double share = 100.0 * (double)rows[i].allocations / (double)sum;
        fprintf(to, "  %11s  ", rows[i].slot_bytes == UINT64_MAX ? "large" : cai_size_text(rows[i].slot_bytes).text);
        print_bar(to, rows[i].allocations, rows[0].allocations, unicode);
        fprintf(to, "  %15s%6.*f %%%14s\n", cai_count_text(rows[i].allocations).text, share < 9.95 ? 1 : 0, share,
                cai_count_text(rows[i].live_blocks).text);
        others -= rows[i].allocations;
    }
    if (count > BUSIEST_MAX)
        fprintf(to, "  and %zu other size%s with %s allocation%s\n", count - BUSIEST_MAX,
                cai_plural(count - BUSIEST_MAX), cai_count_text(others).text, cai_plural(others));
}

void cai_report_numbers(FILE *to, const struct cai_channel *channel, bool final, bool unicode)
{
    print_totals(to, channel, final);
    print_places(to, &channel->numbers[0].stats);
    print_heaps(to, &channel->numbers[0]);
    print_busiest(to, &channel->numbers[0].stats, unicode);
}

uint64_t cai_report_age(const struct cai_report *report)
{
    uint64_t end = report->outcome->start_ns + report->outcome->elapsed_ns;
    uint64_t at = report->channel->numbers[0].ns;

    return at < end ? end - at : 0;
}

/* Without the final numbers: says why, and how old those are that there are. */
static void print_unended(FILE *to, const struct cai_report *report)
{
    bool killed = WIFSIGNALED(report->outcome->wait_status);

    fputs(killed ? "\n  The signal came before the allocator could count to the end"
                 : "\n  The program left by _exit or was replaced by another, past its exit handlers",
          to);
    if (cai_use_has_stats(report->channel))
        fprintf(to, ":\n  the numbers below are %s older than its end.\n\n",
                cai_time_text(cai_report_age(report)).text);
    else
        fputs(":\n  what it did is not known.\n", to);
}

/* Those of the process that held most, which says what the tree needed: of `gcc` that is the compiler, not what starts
 * it. */
static void print_largest(FILE *to, const struct cai_report *report, const struct cai_channel *largest, bool unicode)
{
    bool final = largest->state == CAI_CHANNEL_FINISHED;
    uint64_t end = report->outcome->start_ns + report->outcome->elapsed_ns;
    uint64_t at = largest->numbers[0].ns;

    fprintf(to, "\n  Numbers of %s (pid %d), which held most", largest->program, largest->pid);
    if (!final && at < end)
        fprintf(to, ",\n  %s older than the program's end", cai_time_text(end - at).text);
    fputs(":\n\n", to);
    cai_report_numbers(to, largest, final, unicode);
}

void cai_report_text(FILE *to, const struct cai_report *report, bool unicode)
{
    bool used = cai_is_used(report->use);
    const struct cai_channel *largest = report->tree != NULL ? cai_tree_largest(report->tree) : NULL;
    bool other = largest != NULL && largest->pid != report->channel->pid;

    print_ending(to, report);
    print_process(to, report->outcome);
    if (!used)
        fputs("\n  No statistics: the program did not use capalloc.\n", to);
    else
        cai_report_settings(to, report->channel);
    if (other)
        print_largest(to, report, largest, unicode);
    else if (used && report->use == CAI_USE_UNENDED)
        print_unended(to, report);
    if (used && !other && cai_use_has_stats(report->channel))
        cai_report_numbers(to, report->channel, report->use == CAI_USE_FINISHED, unicode);
    if (report->tree != NULL)
        cai_tree_text(to, report->tree, report->outcome->start_ns);
}
