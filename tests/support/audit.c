/* The audits of zones and zero places; those of slabs and caches stand in audit_heap.c. See audit.h. */
#include "support/audit.h"

#include "blocks/slab.h"
#include "pages/commit.h"
#include "support/audit_say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char said[256];

const char *audit_say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(said, sizeof said, format, arguments);
    va_end(arguments);
    return said;
}

static bool is_free(unsigned kind)
{
    return kind == CAI_UNIT_DIRTY || kind == CAI_UNIT_FRESH || kind == CAI_UNIT_BARE;
}

struct count {
    size_t runs[CAI_UNIT_GUARDED + 1];
    size_t units[CAI_UNIT_GUARDED + 1];
};

static unsigned granules_per_unit(unsigned number)
{
    return 1u << (CAI_UNIT_SHIFT - cai_grain_shift(cai_zone_grain(number)));
}

/* Memory that is known to be zero has no state; dirty memory has none that is live. */
static const char *check_free_state(unsigned number, const struct cai_unit *run)
{
    size_t per_unit = granules_per_unit(number);
    uint32_t head = cai_unit_number(run);
    const uint8_t *state = cai_view_of(number)->state + head * per_unit;

    if (state[0] == 0 && memcmp(state, state + 1, run->units * per_unit - 1) == 0)
        return NULL;
    for (size_t i = 0; i < run->units * per_unit; i++)
        if (run->kind == CAI_UNIT_DIRTY ? cai_state_is_live(state[i]) : state[i] != CAI_STATE_NONE)
            return audit_say("zone %u: free run %u of kind %u has state byte %u at granule %zu", number, head,
                             run->kind, state[i], i);
    return NULL;
}

static const char *check_run(unsigned number, uint32_t head, unsigned before_kind)
{
    const struct cai_zone *zone = &cai_zones[number];
    const struct cai_unit *units = cai_view_of(number)->units;
    const struct cai_unit *run = units + head;

    if (run->units == 0 || run->units > zone->frontier - head)
        return audit_say("zone %u: run %u has length %u, frontier %u", number, head, run->units, zone->frontier);
    if (run->kind == CAI_UNIT_INNER || run->kind == CAI_UNIT_BUSY || run->kind > CAI_UNIT_GUARDED)
        return audit_say("zone %u: head %u has kind %u", number, head, run->kind);
    if (run->zone != number)
        return audit_say("zone %u: run %u says zone %u", number, head, run->zone);
    if (units[head + run->units - 1].head != head)
        return audit_say("zone %u: last unit of run %u leads to %u", number, head, units[head + run->units - 1].head);
    if (is_free(run->kind) && run->kind == before_kind)
        return audit_say("zone %u: run %u and the one before it are both free, of kind %u", number, head, run->kind);
    return is_free(run->kind) ? check_free_state(number, run) : NULL;
}

static const char *walk(unsigned number, struct count *count)
{
    const struct cai_zone *zone = &cai_zones[number];
    const struct cai_unit *units = cai_view_of(number)->units;
    unsigned before_kind = CAI_UNIT_NONE;

    for (uint32_t head = 1; head < zone->frontier; head += units[head].units) {
        const char *wrong = check_run(number, head, before_kind);
        if (wrong != NULL)
            return wrong;
        before_kind = units[head].kind;
        count->runs[before_kind]++;
        count->units[before_kind] += units[head].units;
    }
    return NULL;
}

/* Written from the description, not from the code: 1 to 16 have a bin each, then two per doubling. */
static unsigned bin_of(uint32_t units)
{
    unsigned bin = 15;

    if (units <= 16)
        return units - 1;
    for (uint64_t low = 16; bin < CAI_BINS - 1; low *= 2) {
        if (units < low + low / 2)
            return bin + 1;
        if (units < low * 2)
            return bin + 2 < CAI_BINS ? bin + 2 : CAI_BINS - 1;
        bin += 2;
    }
    return CAI_BINS - 1;
}

