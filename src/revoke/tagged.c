/* See tagged.h. Only granules whose tags are set are asked; then all is read as any other memory. */
#include "revoke/tagged.h"

#include "base/bits.h"
#include "blocks/find.h"
#include "cap/concentrate.h"
#include "cap/tags.h"
#include "revoke/scan.h"

/* The block that begins at this state byte waits. */
static bool waits(const struct cai_view *view, enum cai_grain grain, uintptr_t start)
{
    return cai_state_waits(cai_load_relaxed(&view->state[cai_granule_of(view, grain, (const void *)start)]));
}

static bool run_has(const struct cai_unit *run, uintptr_t address)
{
    return address - cai_unit_address(run) < (size_t)run->units << CAI_UNIT_SHIFT;
}

/* The run that holds an address below its zone's frontier. A unit within a large run does not know its head. */
static const struct cai_unit *run_of(const struct cai_zone *zone, const struct cai_view *view, uint32_t number,
                                     uintptr_t address)
{
    const struct cai_unit *unit = view->units + number;
    const struct cai_unit *head = view->units + unit->head;

    if (unit->kind == CAI_UNIT_LARGE)
        return unit;
    if (unit->head < zone->frontier && run_has(head, address))
        return head;
    for (uint32_t at = 1; at < zone->frontier; at += view->units[at].units)
        if (run_has(view->units + at, address))
            return view->units + at;
    return unit;
}

/* The address lies in a block that was given back and waits. */
static bool is_in_waiting(uintptr_t address)
{
    if (cai_place_of((const void *)address) == CAI_PLACE_none)
        return false;
    for (enum cai_grain grain = CAI_FINE; grain < CAI_GRAINS; grain++) {
        unsigned number = cai_zone_number(cai_place_of((const void *)address), grain);
        const struct cai_view *view = cai_view_of(number);
        uintptr_t unit = (address - view->origin) >> CAI_UNIT_SHIFT;
        if (unit == 0 || unit >= cai_zones[number].frontier)
            continue;
        const struct cai_unit *run = run_of(&cai_zones[number], view, (uint32_t)unit, address);
        uintptr_t in = address - cai_unit_address(run);
        if (run->kind == CAI_UNIT_LARGE)
            return waits(view, grain, address - in);
        if (run->kind == CAI_UNIT_GUARDED)
            return in - run->block_at < cai_class_bytes(run->size_class) &&
                   cai_state_waits(cai_load_relaxed(cai_guarded_state(run)));
        if (run->kind != CAI_UNIT_SLAB || address < cai_slab_begin(run))
            return false;
        return waits(view, grain, address - (address - cai_slab_begin(run)) % cai_class_bytes(run->size_class));
    }
    return false;
}

/* A stale capability becomes null: without its tag it would be a word to the next sweep. Whoever was stopped while he
 * loads it may still have seen the tag, and then gets one without permissions. */
CAI_UNSEEN static void revoke_if_stale(uint64_t *tags, uintptr_t granule)
{
    volatile uint64_t *words = (uint64_t *)granule;

    if (!is_in_waiting((uintptr_t)cai_concentrate_decode(words[1], words[0]).base))
        return;
    cai_and_relaxed(tags, ~cai_tags_bit(granule));
    words[0] = words[1] = 0;
}

void cai_scan_tagged(uintptr_t begin, size_t bytes)
{
    static const uintptr_t word_bytes = (uintptr_t)1 << CAI_TAGS_WORD_SHIFT;
    static const uintptr_t chunk_bytes = (uintptr_t)1 << CAI_TAGS_CHUNK_SHIFT;
    uintptr_t end = begin + bytes;

    for (uintptr_t at = begin; at < end && cai_tags_held(at);) {
        uintptr_t covered = cai_round_down(at, word_bytes);
        uint64_t *word = cai_tags_word(at);
        for (uint64_t tags = word != NULL ? cai_load_acquire(word) : 0; tags != 0; tags &= tags - 1) {
            uintptr_t granule = covered + ((uintptr_t)__builtin_ctzll(tags) << CAI_TAGS_GRANULE_SHIFT);
            if (granule >= begin && granule < end)
                revoke_if_stale(word, granule);
        }
        /* Without a word nothing in the chunk has a tag. */
        at = word != NULL ? covered + word_bytes : cai_round_down(at, chunk_bytes) + chunk_bytes;
    }
    cai_scan((const void *)begin, bytes);
}
