/* See words.h. */
#include "heaps/words.h"

#include "base/tools.h"
#include "blocks/exact.h"
#include "core/tagging.h"
#include "heaps/runs.h"

/* Bytes looked at before the lock is given back: a fifth of a millisecond. */
enum { STEP_BYTES = 1 << 20 };

/* Those whose blocks were promised to hold no pointers. */
static const unsigned walked[] = {
    CAI_PLACE_nocaps * CAI_GRAINS + CAI_FINE,
    CAI_PLACE_nocaps *CAI_GRAINS + CAI_COARSE,
    CAI_PLACE_secret *CAI_GRAINS + CAI_FINE,
    CAI_PLACE_secret *CAI_GRAINS + CAI_COARSE,
};
enum { WALKED = sizeof walked / sizeof *walked };

struct step {
    unsigned zone;
    struct cai_word *words;
    size_t count, most;
    size_t budget;
};

static bool is_full(const struct step *step)
{
    return step->count == step->most || step->budget == 0;
}

/* A run that was just taken has its state bytes cleared without the lock: none of the old ones is live. */
CAI_NO_TSAN static uint8_t state_at(unsigned zone, size_t offset)
{
    return cai_load_relaxed(&cai_view_of(zone)->state[offset >> cai_grain_shift(cai_zone_grain(zone))]);
}

/* The words of one block from `from` on; returns where to go on. Volatile: the program may write them meanwhile. */
CAI_NO_TSAN static size_t scan(struct step *step, uintptr_t block, size_t bytes, size_t from)
{
    size_t end = cai_round_down(bytes, sizeof(uintptr_t));
    size_t last = cai_min(end, from + cai_min(step->budget, end));

    for (; from < last && step->count < step->most; from += sizeof(uintptr_t)) {
        uintptr_t value = *(const volatile uintptr_t *)(block + from);
        value = (uintptr_t)cai_tags_off((const void *)value);
        if (CAI_TOOLS)
            cai_tools_known(&value, sizeof value);
        if (CAI_LIKELY((value - cai_sealed.places) >> cai_sealed.shift >= CAI_PLACES))
            continue;
        step->words[step->count++] = (struct cai_word){.place = (enum cai_place)(step->zone / CAI_GRAINS),
                                                       .block = block,
                                                       .bytes = bytes,
                                                       .offset = from,
                                                       .value = value};
    }
    return from;
}

/* How long a live small block is where every door records it; 0: it is not live, or was wiped. */
CAI_NO_TSAN static size_t recorded_bytes(unsigned zone, size_t offset, unsigned size_class)
{
    const uint8_t *state = &cai_view_of(zone)->state[offset >> cai_grain_shift(cai_zone_grain(zone))];
    uint8_t live = cai_load_relaxed(state);

    return cai_state_is_live(live) && !cai_state_is_wiped(live) ? cai_exact_recorded(state, live, size_class) : 0;
}

CAI_NO_TSAN static size_t scan_slab(struct step *step, const struct cai_unit *slab, size_t offset)
{
    size_t begin = cai_run_begin(slab), end = cai_run_end(slab);
    unsigned size_class = slab->size_class;

    /* One that is just being made has no owner yet, and the class of an earlier one. */
    if (cai_load_relaxed(&cai_view_of(step->zone)->owner[cai_unit_number(slab)].id) == 0 || size_class == 0 ||
        size_class > CAI_CLASS_LAST)
        return end;
    size_t slot_bytes = cai_class_bytes(size_class);
    begin += cai_class_lead(size_class, cai_unit_number(slab));
    offset = cai_max(offset, begin);
    size_t slot = begin + (offset - begin) / slot_bytes * slot_bytes;
    for (; slot + slot_bytes <= end; offset = slot += slot_bytes) {
        if (is_full(step))
            return offset;
        size_t bytes = recorded_bytes(step->zone, slot, size_class);
        size_t done = bytes != 0 ? scan(step, cai_view_of(step->zone)->origin + slot, bytes, offset - slot) : 0;
        if (bytes != 0 && done + sizeof(uintptr_t) <= bytes)
            return slot + done;
        step->budget -= cai_min(step->budget, slot_bytes);
    }
    return end;
}

CAI_NO_TSAN static size_t scan_large(struct step *step, const struct cai_unit *run, size_t offset)
{
    size_t begin = cai_run_begin(run), end = cai_run_end(run);
    size_t from = offset - begin;

    /* A block that is being moved has lost this state, and its pages go under the lock (cai_run_move). */
    if (!cai_state_is_large(state_at(step->zone, begin)))
        return end;
    size_t bytes = cai_min(run->bytes, end - begin);
    size_t done = scan(step, cai_view_of(step->zone)->origin + begin, bytes, from);
    step->budget -= cai_min(step->budget, done - from);
    return done + sizeof(uintptr_t) <= bytes ? begin + done : end;
}

