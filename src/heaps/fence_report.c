/* See fence_report.h. All of it but the start happens in a signal handler, perhaps on a small stack; nothing is locked,
 * and what is looked up may change meanwhile.
 */
#include "heaps/fence_report.h"

#include "base/atomic.h"
#include "base/tools.h"
#include "blocks/exact.h"
#include "blocks/fence.h"
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
    else if (CAI_HARDENS)
        report_large(fault);
    return false;
}

void cai_fence_report_start(void)
{
    cai_os_fault_watch(seen);
}
