/* See fence_report.h. All of it but the start happens in a signal handler, perhaps on a small stack; nothing is locked,
 * and what is looked up may change meanwhile.
 */
#include "heaps/fence_report.h"

#include "base/atomic.h"
#include "base/tools.h"
#include "blocks/exact.h"
#include "blocks/fence.h"
#include "blocks/wall.h"
#include "core/mode.h"
#include "core/settings.h"
#include "core/violation.h"
#include "heaps/access.h"
#include "heaps/guarded_report.h"
#include "heaps/nothing.h"
#include "heaps/tag_report.h"

/* Of several threads that touch guards at once the last, whose process ends by it. */
static uintptr_t code_told; /* atomic */

static size_t write_calls(char text[CAI_CALLERS_BYTES])
{
    uintptr_t frames[CAI_ACCESS_FRAMES];
    size_t count = cai_access_calls(frames, cai_load_relaxed(&code_told));
    size_t length = cai_callers_list(text, CAI_CALLERS_BYTES - 1, frames, count);

    text[length] = '\0';
    return length;
}

static void report(const struct cai_fault *fault, ca_violation violation, uintptr_t block)
{
    char stated[CAI_ACCESS_TEXT];

    cai_access_state(stated, fault, block);
    violation.address = (const void *)block;
    violation.function = cai_access_name(fault->access);
    violation.stated = stated;
    cai_store_relaxed(&code_told, fault->code);
    cai_violation_report_with(violation, write_calls);
}

/* The large block of a lookup, whatever it is now; without a state: it is none. */
static struct cai_live large_of(struct cai_lookup there)
{
    size_t granule;
    uint8_t *state =
        there.bytes != 0 ? cai_find_state(there.place, CAI_COARSE, (const void *)there.start, &granule) : NULL;
    struct cai_live block = {.state = NULL};

    if (state != NULL)
        block = cai_find_of_state(state, CAI_STATE_LARGE);
    return state != NULL && cai_load_relaxed(&cai_live_run(block)->kind) == CAI_UNIT_LARGE
               ? block
               : (struct cai_live){.state = NULL};
}

static bool is_live(struct cai_live block)
{
    return cai_state_is_live(cai_load_relaxed(block.state));
}

/* What is guarded of a block ends with its unit. Where another one begins there, and that is nearer, it was meant. */
static struct cai_live nearest(struct cai_live before, size_t open, uintptr_t address)
{
    uintptr_t next = cai_round_up(address + 1, CAI_UNIT_BYTES);
    struct cai_lookup there = cai_find_any((const void *)next);
    struct cai_live behind = large_of(there);

    return behind.state != NULL && there.start == next && is_live(behind) &&
                   next - address < address - (cai_live_address(before) + open)
               ? behind
               : before;
}

static void report_large(const struct cai_fault *fault)
{
    if (!CAI_HARDENS) /* said here too: what is not optimised keeps the function */
        return;
    struct cai_lookup there = cai_find_any((const void *)fault->address);
    struct cai_live block = large_of(there);

    if (block.state == NULL)
        return;
    size_t open = cai_fence_open_bytes(block);
    if (fault->address - there.start < open)
        return; /* nothing is guarded there */
    bool live = is_live(block);
    if (live)
        block = nearest(block, open, fault->address);
    uintptr_t start = cai_live_address(block);
    report(fault,
           (ca_violation){.kind = !live                    ? CA_VIOLATION_USE_AFTER_FREE
                                  : fault->address < start ? CA_VIOLATION_UNDERFLOW
                                                           : CA_VIOLATION_OVERFLOW,
                          .size = cai_exact_bytes(block),
                          .place = cai_place_name(there.place),
                          .found = live ? "a live block" : "a freed block"},
           start);
}

/* The slab at whose wall this address is, or NULL. Every unit of a slab leads to its head, without a lock; of another
 * run it may lead anywhere. */
static const struct cai_unit *slab_of(uintptr_t address)
{
    if (!CAI_HARDENS)
        return NULL;
    enum cai_place place = cai_place_of((const void *)address);
    for (enum cai_grain grain = CAI_FINE; place != CAI_PLACE_none && grain < CAI_GRAINS; grain++) {
        const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
        size_t granule = (address - view->origin) >> cai_grain_shift(grain);
        if (granule >= cai_load_relaxed(&view->granules))
            continue;
        const struct cai_unit *run = cai_slab_of(view, grain, granule);
        bool is_slab = cai_load_relaxed(&run->kind) == CAI_UNIT_SLAB;
        uintptr_t wall = is_slab ? cai_wall_of(run) : 0;
        return wall != 0 && address - wall < cai_settings->page_bytes ? run : NULL;
    }
    return NULL;
}

