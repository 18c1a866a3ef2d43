/* See report_detail.h. Called by report_json. */
#include "run/report_detail.h"

#include "run/json.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

static void append(json_object *array, json_object *value)
{
    json_object_array_add(array, value);
}

static json_object *programs_object(const struct cai_history *history, uint64_t start_ns)
{
    json_object *programs = json_object_new_array();

    for (uint32_t i = 0; i < history->programs; i++) {
        const struct member row[] = {{"at_ns", number(cai_since(history->program[i].ns, start_ns))},
                                     {"program", text(history->program[i].name)}};
        append(programs, OBJECT(row));
    }
    return programs;
}

json_object *cai_history_object(const struct cai_history *history, uint64_t start_ns)
{
    static const struct {
        const char *name;
        size_t at;
    } columns[] = {
        {"live_bytes", offsetof(struct cai_sample, live)},
        {"resident_bytes", offsetof(struct cai_sample, resident)},
        {"committed_bytes", offsetof(struct cai_sample, committed)},
        {"returned_bytes", offsetof(struct cai_sample, returned)},
        {"quarantined_bytes", offsetof(struct cai_sample, quarantined)},
        {"sweeps", offsetof(struct cai_sample, sweeps)},
        {"allocations", offsetof(struct cai_sample, allocations)},
        {"threads", offsetof(struct cai_sample, threads)},
        {"violations", offsetof(struct cai_sample, violations)},
    };
    json_object *out = json_object_new_object();
    json_object *times = json_object_new_array();
    json_object *numbers_times = json_object_new_array();

    for (uint32_t i = 0; i < history->count; i++) {
        append(times, number(cai_since(history->sample[i].ns, start_ns)));
        append(numbers_times, number(cai_since(history->sample[i].numbers_ns, start_ns)));
    }
    json_object_object_add(out, "at_ns", times);
    json_object_object_add(out, "numbers_at_ns", numbers_times);
    for (size_t column = 0; column < sizeof columns / sizeof columns[0]; column++) {
        json_object *values = json_object_new_array();
        for (uint32_t i = 0; i < history->count; i++) {
            uint64_t value;
            memcpy(&value, (const char *)&history->sample[i] + columns[column].at, sizeof value);
            append(values, value != UINT64_MAX ? number(value) : NULL);
        }
        json_object_object_add(out, columns[column].name, values);
    }
    json_object_object_add(out, "programs", programs_object(history, start_ns));
    return out;
}

/* Cells in the order of the addresses, those that are alike in one: [how many, kind, slot bytes, fill in percent]. */
static json_object *cells_object(const struct cai_zone_map *map, const ca_stats *stats)
{
    json_object *cells = json_object_new_array();

    for (unsigned cell = 0, next; cell < CAI_MAP_CELLS; cell = next) {
        for (next = cell + 1; next < CAI_MAP_CELLS && map->cell[next] == map->cell[cell] &&
                              map->row[next] == map->row[cell] && map->fill[next] == map->fill[cell];)
            next++;
        unsigned row = map->row[cell] < CA_STATS_CLASSES_MAX ? map->row[cell] : 0;
        json_object *run = json_object_new_array_ext(4);
        append(run, number(next - cell));
        append(run, number(map->cell[cell]));
        if (map->cell[cell] == CAI_MAP_SLAB) {
            append(run, number(stats->size_class[row].slot_bytes));
            append(run, number((map->fill[cell] * 100U + 127) / 255));
        }
        append(cells, run);
    }
    return cells;
}

json_object *cai_map_object(const struct cai_channel_numbers *numbers)
{
    static const char *const kinds[CAI_MAP_KINDS] = {"other", "slab", "large", "dirty", "fresh", "bare"};
    json_object *zones = json_object_new_array();

    for (unsigned zone = 0; zone < CAI_MAP_ZONES; zone++) {
        const struct cai_zone_map *map = &numbers->map[zone];
        struct member units[CAI_MAP_KINDS];
        if (map->units == 0)
            continue;
        for (unsigned kind = 0; kind < CAI_MAP_KINDS; kind++)
            units[kind] = (struct member){kinds[kind], number(map->kind[kind])};
        const struct member row[] = {{"place", text(cai_channel_place(zone / 2))},
                                     {"blocks", text(zone % 2 == 0 ? "small" : "larger")},
                                     {"unit_bytes", number(map->unit_bytes)},
                                     {"units", number(map->units)},
                                     {"kinds", OBJECT(units)},
                                     {"cells", cells_object(map, &numbers->stats)}};
        append(zones, OBJECT(row));
    }
    return zones;
}

json_object *cai_held_object(const struct cai_channel_numbers *numbers)
{
    json_object *classes = json_object_new_array();

    for (unsigned i = 0; i < CA_STATS_CLASSES_MAX; i++) {
        const ca_class_stats *class = &numbers->stats.size_class[i];
        const struct cai_class_held *held = &numbers->held[i];
        if (class->slot_bytes == 0 || (class->allocations == 0 && held->bytes == 0))
            continue;
        const struct member row[] = {{"slot_bytes", class->slot_bytes != UINT64_MAX ? number(class->slot_bytes) : NULL},
                                     {"live_blocks", number(class->live_blocks)},
                                     {"allocations", number(class->allocations)},
                                     {"requested_bytes", number(held->requested_bytes)},
                                     {"held_bytes", number(held->bytes)}};
        append(classes, OBJECT(row));
    }
    return classes;
}

json_object *cai_violated_object(const struct cai_channel *process, uint64_t start_ns)
{
    json_object *all = json_object_new_array();

    for (unsigned i = 0; i < CAI_CHANNEL_VIOLATIONS; i++) {
        const struct cai_channel_violation *kept = &process->violated[i];
        if (kept->ns == 0)
            continue;
        const struct member row[] = {{"at_ns", number(cai_since(kept->ns, start_ns))},
                                     {"code", text(kept->code)},
                                     {"function", text(kept->function)},
                                     {"address", address(kept->address)},
                                     {"stated", text(kept->stated)},
                                     {"found", text(kept->found)},
                                     {"block_bytes", kept->bytes != 0 ? number(kept->bytes) : NULL},
                                     {"place", text(kept->place)}};
        append(all, OBJECT(row));
    }
    return all;
}

/* What stands behind the colon of the first line that begins with this word. */
static json_object *line_of(const char *path, const char *word)
{
    char line[256];
    json_object *found = NULL;
    FILE *file = fopen(path, "re");

    while (file != NULL && found == NULL && fgets(line, sizeof line, file) != NULL) {
        const char *value = strchr(line, ':');
        if (value == NULL || strncmp(line, word, strlen(word)) != 0)
            continue;
        value += 1 + strspn(value + 1, " \t");
        line[strcspn(line, "\n")] = 0;
        found = text(value);
    }
    if (file != NULL)
        fclose(file);
    return found;
}

json_object *cai_machine_object(void)
{
    struct utsname name;
    struct sysinfo memory = {0};

    if (uname(&name) != 0)
        return NULL;
    sysinfo(&memory);
    const struct member members[] = {{"system", text(name.sysname)},
                                     {"release", text(name.release)},
                                     {"architecture", text(name.machine)},
                                     {"processor", line_of("/proc/cpuinfo", "model name")},
                                     {"processors", number((uint64_t)sysconf(_SC_NPROCESSORS_ONLN))},
                                     {"memory_bytes", number((uint64_t)memory.totalram * memory.mem_unit)},
                                     {"page_bytes", number((uint64_t)sysconf(_SC_PAGESIZE))}};

    return OBJECT(members);
}
