/* See free_run.h. */
#include "pages/free_run.h"

#include "os/os.h"

/* How many runs of a bin are looked at for one that is long enough. */
enum { BIN_TRIES = 8 };

static struct cai_unit *units_of(const struct cai_zone *zone)
{
    return cai_view_of(zone->number)->units;
}

/* Lengths 1 to 16 have a bin each, then two bins per doubling. */
static unsigned bin_of(uint32_t units)
{
    if (units <= 16)
        return units - 1;
    unsigned log = cai_log2(units);
    return (unsigned)cai_min(16 + 2 * (log - 4) + (units >> (log - 1) & 1), CAI_BINS - 1);
}

static struct cai_bins *bins_of(struct cai_zone *zone, enum cai_unit_kind kind)
{
    return kind == CAI_UNIT_DIRTY ? &zone->dirty : kind == CAI_UNIT_FRESH ? &zone->fresh : &zone->bare;
}

/* Runs are walked from head to head by their lengths, in the child of a fork even when this stopped in between. So what
 * is inside a run is written first, and its length changes by one store, the last. */
void cai_run_set(struct cai_zone *zone, uint32_t head, uint32_t units, enum cai_unit_kind kind)
{
    struct cai_unit *first = units_of(zone) + head;
    struct cai_unit *last = first + units - 1;

    cai_store_relaxed(&first->zone, zone->number);
    cai_store_relaxed(&first->head, head);
    cai_store_relaxed(&last->head, head);
    if (kind == CAI_UNIT_BUSY)
        first->next = cai_lock_self();
    cai_store_relaxed(&first->kind, (uint8_t)kind);
    cai_fence_for_compiler();
    cai_store_relaxed(&first->units, units);
    cai_fence_for_compiler();
    if (last != first)
        cai_store_relaxed(&last->kind, CAI_UNIT_INNER); /* it may have been a head until now */
}

void cai_run_withdraw(struct cai_unit *run)
{
    run->next = cai_lock_self();
    cai_fence_for_compiler();
    cai_store_relaxed(&run->kind, CAI_UNIT_BUSY);
    cai_fence_for_compiler();
}

void cai_run_shorten(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    struct cai_unit *first = units_of(zone) + head;
    uint32_t before = first->units;

    cai_run_set(zone, head + units, before - units, CAI_UNIT_BUSY);
    cai_run_set(zone, head, units, (enum cai_unit_kind)first->kind);
}

void cai_run_lengthen(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    cai_run_set(zone, head, units, (enum cai_unit_kind)units_of(zone)[head].kind);
}

static void age_link(struct cai_zone *zone, uint32_t number)
{
    struct cai_unit *units = units_of(zone);

    units[number].stamp_ms = (uint32_t)cai_os_milliseconds();
    units[number].newer = 0;
    units[number].older = zone->newest;
    if (zone->newest != 0)
        units[zone->newest].newer = number;
    else
        cai_store_relaxed(&zone->oldest, number);
    zone->newest = number;
}

static void age_unlink(struct cai_zone *zone, uint32_t number)
{
    struct cai_unit *units = units_of(zone);
    struct cai_unit *unit = units + number;

    if (unit->older != 0)
        units[unit->older].newer = unit->newer;
    else
        cai_store_relaxed(&zone->oldest, unit->newer);
    if (unit->newer != 0)
        units[unit->newer].older = unit->older;
    else
        zone->newest = unit->older;
}

void cai_free_run_unlink(struct cai_zone *zone, struct cai_unit *run)
{
    struct cai_unit *units = units_of(zone);
    struct cai_bins *bins = bins_of(zone, (enum cai_unit_kind)run->kind);
    unsigned bin = bin_of(run->units);

    if (run->prev != 0)
        units[run->prev].next = run->next;
    else
        bins->first[bin] = run->next;
    if (run->next != 0)
        units[run->next].prev = run->prev;
    if (bins->first[bin] == 0)
        bins->occupied &= ~(UINT64_C(1) << bin);
    cai_store_relaxed(&bins->runs, bins->runs - 1);
    if (run->kind == CAI_UNIT_DIRTY) {
        age_unlink(zone, cai_unit_number(run));
        cai_store_relaxed(&zone->dirty_units, zone->dirty_units - run->units);
    }
}