/* The last live block before the wall, or where nothing is live the last one that was. */
static struct cai_live last_of(const struct cai_unit *slab)
{
    uint8_t *state = cai_slab_states(slab);
    size_t step = cai_class_bytes(slab->size_class) >> cai_grain_shift(cai_zone_grain(slab->zone));
    uint32_t slot = slab->slots;

    while (slot > 0 && !cai_state_is_live(cai_load_relaxed(&state[(slot - 1) * step])))
        slot--;
    state += (slot != 0 ? slot - 1 : slab->slots - 1) * step;
    return (struct cai_live){
        .state = state, .byte = cai_load_relaxed(state), .size_class = slab->size_class, .zone = slab->zone};
}

/* The live block that begins where the slab ends, or none. */
static struct cai_live behind(const struct cai_unit *slab)
{
    uintptr_t end = cai_unit_address(slab) + ((uintptr_t)slab->units << CAI_UNIT_SHIFT);
    size_t granule;
    uint8_t *state = cai_find_state((enum cai_place)(slab->zone / CAI_GRAINS), cai_zone_grain(slab->zone),
                                    (const void *)end, &granule);
    uint8_t byte = state != NULL ? cai_load_relaxed(state) : CAI_STATE_NONE;

    return cai_state_is_open(byte) ? cai_find_of_state(state, byte) : (struct cai_live){.state = NULL};
}

/* Who comes from below meets the wall at its start, who comes from above at its end. */
static bool report_wall(const struct cai_fault *fault)
{
    if (!CAI_HARDENS)
        return false;
    const struct cai_unit *slab = slab_of(fault->address);
    if (slab == NULL)
        return false;
    bool is_near_end = fault->address - cai_wall_of(slab) >= cai_settings->page_bytes / 2;
    struct cai_live next = is_near_end ? behind(slab) : (struct cai_live){.state = NULL};
    struct cai_live block = next.state != NULL ? next : last_of(slab);
    bool live = is_live(block);
    report(fault,
           (ca_violation){.kind = next.state != NULL ? CA_VIOLATION_UNDERFLOW : CA_VIOLATION_OVERFLOW,
                          .size = live ? cai_exact_bytes(block) : cai_slot_bytes(block),
                          .place = cai_place_name((enum cai_place)(slab->zone / CAI_GRAINS)),
                          .found = live ? "a live block" : "a freed block"},
           cai_live_address(block));
    return true;
}

static void report_nothing(const struct cai_fault *fault)
{
    if (!CAI_HARDENS)
        return;
    const void *block = cai_nothing_nearest((const void *)fault->address);
    bool live = block != NULL && cai_nothing_is_live(block);

    if (block != NULL)
        report(fault,
               (ca_violation){.kind = live ? CA_VIOLATION_OVERFLOW : CA_VIOLATION_USE_AFTER_FREE,
                              .place = cai_place_name(CAI_PLACE_none),
                              .found = live ? "a live block of no bytes" : "a freed block of no bytes"},
               (uintptr_t)block);
}

static void report_tag(const struct cai_fault *fault)
{
    if (!CAI_TAGS)
        return;
    ca_violation violation = cai_tag_meant(fault);
    if (violation.address != NULL)
        report(fault, violation, (uintptr_t)violation.address);
}

/* False: the process ends as it would have; so does one that its handler lets go on behind a guard, where there is
 * nothing to go on with. */
static bool seen(const struct cai_fault *fault)
{
    if (CAI_TAGS && fault->by_tag) {
        report_tag(fault);
        return false;
    }
    if (cai_guarded_seen(fault))
        return true;
    if (CAI_HARDENS && cai_nothing_is((const void *)fault->address))
        report_nothing(fault);
    else if (CAI_HARDENS && !report_wall(fault))
        report_large(fault);
    return false;
}

void cai_fence_report_start(void)
{
    cai_os_fault_watch(seen);
}
