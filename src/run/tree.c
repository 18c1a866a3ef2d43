/* See tree.h. Called by run and the reports. */
#include "run/tree.h"

#include "run/units.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

/* Rows of the table for people: those that held most. */
enum { ROWS_MAX = 20 };

void cai_tree_read(const struct cai_channel_host *host, struct cai_tree *tree)
{
    *tree = (struct cai_tree){
        .host = host, .violations = cai_channel_violations(host), .findings = cai_channel_findings(host)};
    uint32_t count = cai_channel_count(host, &tree->missed);
    tree->process = calloc(count, sizeof *tree->process);
    for (uint32_t i = 0; tree->process != NULL && i < count; i++) {
        struct cai_channel *process = &tree->process[tree->count];
        cai_channel_snapshot(host, i, process);
        tree->count += process->state != CAI_CHANNEL_EMPTY && process->pid > 0;
    }
}

void cai_tree_free(struct cai_tree *tree)
{
    free(tree->process);
    tree->process = NULL;
    tree->count = 0;
}

const char *cai_tree_state(const struct cai_channel *process)
{
    if (process->state == CAI_CHANNEL_FINISHED)
        return "finished";
    return kill(process->pid, 0) == 0 || errno == EPERM ? "running" : "lost";
}

const struct cai_channel *cai_tree_largest(const struct cai_tree *tree)
{
    const struct cai_channel *largest = NULL;

    for (uint32_t i = 0; i < tree->count; i++) {
        const struct cai_channel *process = &tree->process[i];
        if (process->numbers[0].ns != 0 && (largest == NULL || process->numbers[0].stats.committed_bytes_peak >
                                                                   largest->numbers[0].stats.committed_bytes_peak))
            largest = process;
    }
    return largest;
}

static int by_peak(const void *left, const void *right)
{
    const struct cai_channel *a = *(const struct cai_channel *const *)left;
    const struct cai_channel *b = *(const struct cai_channel *const *)right;
    uint64_t of_a = a->numbers[0].stats.committed_bytes_peak;
    uint64_t of_b = b->numbers[0].stats.committed_bytes_peak;

    if ((a->violations != 0) != (b->violations != 0))
        return a->violations != 0 ? -1 : 1;
    return of_a != of_b ? (of_a < of_b ? 1 : -1) : (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

static void print_row(FILE *to, const struct cai_channel *process, uint64_t start_ns)
{
    const struct cai_channel_numbers *numbers = &process->numbers[0];
    uint64_t since = numbers->ns > start_ns ? numbers->ns - start_ns : 0;

    fprintf(to, "  %8d  %-15.15s  %-8s", process->pid, process->program, cai_tree_state(process));
    if (numbers->ns == 0)
        fputs("  no numbers yet", to);
    else
        fprintf(to, "%11s%14s%10s%10s", cai_time_text(since).text, cai_count_text(numbers->stats.allocations).text,
                cai_size_text(numbers->stats.live_bytes).text, cai_size_text(numbers->stats.committed_bytes_peak).text);
    fputc('\n', to);
    if (process->violations != 0)
        fprintf(to, "            ^ %s violation%s, the last: %s\n", cai_count_text(process->violations).text,
                cai_plural(process->violations), process->violation);
}

void cai_tree_text(FILE *to, const struct cai_tree *tree, uint64_t start_ns)
{
    const struct cai_channel **rows = malloc((tree->count + (size_t)1) * sizeof(const struct cai_channel *));

    if (rows == NULL || tree->count + tree->missed < 2) {
        free(rows);
        return;
    }
    for (uint32_t i = 0; i < tree->count; i++)
        rows[i] = &tree->process[i];
    qsort(rows, tree->count, sizeof(void *), by_peak);
    fprintf(to, "\n  %s processes; violations in all: %s\n\n", cai_count_text(tree->count + tree->missed).text,
            cai_count_text(tree->violations).text);
    fprintf(to, "  %8s  %-15s  %-8s%11s%14s%10s%10s\n", "pid", "program", "state", "numbers at", "allocations", "live",
            "committed");
    for (uint32_t i = 0; i < tree->count && i < ROWS_MAX; i++)
        print_row(to, rows[i], start_ns);
    if (tree->count > ROWS_MAX)
        fprintf(to, "  and %u more that held less (--stats=json has them)\n", tree->count - ROWS_MAX);
    if (tree->missed != 0)
        fprintf(to, "  and %u more for which there was no room; their violations are counted\n", tree->missed);
    free(rows);
}