static const char *check_bins(unsigned number, const struct cai_bins *bins, unsigned kind, const struct count *count)
{
    const struct cai_unit *units = cai_view_of(number)->units;
    size_t runs = 0;

    for (unsigned bin = 0; bin < CAI_BINS; bin++) {
        uint32_t before = 0;
        if ((bins->occupied >> bin & 1) != (bins->first[bin] != 0))
            return audit_say("zone %u: kind %u: bin %u: bitmap and list differ", number, kind, bin);
        for (uint32_t head = bins->first[bin]; head != 0; before = head, head = units[head].next) {
            if (units[head].kind != kind || units[head].prev != before || bin_of(units[head].units) != bin)
                return audit_say("zone %u: bin %u of kind %u holds run %u of kind %u, length %u, prev %u not %u",
                                 number, bin, kind, head, units[head].kind, units[head].units, units[head].prev,
                                 before);
            if (++runs > count->runs[kind])
                return audit_say("zone %u: bins of kind %u hold more than the %zu runs there are", number, kind,
                                 count->runs[kind]);
        }
    }
    if (bins->runs != runs)
        return audit_say("zone %u: bins of kind %u count %u runs and hold %zu", number, kind, bins->runs, runs);
    if (runs != count->runs[kind])
        return audit_say("zone %u: %zu of %zu runs of kind %u are in bins", number, runs, count->runs[kind], kind);
    return NULL;
}

static const char *check_ages(unsigned number, const struct count *count)
{
    const struct cai_zone *zone = &cai_zones[number];
    const struct cai_unit *units = cai_view_of(number)->units;
    uint32_t before = 0;
    size_t runs = 0;

    for (uint32_t head = zone->oldest; head != 0; before = head, head = units[head].newer) {
        if (units[head].kind != CAI_UNIT_DIRTY || units[head].older != before)
            return audit_say("zone %u: age list: run %u of kind %u, older %u not %u", number, head, units[head].kind,
                             units[head].older, before);
        if (before != 0 && (int32_t)(units[head].stamp_ms - units[before].stamp_ms) < 0)
            return audit_say("zone %u: age list: run %u is older than %u before it", number, head, before);
        if (++runs > count->runs[CAI_UNIT_DIRTY])
            break;
    }
    if (runs != count->runs[CAI_UNIT_DIRTY] || zone->newest != before)
        return audit_say("zone %u: age list has %zu of %zu dirty runs, ends with %u not %u", number, runs,
                         count->runs[CAI_UNIT_DIRTY], before, zone->newest);
    return NULL;
}

const char *audit_zone(unsigned number)
{
    const struct cai_zone *zone = &cai_zones[number];
    struct count count = {.runs = {0}};
    const char *wrong;

    if (zone->frontier <= 1)
        return zone->used_units + zone->committed_units + zone->dirty_units == 0
                   ? NULL
                   : audit_say("zone %u: was never used and counts units", number);
    if (zone->frontier > zone->units_table || zone->units_table > zone->units_max)
        return audit_say("zone %u: frontier %u, tables %u, range %u", number, zone->frontier, zone->units_table,
                         zone->units_max);
    if ((wrong = walk(number, &count)) != NULL ||
        (wrong = check_bins(number, &zone->dirty, CAI_UNIT_DIRTY, &count)) != NULL ||
        (wrong = check_bins(number, &zone->fresh, CAI_UNIT_FRESH, &count)) != NULL ||
        (wrong = check_bins(number, &zone->bare, CAI_UNIT_BARE, &count)) != NULL ||
        (wrong = check_ages(number, &count)) != NULL)
        return wrong;
    size_t used = count.units[CAI_UNIT_SLAB] + count.units[CAI_UNIT_LARGE] + count.units[CAI_UNIT_GUARDED];
    size_t mapped = used + count.units[CAI_UNIT_DIRTY] + count.units[CAI_UNIT_FRESH];
    if (zone->dirty_units != count.units[CAI_UNIT_DIRTY] || zone->used_units != used || zone->committed_units != mapped)
        return audit_say("zone %u counts dirty %zu, used %zu, mapped %zu; there are %zu, %zu, %zu", number,
                         zone->dirty_units, zone->used_units, zone->committed_units, count.units[CAI_UNIT_DIRTY], used,
                         mapped);
    if (zone->used_units_peak < used)
        return audit_say("zone %u: peak %zu below use %zu", number, zone->used_units_peak, used);
    return NULL;
}

