/* See report_live.h. Called by watch. */
#include "run/report_live.h"

#include "run/profile.h"
#include "run/report.h"
#include "run/units.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

uint64_t cai_live_age(const struct cai_channel *page, uint64_t now_ns)
{
    uint64_t at = page->numbers[0].ns;

    return at < now_ns ? now_ns - at : 0;
}

static void head(FILE *to, pid_t pid, const struct cai_channel *page, uint64_t now_ns)
{
    uint64_t up = page->start_ns < now_ns ? now_ns - page->start_ns : 0;

    fprintf(to, "%s (pid %d), on capalloc for %s; ", page->program, (int)pid, cai_time_text(up).text);
    if (page->numbers[0].ns == 0)
        fputs("no numbers yet\n\n", to);
    else
        fprintf(to, "numbers %s old\n\n", cai_time_text(cai_live_age(page, now_ns)).text);
}

void cai_live_text(FILE *to, pid_t pid, const struct cai_channel *page, uint64_t now_ns, bool unicode)
{
    head(to, pid, page, now_ns);
    cai_report_settings(to, page);
    if (page->numbers[0].ns != 0)
        cai_report_numbers(to, page, false, unicode);
}

/* --- the map --- */

static const struct {
    const char *name;
    const char *cell;
    char plain;
} kinds[CAI_MAP_KINDS] = {
    [CAI_MAP_OTHER] = {"other", "×", 'x'}, [CAI_MAP_SLAB] = {"slabs", "▓", 's'},  [CAI_MAP_LARGE] = {"large", "█", 'L'},
    [CAI_MAP_DIRTY] = {"dirty", "▒", 'd'}, [CAI_MAP_FRESH] = {"fresh", "░", 'f'}, [CAI_MAP_BARE] = {"bare", "·", '.'},
};

enum { STRIP_COLUMNS = 64 };

static void strip(FILE *to, const struct cai_zone_map *map, bool unicode)
{
    for (unsigned cell = 0; cell < CAI_MAP_CELLS; cell += CAI_MAP_CELLS / STRIP_COLUMNS)
        if (unicode)
            fputs(kinds[map->cell[cell]].cell, to);
        else
            fputc(kinds[map->cell[cell]].plain, to);
}

void cai_live_strips(FILE *to, const struct cai_channel *page, bool unicode)
{
    for (unsigned zone = 0; zone < CAI_MAP_ZONES; zone++) {
        const struct cai_zone_map *map = &page->numbers[0].map[zone];
        if (map->units == 0)
            continue;
        fprintf(to, "\n  %-9s %s, %s\n  ", cai_channel_place(zone / 2), zone % 2 == 0 ? "small blocks" : "larger ones",
                cai_size_text((uint64_t)map->units * map->unit_bytes).text);
        strip(to, map, unicode);
        fputs("\n ", to);
        for (unsigned kind = 0; kind < CAI_MAP_KINDS; kind++)
            if (map->kind[kind] != 0)
                fprintf(to, " %s %s", kinds[kind].name,
                        cai_size_text((uint64_t)map->kind[kind] * map->unit_bytes).text);
        fputc('\n', to);
    }
}

void cai_live_map(FILE *to, pid_t pid, const struct cai_channel *page, uint64_t now_ns, bool unicode)
{
    head(to, pid, page, now_ns);
    fputs("  From the lowest address of each zone to the highest that was ever used:\n ", to);
    for (unsigned kind = CAI_MAP_SLAB; kind < CAI_MAP_KINDS; kind++)
        if (unicode)
            fprintf(to, " %s %s", kinds[kind].cell, kinds[kind].name);
        else
            fprintf(to, " %c %s", kinds[kind].plain, kinds[kind].name);
    fputs("\n  (dirty: free, not given back yet; fresh: mapped, never used; bare: given back)\n", to);
    cai_live_strips(to, page, unicode);
}

/* --- Prometheus --- */

/* A label's value: what the format gives a meaning is escaped; the rest was made printable. */
static void label(FILE *to, const char *value)
{
    for (; *value != 0; value++) {
        if (*value == '"' || *value == '\\')
            fputc('\\', to);
        fputc(*value, to);
    }
}

static void metric(FILE *to, const char *name, const char *type, const char *help)
{
    fprintf(to, "# HELP capalloc_%s %s\n# TYPE capalloc_%s %s\n", name, help, name, type);
}

static void value(FILE *to, const char *name, pid_t pid, const char *program, const char *more, uint64_t number)
{
    fprintf(to, "capalloc_%s{pid=\"%d\",program=\"", name, (int)pid);
    label(to, program);
    fprintf(to, "\"%s} %" PRIu64 "\n", more, number);
}

/* A name may be anything that can be printed, and is escaped once. */
static void heap_value(FILE *to, pid_t pid, const char *program, const struct cai_named *heap)
{
    char more[2 * sizeof heap->name + 16];
    FILE *memory = fmemopen(more, sizeof more, "w");

    if (memory == NULL)
        return;
    fputs(",heap=\"", memory);
    label(memory, heap->name);
    fputc('"', memory);
    if (fclose(memory) == 0)
        value(to, "heap_held_bytes", pid, program, more, heap->held_bytes);
}

