/* See slab.h. Searching a slab of short slots means comparing its state bytes 16 at a time with "in slab": 64 KiB of
 * 16-byte slots are searched in 256 steps, so a bitmap of free slots would only be a second truth.
 */
#include "blocks/slab.h"

#include "base/bits.h"
#include "base/check.h"
#include "base/probe.h"
#include "base/sixteen.h"
#include "blocks/order.h"
#include "blocks/stale.h"
#include "blocks/wall.h"
#include "core/chance.h"
#include "core/checks.h"
#include "core/settings.h"
#include "os/os.h"
#include "pages/run.h"

#include <string.h>

/* From this length on, a search looks at each slot's byte alone. */
enum { LONG_GRANULES = 8 };

/* A slab begins at one of so many offsets: 1 KiB of fine slots has one cache line of state bytes. */
enum { COLOURS = 8, COLOUR_BYTES = 1024 };

static unsigned granule_shift(const struct cai_unit *slab)
{
    return cai_grain_shift(cai_zone_grain(slab->zone));
}

static size_t slot_granules(const struct cai_unit *slab)
{
    return cai_class_bytes(slab->size_class) >> granule_shift(slab);
}

struct cai_unit *cai_slab_create(struct cai_heap *heap, enum cai_place place, unsigned size_class)
{
    enum cai_grain grain = cai_class_grain(size_class);
    unsigned number = cai_zone_number(place, grain);
    uint32_t units = cai_class_slab_units(size_class);
    struct cai_unit *slab = cai_run_take(&cai_zones[number], units, 1, CAI_UNIT_SLAB);

    if (slab == NULL)
        return NULL;
    cai_store_relaxed(&slab->size_class, (uint8_t)size_class);
    cai_store_relaxed(&slab->slots, cai_slab_slots(size_class, units));
    if (CAI_HARDENS)
        cai_wall_plan(slab);
    /* Begin at another slot in each slab: hot slots and their state bytes would share cache sets otherwise. Near the
     * front, so that a slab that replaces another one in warm memory touches the same pages. */
    uint32_t start = (uint32_t)((cai_unit_number(slab) * UINT64_C(0x9e3779b9) >> 8) % COLOURS * COLOUR_BYTES /
                                cai_class_bytes(size_class));
    if (CAI_HARDENS && (cai_settings->checks & CAI_CHECK_random) != 0)
        start = (uint32_t)(cai_chance_bits() % slab->slots);
    cai_store_relaxed(&slab->start, start);
    slab->fresh = 0;
    slab->used = 0;
    slab->cursor = 0;
    cai_store_relaxed(&slab->listed, 0);
    struct cai_owned *owned = &cai_view_of(number)->owner[cai_unit_number(slab)];
    for (uint32_t i = 0; i < units; i++)
        cai_store_relaxed(&owned[i].size_class, (uint8_t)size_class);
    cai_run_publish(slab, CAI_UNIT_SLAB, heap->id);
    if (CAI_HARDENS)
        cai_wall_build(slab);
    CAI_PROBE(slab_begin, place, cai_class_bytes(size_class), cai_unit_address(slab));
    return slab;
}

/* A free slot leaves the slab: what the thread that freed it wrote there comes before what we do with it. */
static void *leave(uint8_t *state, uintptr_t address, size_t bytes)
{
    uint8_t before = cai_load_acquire(state);

    cai_store_relaxed(state, (uint8_t)(before | CAI_STATE_CACHED));
    if (CAI_DELAYS && (before & CAI_STATE_ZERO) != 0)
        cai_stale_look((char *)address, bytes);
    return (void *)address;
}

/* Slots that were handed out before and came back, from the cursor to the end. Long slots: one look at each. */
static uint32_t take_returned_long(struct cai_unit *slab, void **end, uint32_t count)
{
    uint8_t *state = cai_slab_states(slab);
    uintptr_t address = cai_slab_begin(slab);
    size_t bytes = cai_class_bytes(slab->size_class);
    size_t step = slot_granules(slab);
    uint32_t taken = 0;

    for (uint32_t slot = slab->cursor; slot < slab->slots; slot++) {
        if (!cai_state_is_in_slab(cai_load_relaxed(&state[slot * step])))
            continue;
        if (taken == count) {
            slab->cursor = slot;
            return taken;
        }
        *--end = leave(&state[slot * step], address + slot * bytes, bytes);
        taken++;
    }
    slab->cursor = 0;
    return taken;
}

/* 16 slots of 16 bytes at once: all of these bytes are in the slab, so nobody else writes any of them. */
CAI_INLINE void leave_all(cai_bytes16 chunk, uint8_t *state, uintptr_t address, void **end)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    chunk |= CAI_STATE_CACHED;
    memcpy(state, &chunk, sizeof chunk);
    for (unsigned i = 0; i < sizeof chunk; i++)
        *--end = (void *)(address + ((uintptr_t)i << CAI_FINE_SHIFT));
}

