/* See mapping.h. */
#include "pages/mapping.h"

#include "pages/meta.h"

/* One part in so many of the kernel's limit is ours. */
enum { SHARE = 8 };

/* Three tables for each zone, the metadata, the mark of the engine. */
enum { TABLES = 3 * CAI_ZONES + 2 };

/* Ranges apart that a zone remembers. */
enum { RANGES = 1024 };

struct range {
    uint32_t first;
    uint32_t units : 31;
    uint32_t joins : 1; /* memory that is mapped next to it, in the same process, becomes part of it */
};

static struct apart {
    struct range *ranges; /* RANGES of them, allocated when the first is needed */
    uint32_t count;       /* atomic */
    uint32_t forgotten;   /* atomic: those that found no room, counted for good */
} apart[CAI_ZONES];

static uint32_t guards; /* atomic */
static bool inherited;  /* there is memory from before a fork */

size_t cai_mappings(void)
{
    size_t count = TABLES + cai_load_relaxed(&guards);

    for (unsigned number = 0; number < CAI_ZONES; number++) {
        const struct cai_zone *zone = &cai_zones[number];
        size_t ranges = (size_t)cai_load_relaxed(&apart[number].count) + cai_load_relaxed(&apart[number].forgotten);
        if (cai_load_relaxed(&zone->frontier) > 1)
            count += 1 + cai_load_relaxed(&zone->bare.runs) + cai_load_relaxed(&zone->skips) + 2 * ranges;
    }
    return count;
}

bool cai_mappings_allow(size_t more)
{
    return cai_mappings() + more <= cai_sealed.mappings_max / SHARE;
}

static bool is_hole(const struct cai_unit *run)
{
    return cai_load_relaxed(&run->kind) == CAI_UNIT_BARE || cai_load_relaxed(&run->kind) == CAI_UNIT_NONE;
}

bool cai_mappings_allow_hole(const struct cai_zone *zone, uint32_t head, uint32_t units)
{
    const struct cai_unit *all = cai_view_of(zone->number)->units;
    uint32_t end = head + units;

    return head == 1 || end >= zone->frontier || is_hole(&all[cai_load_relaxed(&all[head - 1].head)]) ||
           is_hole(&all[end]) || cai_mappings_allow(1);
}

bool cai_mappings_allow_apart(const struct cai_zone *zone)
{
    return cai_load_relaxed(&apart[zone->number].count) < RANGES && cai_mappings_allow(2);
}

static void add(struct cai_zone *zone, struct range range)
{
    struct apart *list = &apart[zone->number];

    if (list->ranges == NULL)
        list->ranges = cai_meta_allocate(RANGES * sizeof *list->ranges);
    if (list->ranges == NULL || list->count == RANGES) {
        cai_store_relaxed(&list->forgotten, list->forgotten + 1);
        return;
    }
    list->ranges[list->count] = range;
    cai_store_relaxed(&list->count, list->count + 1);
}

void cai_mappings_begin(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    struct apart *list = &apart[zone->number];

    if (!inherited)
        return;
    for (uint32_t i = 0; i < list->count; i++) {
        struct range *range = &list->ranges[i];
        if (range->joins && range->first + range->units == head) {
            range->units += units;
            return;
        }
    }
    add(zone, (struct range){head, units, true});
}

void cai_mappings_end(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    struct apart *list = &apart[zone->number];
    uint32_t end = head + units;

    for (uint32_t i = list->count; i-- > 0;) {
        struct range *range = &list->ranges[i];
        struct range after = {end, range->first + range->units - end, range->joins};
        bool has_before = range->first < head;
        bool has_after = range->first + range->units > end;
        if (range->first >= end || range->first + range->units <= head)
            continue;
        if (has_before)
            range->units = head - range->first;
        else if (has_after)
            *range = after;
        else {
            *range = list->ranges[list->count - 1];
            cai_store_relaxed(&list->count, list->count - 1);
        }
        if (has_before && has_after)
            add(zone, after);
    }
}

void cai_mappings_set_apart(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    cai_mappings_end(zone, head, units);
    add(zone, (struct range){head, units, false});
}

void cai_mappings_guarded(int more)
{
    cai_add_relaxed(&guards, (uint32_t)more);
}

void cai_mappings_after_fork_in_child(void)
{
    inherited = true;
    for (unsigned number = 0; number < CAI_ZONES; number++)
        for (uint32_t i = 0; i < apart[number].count; i++)
            apart[number].ranges[i].joins = false;
}