const char *audit_all(void)
{
    size_t committed = 0;

    for (unsigned number = 0; number < CAI_ZONES; number++) {
        const char *wrong = audit_zone(number);
        if (wrong != NULL)
            return wrong;
        committed += cai_zones[number].committed_units << CAI_UNIT_SHIFT;
    }
    if (committed != cai_committed_bytes() || cai_committed_bytes_peak() < committed)
        return audit_say("zones have %zu bytes mapped, counted are %zu, peak %zu", committed, cai_committed_bytes(),
                         cai_committed_bytes_peak());
    return audit_heap();
}

bool audit_is_binned(unsigned number, uint32_t head)
{
    const struct cai_zone *zone = &cai_zones[number];
    const struct cai_unit *units = cai_view_of(number)->units;
    const struct cai_bins *bins = units[head].kind == CAI_UNIT_DIRTY   ? &zone->dirty
                                  : units[head].kind == CAI_UNIT_FRESH ? &zone->fresh
                                                                       : &zone->bare;

    for (uint32_t at = bins->first[bin_of(units[head].units)]; at != 0; at = units[at].next)
        if (at == head)
            return true;
    return false;
}

static const char *check_zero(unsigned number, const char *what, const void *memory, size_t bytes)
{
    const char *text = memory;

    if (bytes != 0 && (text[0] != 0 || memcmp(text, text + 1, bytes - 1) != 0))
        return audit_say("zone %u: %s at %p, %zu bytes, is not zero", number, what, memory, bytes);
    return NULL;
}

/* In must-zero places all that is not a live slot, also what was never handed out and what is too short for a slot. */
static const char *check_zero_slots(unsigned number, const struct cai_unit *slab, bool zeroes)
{
    size_t slot_bytes = cai_class_bytes(slab->size_class);
    size_t step = slot_bytes >> cai_grain_shift(cai_zone_grain(number));
    const uint8_t *state = cai_slab_states(slab);
    char *memory = (char *)cai_slab_begin(slab);
    size_t lead = (uintptr_t)memory - cai_unit_address(slab);
    size_t used = slab->slots * slot_bytes;
    const char *wrong = NULL;

    for (size_t i = 0; wrong == NULL && i < slab->slots; i++) {
        uint8_t now = state[i * step];
        if (zeroes ? !cai_state_is_live(now) : now >= CAI_STATE_IN_SLAB && (now & CAI_STATE_ZERO) != 0)
            wrong = check_zero(number, "a free slot", memory + i * slot_bytes, slot_bytes);
    }
    if (wrong == NULL && zeroes)
        wrong = check_zero(number, "the end of a slab", memory + used,
                           ((size_t)slab->units << CAI_UNIT_SHIFT) - used - lead);
    if (wrong == NULL && zeroes)
        wrong = check_zero(number, "the start of a slab", memory - lead, lead);
    return wrong;
}

const char *audit_zeros(bool slots)
{
    const char *wrong = NULL;

    for (unsigned number = 0; number < CAI_ZONES; number++) {
        const struct cai_unit *units = cai_view_of(number)->units;
        bool zeroes = cai_place_zeroes((enum cai_place)(number / CAI_GRAINS));
        for (uint32_t head = 1; wrong == NULL && head < cai_zones[number].frontier; head += units[head].units) {
            const struct cai_unit *run = units + head;
            size_t bytes = (size_t)run->units << CAI_UNIT_SHIFT;
            const uint8_t *state = cai_view_of(number)->state + (size_t)head * granules_per_unit(number);
            if (run->kind == CAI_UNIT_FRESH || (run->kind == CAI_UNIT_DIRTY && zeroes) ||
                (run->kind == CAI_UNIT_LARGE && zeroes && !cai_state_is_live(*state)))
                wrong = check_zero(number, "a free run", (void *)cai_unit_address(run), bytes);
            else if (run->kind == CAI_UNIT_SLAB && slots)
                wrong = check_zero_slots(number, run, zeroes);
        }
    }
    return wrong;
}