/* Short slots: 16 state bytes at a time, which is from two to sixteen slots. */
CAI_NO_TSAN static uint32_t take_returned_short(struct cai_unit *slab, void **end, uint32_t count)
{
    unsigned shift = granule_shift(slab);
    uint8_t *state = cai_slab_states(slab);
    uintptr_t address = cai_slab_begin(slab);
    size_t bytes = cai_class_bytes(slab->size_class);
    size_t granules = (size_t)slab->units << (CAI_UNIT_SHIFT - shift);
    uint32_t taken = 0;

    for (size_t at = slab->cursor; at < granules; at += sizeof(cai_bytes16)) {
        cai_bytes16 chunk;
        memcpy(&chunk, state + at, sizeof chunk);
        cai_words2 match = (cai_words2)((chunk & (uint8_t)~CAI_STATE_ZERO) == CAI_STATE_IN_SLAB);
        if ((match[0] | match[1]) == 0)
            continue;
        if (!CAI_DELAYS && (match[0] & match[1]) == UINT64_MAX && count - taken >= sizeof chunk) {
            leave_all(chunk, state + at, address + (at << shift), end - taken);
            taken += sizeof chunk;
            continue;
        }
        for (unsigned half = 0; half < 2; half++)
            for (uint64_t found = match[half]; found != 0;) {
                if (taken == count) {
                    slab->cursor = (uint32_t)at;
                    return taken;
                }
                unsigned bit = (unsigned)__builtin_ctzll(found) & ~7u;
                size_t granule = at + half * 8 + bit / 8;
                *(end - ++taken) = leave(&state[granule], address + (granule << shift), bytes);
                found &= ~(UINT64_C(0xff) << bit);
            }
    }
    slab->cursor = 0;
    return taken;
}

/* Slots that were never handed out, to the end of the slab at most. Their states are stored one by one: what a child
 * counts anew has to be those at the front. */
static uint32_t take_fresh_until_end(struct cai_unit *slab, void **end, uint32_t count)
{
    /* What is said to be zero the hardened library reads before it is written: of what was never touched that would
     * bring each page in twice. */
    bool tells = slab->zeroed && (!CAI_HARDENS || cai_place_zeroes((enum cai_place)(slab->zone / CAI_GRAINS)));
    uint8_t cached = tells ? CAI_STATE_CACHED | CAI_STATE_ZERO : CAI_STATE_CACHED;
    size_t step = slot_granules(slab);
    size_t bytes = cai_class_bytes(slab->size_class);
    bool wraps = slab->start + slab->fresh >= slab->slots;
    uint32_t slot = slab->start + slab->fresh - (wraps ? slab->slots : 0);
    uint32_t most = (uint32_t)cai_min(count, (wraps ? slab->start : slab->slots) - slot);
    uint8_t *state = cai_slab_states(slab) + slot * step;
    uintptr_t address = cai_slab_begin(slab) + slot * bytes;

    for (void **const last = end - most; end != last;) {
        cai_store_relaxed(state, cached);
        *--end = (void *)address;
        state += step;
        address += bytes;
    }
    slab->fresh += most;
    return most;
}

static uint32_t take_fresh(struct cai_unit *slab, void **end, uint32_t count)
{
    uint32_t taken = take_fresh_until_end(slab, end, count);

    return taken + take_fresh_until_end(slab, end - taken, count - taken);
}

uint32_t cai_slab_room(const struct cai_unit *slab)
{
    return slab->slots > slab->used ? slab->slots - slab->used : 0;
}

uint32_t cai_slab_take(struct cai_unit *slab, void **end, uint32_t count)
{
    uint32_t taken = 0;

    if (slab->used < slab->fresh)
        taken = slot_granules(slab) < LONG_GRANULES ? take_returned_short(slab, end, count)
                                                    : take_returned_long(slab, end, count);
    taken += take_fresh(slab, end - taken, count - taken);
    slab->used += taken;
    if (CAI_HARDENS && (cai_settings->checks & CAI_CHECK_order) != 0)
        cai_order_mix(end, taken);
    return taken;
}

void cai_slab_remote_free(struct cai_unit *slab, uint32_t count, struct cai_heap *owner)
{
    cai_add_seq_cst(&slab->remote, count);
    if (owner == NULL || cai_load_seq_cst(&slab->returned) != 0 || cai_exchange_seq_cst(&slab->returned, 1) != 0)
        return;
    struct cai_unit *first = cai_load_relaxed(&owner->returned);
    do
        cai_store_relaxed(&slab->next_returned, first);
    while (!cai_swap_weak_release(&owner->returned, &first, slab));
}

void cai_slab_collect(struct cai_unit *slab)
{
    slab->used -= (uint32_t)cai_min(slab->used, cai_exchange_seq_cst(&slab->remote, 0));
}

/* Short slots: no state byte here says that its block is live, cached, or waits. False: a look at each can tell. */
CAI_NO_TSAN static bool all_returned(const struct cai_unit *slab)
{
    const uint8_t *state = cai_slab_states(slab);
    const uint8_t *end = state + ((size_t)slab->units << (CAI_UNIT_SHIFT - granule_shift(slab)));
    cai_words2 other = {0, 0};

    for (; state < end; state += sizeof(cai_bytes16)) {
        cai_bytes16 chunk;
        memcpy(&chunk, state, sizeof chunk);
        other |= ~((cai_words2)(chunk == CAI_STATE_NONE) | (cai_words2)((chunk & 0xc0) == CAI_STATE_RECORD) |
                   (cai_words2)((chunk & (uint8_t)~CAI_STATE_ZERO) == CAI_STATE_IN_SLAB));
    }
    return (other[0] | other[1]) == 0;
}

/* The counters say empty; that no state byte says live is looked up as well, because a block that two threads free in
 * the same instant, or that one frees while another makes it longer, could be counted twice. A count that is too low is
 * put right here: by the time all but what was counted twice came back. */
bool cai_slab_is_empty(struct cai_unit *slab)
{
    const uint8_t *state = cai_slab_states(slab);
    size_t step = slot_granules(slab);
    uint32_t used = 0;

    if (slab->used != 0)
        return false;
    if (step < LONG_GRANULES && all_returned(slab))
        return true;
    for (uint32_t slot = 0; slot < slab->slots; slot++) {
        uint8_t now = cai_load_relaxed(&state[slot * step]);
        used += now != CAI_STATE_NONE && !cai_state_is_in_slab(now);
    }
    slab->used = used;
    return used == 0;
}