CAI_NO_TSAN static size_t scan_guarded(struct step *step, const struct cai_unit *run, size_t offset)
{
    size_t begin = cai_run_begin(run), end = cai_run_end(run);
    size_t block = begin + run->block_at;
    size_t from = cai_max(offset, block) - block;

    /* One that is being given back has lost this state, and its pages are shut under the lock. */
    if (cai_load_relaxed(cai_guarded_state(run)) != CAI_STATE_GUARDED)
        return end;
    size_t done = scan(step, cai_guarded_address(run), run->exact, from);
    step->budget -= cai_min(step->budget, done - from);
    return done + sizeof(uintptr_t) <= run->exact ? block + done : end;
}

/* Goes on in one zone from `offset`; returns where it stopped, SIZE_MAX at the zone's end. */
static size_t walk(struct step *step, size_t offset)
{
    struct cai_zone *zone = &cai_zones[step->zone];

    offset = cai_max(offset, CAI_UNIT_BYTES);
    cai_lock_take(&zone->lock);
    const struct cai_unit *run = NULL;
    if (offset >> CAI_UNIT_SHIFT < zone->frontier)
        run = cai_runs_at(step->zone, (uint32_t)(offset >> CAI_UNIT_SHIFT));
    while (run != NULL && !is_full(step)) {
        size_t end = cai_run_end(run);
        unsigned kind = cai_load_acquire(&run->kind);
        offset = kind == CAI_UNIT_SLAB      ? scan_slab(step, run, offset)
                 : kind == CAI_UNIT_LARGE   ? scan_large(step, run, offset)
                 : kind == CAI_UNIT_GUARDED ? scan_guarded(step, run, offset)
                                            : end;
        if (offset == end)
            run = cai_runs_next(run);
    }
    cai_lock_give(&zone->lock);
    return run != NULL ? offset : SIZE_MAX;
}

size_t cai_words_next(struct cai_words_at *at, struct cai_word *words, size_t most)
{
    struct step step = {.words = words, .most = most};

    while (step.count == 0 && at->zone < WALKED) {
        step.zone = walked[at->zone];
        step.budget = STEP_BYTES;
        at->offset = walk(&step, at->offset);
        if (at->offset == SIZE_MAX) {
            at->zone++;
            at->offset = 0;
        }
    }
    return step.count;
}

/* --- what they point to --- */

/* A block of ordinary may be malloc's, of which no record is kept. */
static size_t block_bytes(enum cai_place place, unsigned zone, size_t slot, unsigned size_class)
{
    uint8_t live = state_at(zone, slot);

    if (!cai_state_is_live(live))
        return 0;
    return place == CAI_PLACE_ordinary || cai_state_is_wiped(live) ? cai_class_bytes(size_class)
                                                                   : recorded_bytes(zone, slot, size_class);
}

/* The block that the byte at `offset` of the run's zone lies in. */
CAI_NO_TSAN static bool target_in(const struct cai_unit *run, size_t offset, struct cai_target *target)
{
    unsigned zone = run->zone;
    size_t begin = cai_run_begin(run);
    unsigned size_class = run->size_class;

    target->place = (enum cai_place)(zone / CAI_GRAINS);
    if (cai_load_relaxed(&run->kind) == CAI_UNIT_LARGE) {
        target->bytes = cai_state_is_live(state_at(zone, begin)) ? run->bytes : 0;
    } else if (cai_load_relaxed(&run->kind) == CAI_UNIT_SLAB && size_class != 0 && size_class <= CAI_CLASS_LAST) {
        begin += cai_class_lead(size_class, cai_unit_number(run));
        if (offset < begin)
            return false;
        begin += (offset - begin) / cai_class_bytes(size_class) * cai_class_bytes(size_class);
        target->bytes = block_bytes(target->place, zone, begin, size_class);
    } else if (cai_load_relaxed(&run->kind) == CAI_UNIT_GUARDED) {
        begin += run->block_at;
        target->bytes = cai_state_is_live(cai_load_relaxed(cai_guarded_state(run))) ? run->exact : 0;
    } else {
        return false;
    }
    target->block = cai_view_of(zone)->origin + begin;
    return offset - begin < target->bytes;
}

bool cai_words_target(uintptr_t value, struct cai_target *target)
{
    enum cai_place place = cai_place_of((const void *)value);
    bool found = false;

    if (place == CAI_PLACE_none)
        return false;
    for (enum cai_grain grain = CAI_FINE; grain < CAI_GRAINS; grain++) {
        unsigned number = cai_zone_number(place, grain);
        struct cai_zone *zone = &cai_zones[number];
        uintptr_t offset = value - cai_view_of(number)->origin;

        if (offset >> CAI_UNIT_SHIFT >= cai_load_relaxed(&zone->frontier) || offset < CAI_UNIT_BYTES)
            continue;
        cai_lock_take(&zone->lock);
        const struct cai_unit *run = cai_runs_at(number, (uint32_t)(offset >> CAI_UNIT_SHIFT));
        found = run != NULL && target_in(run, offset, target);
        cai_lock_give(&zone->lock);
        break;
    }
    return found;
}
