/* See history.h. Nobody is asked and nothing is stopped: the numbers are those in the shared table, as old as the
 * process's last housekeeping, and the resident size is the kernel's. Called by run. */
#include "run/history.h"

#include "run/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MS UINT64_C(1000000)

/* Between two looks: as often as a short program needs at first, and no more often than the first process's samples lie
 * apart later; but what other processes do is not missed for longer than a second. */
enum { EVERY_MS = 10, EVERY_MS_MOST = 1000 };

/* UINT64_MAX: there is no such process any more. */
static uint64_t resident(pid_t pid)
{
    char text[128];
    unsigned long long pages = 0;
    char *rest;

    snprintf(text, sizeof text, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(text, "re");
    bool known = file != NULL && fgets(text, sizeof text, file) != NULL;
    if (known) {
        strtoull(text, &rest, 10);
        pages = strtoull(rest, NULL, 10);
    }
    if (file != NULL)
        fclose(file);
    return known && pages != 0 ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : UINT64_MAX;
}

/* Of two neighbours the one stays in which more was held, so that peaks stay. */
static void halve(struct cai_history *history)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i + 1 < history->count; i += 2) {
        const struct cai_sample *left = &history->sample[i];
        history->sample[kept++] = left->live > left[1].live ? left[0] : left[1];
    }
    history->count = kept;
    history->every_ns *= 2;
}

static void add(struct cai_history *history, const struct cai_channel *page, uint64_t ns, uint64_t bytes)
{
    const ca_stats *stats = &page->numbers[0].stats;

    if (history->count == CAI_HISTORY_SAMPLES)
        halve(history);
    history->sample[history->count++] = (struct cai_sample){
        .ns = ns,
        .numbers_ns = page->numbers[0].ns,
        .resident = bytes,
        .live = stats->live_bytes,
        .committed = stats->committed_bytes,
        .returned = stats->returned_bytes,
        .quarantined = stats->quarantined_bytes,
        .sweeps = stats->sweeps,
        .allocations = stats->allocations,
        .threads = stats->threads,
        .violations = page->violations,
    };
}

static void note_program(struct cai_history *history, const struct cai_channel *page)
{
    if (history->start_ns == page->start_ns)
        return;
    history->start_ns = page->start_ns;
    history->here = cai_live_is_mapped(page->pid);
    if (history->programs == CAI_HISTORY_PROGRAMS)
        return;
    history->program[history->programs].ns = page->start_ns;
    snprintf(history->program[history->programs].name, sizeof page->program, "%s", page->program);
    history->programs++;
}

static struct cai_history *history_at(struct cai_histories *histories, uint32_t index, const struct cai_channel *page)
{
    if (histories->of[index] == NULL) {
        histories->of[index] = calloc(1, sizeof *histories->of[index]);
        if (histories->of[index] != NULL)
            *histories->of[index] = (struct cai_history){.pid = page->pid, .every_ns = EVERY_MS * MS};
    }
    return histories->of[index];
}

static void look(struct cai_histories *histories, uint32_t index, uint64_t now, bool last)
{
    static struct cai_channel page; /* static: some 20 KiB */
    struct cai_history *history = histories->of[index];

    if (history != NULL && history->ended && history->turn == cai_channel_turn(histories->host, index))
        return;
    cai_channel_snapshot(histories->host, index, &page);
    if (page.state == CAI_CHANNEL_EMPTY || page.pid <= 0 || page.numbers[0].ns == 0)
        return;
    history = history_at(histories, index, &page);
    if (history == NULL)
        return;
    note_program(history, &page);
    bool finished = page.state == CAI_CHANNEL_FINISHED;
    uint64_t bytes = history->here && !last ? resident(page.pid) : UINT64_MAX;
    bool left = history->turn != page.turn;
    history->turn = page.turn;
    history->ended = finished || (history->here && bytes == UINT64_MAX);
    if (left && page.numbers[0].stats.live_bytes >= history->peak.stats.live_bytes)
        history->peak = page.numbers[0];
    const struct cai_sample *before = history->count != 0 ? &history->sample[history->count - 1] : NULL;
    uint64_t at = (finished || last) && page.numbers[0].ns < now ? page.numbers[0].ns : now;
    if (before != NULL && at <= before->ns)
        return;
    if (before == NULL || history->ended || last || now - before->ns >= history->every_ns)
        add(history, &page, at, bytes);
}

static void look_at_all(struct cai_histories *histories, uint64_t now, bool last)
{
    uint32_t missed;

    histories->count = cai_channel_count(histories->host, &missed);
    for (uint32_t i = 0; i < histories->count; i++)
        look(histories, i, now, last);
}

int cai_history_look(struct cai_histories *histories, uint64_t now_ns)
{
    if (now_ns >= histories->due_ns) {
        look_at_all(histories, now_ns, false);
        const struct cai_history *first = histories->of[0];
        uint64_t every = first != NULL ? first->every_ns : EVERY_MS * MS;
        histories->due_ns = now_ns + (every < EVERY_MS_MOST * MS ? every : EVERY_MS_MOST * MS);
    }
    return (int)((histories->due_ns - now_ns) / MS) + 1;
}

void cai_history_end(struct cai_histories *histories, uint64_t now_ns)
{
    look_at_all(histories, now_ns, true);
}

const struct cai_history *cai_history_of(const struct cai_histories *histories, pid_t pid)
{
    for (uint32_t i = 0; histories != NULL && i < histories->count; i++)
        if (histories->of[i] != NULL && histories->of[i]->pid == pid)
            return histories->of[i];
    return NULL;
}

void cai_history_free(struct cai_histories *histories)
{
    for (uint32_t i = 0; i < histories->count; i++)
        free(histories->of[i]);
    histories->count = 0;
}
