/* See walk.h. */
#include "heaps/walk.h"

#include "blocks/exact.h"
#include "heaps/account.h"
#include "heaps/authority.h"
#include "heaps/runs.h"

/* Bytes gone over before the lock is given back, and how often a size is read that another thread may be writing. */
enum { STEP_BYTES = 4 << 20, TRIES = 4 };

/* The block that begins at `offset`, if it is live. Its size is where a thread that changes it may be writing, and the
 * account that owns it may end with all that it has and serve another: what is read twice and is the same was so. */
CAI_NO_TSAN static bool look(unsigned zone, size_t offset, uint32_t owner, struct cai_walked *found)
{
    uint8_t *state = &cai_view_of(zone)->state[offset >> cai_grain_shift(cai_zone_grain(zone))];

    for (unsigned i = 0; i < TRIES; i++) {
        uint32_t node = cai_account_node(owner);
        uint8_t byte = cai_load_acquire(state);
        if (!cai_state_is_open(byte))
            return false;
        struct cai_live live = cai_find_of_state(state, byte);
        if (live.size_class > CAI_CLASS_LAST)
            return false;
        size_t exact = cai_exact_bytes(live);
        *found = (struct cai_walked){.place = (enum cai_place)(zone / CAI_GRAINS),
                                     .block = cai_live_address(live),
                                     .exact = exact <= cai_slot_bytes(live) ? exact : 0,
                                     .slot_bytes = cai_slot_bytes(live),
                                     .node = node,
                                     .wiped = cai_state_is_wiped(byte)};
        if (cai_load_acquire(state) == byte && cai_exact_bytes(live) == exact && cai_account_node(owner) == node)
            return true;
    }
    return false;
}

static uint32_t owner_of(unsigned zone, const struct cai_unit *run)
{
    return cai_load_acquire(&cai_view_of(zone)->owner[cai_unit_number(run)].id);
}

/* How long its slots are; 0: it has none, or not yet. */
CAI_NO_TSAN static size_t slots_of(const struct cai_unit *run)
{
    unsigned size_class = cai_load_relaxed(&run->size_class);

    return cai_load_acquire(&run->kind) != CAI_UNIT_SLAB || size_class == 0 || size_class > CAI_CLASS_LAST
               ? 0
               : cai_class_bytes(size_class);
}

/* Where the first of them is. */
CAI_NO_TSAN static size_t slots_begin(const struct cai_unit *run)
{
    return cai_run_begin(run) + cai_class_lead(cai_load_relaxed(&run->size_class), cai_unit_number(run));
}

/* Where the block of a run that holds one begins; SIZE_MAX: it holds none. */
CAI_NO_TSAN static size_t block_of(const struct cai_unit *run)
{
    unsigned kind = cai_load_acquire(&run->kind);

    return kind == CAI_UNIT_LARGE     ? cai_run_begin(run)
           : kind == CAI_UNIT_GUARDED ? cai_run_begin(run) + cai_load_relaxed(&run->block_at)
                                      : SIZE_MAX;
}

/* The first block in the run that begins at *offset or behind, before so many bytes were gone over. True: it is found;
 * *offset is where to go on. */
static bool next_in(const struct cai_unit *run, size_t *offset, size_t *budget, struct cai_walked *found)
{
    size_t slot_bytes = slots_of(run), end = cai_run_end(run), block = block_of(run);
    uint32_t owner = owner_of(run->zone, run);
    bool is_found = false;

    if (slot_bytes == 0) {
        is_found = block != SIZE_MAX && block >= *offset && look(run->zone, block, owner, found);
        *offset = end;
        return is_found;
    }
    size_t begin = slots_begin(run);
    size_t slot = begin + (cai_max(*offset, begin) - begin + slot_bytes - 1) / slot_bytes * slot_bytes;
    for (; !is_found && slot + slot_bytes <= end && *budget > 0; slot += slot_bytes) {
        is_found = look(run->zone, slot, owner, found);
        *budget -= cai_min(*budget, slot_bytes);
    }
    *offset = slot + slot_bytes <= end ? slot : end;
    return is_found;
}

/* Whether it is one of the node's, or below. */
static bool is_of(const struct cai_unit *run, uint32_t node)
{
    uint32_t owner = owner_of(run->zone, run);

    return owner != 0 && cai_authority_is_within(cai_account_node(owner), node);
}

/* One step in one zone; at its end *offset is SIZE_MAX. */
static bool step(unsigned zone, uint32_t node, size_t *offset, struct cai_walked *found)
{
    size_t budget = STEP_BYTES;
    bool is_found = false;

    *offset = cai_max(*offset, CAI_UNIT_BYTES);
    cai_lock_take(&cai_zones[zone].lock);
    const struct cai_unit *run = *offset >> CAI_UNIT_SHIFT < cai_zones[zone].frontier
                                     ? cai_runs_at(zone, (uint32_t)(*offset >> CAI_UNIT_SHIFT))
                                     : NULL;
    while (run != NULL && !is_found && budget > 0) {
        size_t end = cai_run_end(run);
        if (is_of(run, node))
            is_found = next_in(run, offset, &budget, found);
        else
            *offset = end;
        budget -= cai_min(budget, CAI_UNIT_BYTES);
        if (*offset == end)
            run = cai_runs_next(run);
    }
    cai_lock_give(&cai_zones[zone].lock);
    if (run == NULL)
        *offset = SIZE_MAX;
    return is_found;
}

bool cai_walk_next(struct cai_walk_at *at, uint32_t node, struct cai_walked *found)
{
    bool is_found = false;

    while (!is_found && at->zone < CAI_ZONES) {
        is_found = step(at->zone, node, &at->offset, found);
        if (at->offset == SIZE_MAX)
            *at = (struct cai_walk_at){at->zone + 1, 0};
    }
    return is_found;
}

bool cai_walk_find(uintptr_t address, struct cai_walked *found)
{
    enum cai_place place = cai_place_of((const void *)address);
    bool is_found = false;

    if (place == CAI_PLACE_none)
        return false;
    for (enum cai_grain grain = CAI_FINE; !is_found && grain < CAI_GRAINS; grain++) {
        unsigned zone = cai_zone_number(place, grain);
        uintptr_t offset = address - cai_view_of(zone)->origin;
        if (offset >> CAI_UNIT_SHIFT >= cai_load_relaxed(&cai_zones[zone].frontier))
            continue;
        cai_lock_take(&cai_zones[zone].lock);
        const struct cai_unit *run = cai_runs_at(zone, (uint32_t)(offset >> CAI_UNIT_SHIFT));
        size_t slot_bytes = run != NULL ? slots_of(run) : 0;
        size_t block = run != NULL ? block_of(run) : SIZE_MAX;
        if (slot_bytes != 0)
            block = offset < slots_begin(run) ? SIZE_MAX : offset - (offset - slots_begin(run)) % slot_bytes;
        is_found = block <= offset && look(zone, block, owner_of(zone, run), found);
        cai_lock_give(&cai_zones[zone].lock);
    }
    return is_found && address - found->block < (found->exact != 0 ? found->exact : found->slot_bytes);
}