/* Numbers of sites, too, as two of the same functions may differ in lines. */
static void site_value(FILE *to, pid_t pid, const char *program, const struct cai_profile *profile, unsigned number)
{
    const struct cai_site *site = &profile->sites->site[number];
    char *names = NULL, *more = NULL;
    size_t length;
    FILE *memory = open_memstream(&names, &length);

    if (memory == NULL)
        return;
    cai_profile_names(profile, site, memory);
    bool named = fclose(memory) == 0;
    memory = named ? open_memstream(&more, &length) : NULL;
    if (memory != NULL) {
        fprintf(memory, ",site=\"%u\",calls=\"", number);
        label(memory, names);
        fputc('"', memory);
        if (fclose(memory) == 0)
            value(to, "site_live_bytes", pid, program, more, cai_profile_bytes(site, CAI_PROFILE_LIVE));
    }
    free(names);
    free(more);
}

static void site_values(FILE *to, pid_t pid, const char *program, const struct cai_sites *sites)
{
    struct cai_profile profile;

    if (!cai_profile_open(&profile, sites))
        return;
    metric(to, "site_live_bytes", "gauge", "Live bytes by the calls that took them; estimated from samples.");
    for (unsigned i = 0; i < CAI_SITES_MAX; i++)
        if (sites->site[i].key != 0 && cai_profile_bytes(&sites->site[i], CAI_PROFILE_LIVE) != 0)
            site_value(to, pid, program, &profile, i);
    cai_profile_close(&profile);
}

void cai_live_prometheus(FILE *to, pid_t pid, const struct cai_channel *page, const struct cai_sites *sites,
                         uint64_t now_ns)
{
    const ca_stats *stats = &page->numbers[0].stats;
    const struct {
        const char *name, *type, *help;
        uint64_t number;
    } all[] = {
        {"allocations_total", "counter", "Blocks handed out.", stats->allocations},
        {"frees_total", "counter", "Blocks given back.", stats->frees},
        {"failed_requests_total", "counter", "Requests refused for want of memory or quota.", stats->failed_requests},
        {"violations_total", "counter", "Calls that broke the rules.", page->violations},
        {"returned_bytes_total", "counter", "Given back to the system.", stats->returned_bytes},
        {"live_blocks", "gauge", "Blocks in use.", stats->live_blocks},
        {"live_bytes", "gauge", "Bytes of their slots.", stats->live_bytes},
        {"live_bytes_peak", "gauge", "The most of these when they were counted.", stats->live_bytes_peak},
        {"requested_bytes", "gauge", "Of live bytes, what was asked for; an estimate.", stats->requested_bytes},
        {"committed_bytes", "gauge", "Mapped and writable.", stats->committed_bytes},
        {"committed_bytes_peak", "gauge", "The most of these.", stats->committed_bytes_peak},
        {"metadata_bytes", "gauge", "Bookkeeping.", stats->metadata_bytes},
        {"quarantined_bytes", "gauge", "Waiting for their release.", stats->quarantined_bytes},
        {"sweeps_total", "counter", "Sweeps.", stats->sweeps},
        {"threads", "gauge", "Threads with a heap.", stats->threads},
        {"threads_peak", "gauge", "The most of these.", stats->threads_peak},
        {"numbers_age_nanoseconds", "gauge", "How old these numbers are.", cai_live_age(page, now_ns)},
    };
    char more[64];

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        metric(to, all[i].name, all[i].type, all[i].help);
        value(to, all[i].name, pid, page->program, "", all[i].number);
    }
    metric(to, "place_live_bytes", "gauge", "Live bytes by place.");
    for (unsigned i = 0; i < CA_PLACE_COUNT; i++) {
        snprintf(more, sizeof more, ",place=\"%s\"", cai_channel_place(i));
        value(to, "place_live_bytes", pid, page->program, more, stats->place[i].live_bytes);
    }
    metric(to, "heap_held_bytes", "gauge", "Held by heaps with a name, in slots.");
    for (unsigned i = 0; i < page->numbers[0].named; i++)
        heap_value(to, pid, page->program, &page->numbers[0].heap[i]);
    metric(to, "class_live_blocks", "gauge", "Live blocks by the size of their slots.");
    for (unsigned i = 0; i < CA_STATS_CLASSES_MAX; i++) {
        uint64_t bytes = stats->size_class[i].slot_bytes;
        if (bytes == 0 || stats->size_class[i].allocations == 0)
            continue;
        if (bytes == UINT64_MAX)
            snprintf(more, sizeof more, ",slot_bytes=\"large\"");
        else
            snprintf(more, sizeof more, ",slot_bytes=\"%" PRIu64 "\"", bytes);
        value(to, "class_live_blocks", pid, page->program, more, stats->size_class[i].live_blocks);
    }
    if (sites != NULL)
        site_values(to, pid, page->program, sites);
}