void cai_free_run_insert(struct cai_zone *zone, uint32_t head, uint32_t count, enum cai_unit_kind kind)
{
    struct cai_unit *units = units_of(zone);
    struct cai_bins *bins = bins_of(zone, kind);
    unsigned bin = bin_of(count);

    cai_run_set(zone, head, count, kind);
    units[head].prev = 0;
    units[head].next = bins->first[bin];
    if (bins->first[bin] != 0)
        units[bins->first[bin]].prev = head;
    bins->first[bin] = head;
    bins->occupied |= UINT64_C(1) << bin;
    cai_store_relaxed(&bins->runs, bins->runs + 1);
    if (kind == CAI_UNIT_DIRTY) {
        age_link(zone, head);
        cai_store_relaxed(&zone->dirty_units, zone->dirty_units + count);
        zone->dirty_units_high = cai_max(zone->dirty_units_high, zone->dirty_units);
    }
}

void cai_free_run_link(struct cai_zone *zone, uint32_t head, uint32_t count, enum cai_unit_kind kind)
{
    struct cai_unit *units = units_of(zone);
    struct cai_unit *before = units + cai_load_relaxed(&units[head - 1].head);
    struct cai_unit *after = units + head + count;

    if (head > 1 && cai_load_relaxed(&before->kind) == kind && before + before->units == units + head) {
        cai_free_run_unlink(zone, before);
        head = cai_unit_number(before);
        count += before->units;
    }
    if (head + count < zone->frontier && cai_load_relaxed(&after->kind) == kind) {
        cai_free_run_unlink(zone, after);
        count += after->units;
    }
    cai_free_run_insert(zone, head, count, kind);
}

uint32_t cai_free_run_skip(const struct cai_zone *zone, uint32_t head, uint32_t align)
{
    uintptr_t unit = (cai_view_of(zone->number)->origin >> CAI_UNIT_SHIFT) + head;

    return (uint32_t)(-unit & (align - 1));
}

/* Best fit by bins, a few tries in each. */
struct cai_unit *cai_free_run_find(struct cai_zone *zone, enum cai_unit_kind kind, uint32_t count, uint32_t align)
{
    struct cai_bins *bins = bins_of(zone, kind);
    struct cai_unit *units = units_of(zone);
    uint64_t candidates = bins->occupied & ~UINT64_C(0) << bin_of(count);

    for (; candidates != 0; candidates &= candidates - 1) {
        uint32_t number = bins->first[__builtin_ctzll(candidates)];
        for (unsigned i = 0; number != 0 && i < BIN_TRIES; i++, number = units[number].next)
            if (units[number].units >= (uint64_t)count + cai_free_run_skip(zone, number, align))
                return units + number;
    }
    return NULL;
}

void cai_free_run_cut(struct cai_zone *zone, struct cai_unit *run, uint32_t at, uint32_t count)
{
    enum cai_unit_kind kind = (enum cai_unit_kind)run->kind;
    uint32_t head = cai_unit_number(run);
    uint32_t end = head + run->units;

    cai_free_run_unlink(zone, run);
    cai_run_withdraw(run);
    if (at + count < end)
        cai_run_shorten(zone, head, at + count - head);
    if (at > head)
        cai_run_shorten(zone, head, at - head);
    /* Neighbours of one kind were merged before: these stay alone. */
    if (at > head)
        cai_free_run_insert(zone, head, at - head, kind);
    if (at + count < end)
        cai_free_run_insert(zone, at + count, end - at - count, kind);
}

void cai_free_run_forget(struct cai_zone *zone)
{
    zone->dirty = zone->fresh = zone->bare = (struct cai_bins){.occupied = 0};
    zone->oldest = zone->newest = 0;
    zone->dirty_units = 0;
}
