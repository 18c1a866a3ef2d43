/* See inside.h. A unit of a slab leads to the slab's head. Those inside a large block say nothing that holds, or what
 * they were before: they are passed over, back to one that starts a block and reaches as far.
 */
#include "harden/inside.h"

static const struct cai_inside nothing = {NULL, CAI_STATE_NONE};

static struct cai_inside in_slab(const struct cai_view *view, enum cai_grain grain, const struct cai_unit *slab,
                                 size_t unit, uintptr_t address)
{
    unsigned size_class = cai_load_relaxed(&slab->size_class);
    uintptr_t start = view->origin + (unit << CAI_UNIT_SHIFT);

    if (size_class == 0 || size_class > CAI_CLASS_LAST)
        return nothing;
    start += cai_class_lead(size_class, (uint32_t)unit);
    if (address < start)
        return nothing;
    uint32_t offset = (uint32_t)(address - start); /* slabs are short, and so is the division */
    const char *block = (const char *)address - offset % (uint32_t)cai_class_bytes(size_class);
    uint8_t state = cai_load_relaxed(&view->state[cai_granule_of(view, grain, block)]);
    bool known = cai_state_is_live(state) || cai_state_waits(state) || state >= CAI_STATE_IN_SLAB;
    return known ? (struct cai_inside){block, state} : nothing;
}

static struct cai_inside in_large(const struct cai_view *view, size_t unit)
{
    size_t last = CAI_INSIDE_BYTES_MAX >> CAI_UNIT_SHIFT;

    for (size_t back = 0; back <= last && back < unit; back++) {
        size_t at = unit - back;
        const struct cai_unit *run = view->units + at;
        uint8_t state = cai_load_relaxed(&view->state[at << (CAI_UNIT_SHIFT - CAI_COARSE_SHIFT)]);
        if (!cai_state_is_live(state) && !cai_state_waits(state))
            continue; /* what once started here may be inside a longer block by now */
        bool reaches = cai_load_relaxed(&run->kind) == CAI_UNIT_LARGE && cai_load_relaxed(&run->units) > back;
        return reaches ? (struct cai_inside){(const char *)view->origin + (at << CAI_UNIT_SHIFT), state} : nothing;
    }
    return nothing;
}

/* What lies beside it cannot be touched anyway. */
static struct cai_inside in_guarded(const struct cai_unit *run, uintptr_t address)
{
    uintptr_t block = cai_guarded_address(run);

    if (address - block >= cai_class_bytes(run->size_class))
        return nothing;
    return (struct cai_inside){(const char *)block, cai_load_relaxed(cai_guarded_state(run))};
}

struct cai_inside cai_inside_of(enum cai_place place, const void *address)
{
    for (enum cai_grain grain = CAI_FINE; grain < CAI_GRAINS; grain++) {
        const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
        uintptr_t offset = (uintptr_t)address - view->origin;
        if (offset >> cai_grain_shift(grain) >= cai_load_relaxed(&view->granules))
            continue;
        size_t unit = offset >> CAI_UNIT_SHIFT;
        size_t head = cai_load_relaxed(&view->units[unit].head);
        const struct cai_unit *run = view->units + head;
        if (head != 0 && head <= unit && cai_load_relaxed(&run->kind) == CAI_UNIT_GUARDED)
            return in_guarded(run, (uintptr_t)address);
        bool in = head != 0 && head <= unit && cai_load_relaxed(&run->kind) == CAI_UNIT_SLAB &&
                  unit - head < cai_load_relaxed(&run->units);
        return in ? in_slab(view, grain, run, head, (uintptr_t)address) : in_large(view, unit);
    }
    return nothing;
}
