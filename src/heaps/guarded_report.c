/* See guarded_report.h. All of it may happen in a signal handler, on a small stack: the line is out before anything
 * else is looked at, and texts have their room from the start.
 */
#include "heaps/guarded_report.h"

#include "base/atomic.h"
#include "base/decimal.h"
#include "blocks/find.h"
#include "core/callers.h"
#include "core/settings.h"
#include "core/violation.h"
#include "heaps/access.h"
#include "os/guard.h"

#include <string.h>

struct cai_guarded cai_guarded_table[CAI_GUARDED_MAX];

uint8_t cai_guarded_filling = 0xa5;

/* What is being reported: of several threads the last, whose process ends by it. */
static const struct cai_guarded *told; /* atomic */
static uintptr_t told_code;            /* atomic; 0: the calls are those of whoever reports */

enum { PART_BYTES = CAI_CALLERS_BYTES / CAI_CALLERS_PARTS };

static size_t add_calls(char *text, enum cai_callers_part part, const uintptr_t *frames, size_t count)
{
    char *end = stpcpy(stpcpy(text, cai_callers_title(part)), "\n");
    size_t length = (size_t)(end - text);

    return length + cai_callers_list(text + length, PART_BYTES - length, frames, count);
}

static size_t write_calls(char text[CAI_CALLERS_BYTES])
{
    const struct cai_guarded *entry = cai_load_acquire(&told);
    uintptr_t frames[CAI_ACCESS_FRAMES];
    size_t length = add_calls(text, CAI_CALLERS_USED, frames, cai_access_calls(frames, cai_load_relaxed(&told_code)));

    length += add_calls(text + length, CAI_CALLERS_ALLOCATED, entry->taken.frame, entry->taken.count);
    if (entry->given.count != 0)
        length += add_calls(text + length, CAI_CALLERS_FREED, entry->given.frame, entry->given.count);
    text[length] = '\0';
    return length;
}

static void report(const struct cai_guarded *entry, ca_violation violation, uintptr_t code)
{
    const struct cai_unit *run = entry->run;

    violation.address = (const void *)cai_guarded_address(run);
    violation.size = run->exact;
    violation.place = cai_place_name((enum cai_place)(run->zone / CAI_GRAINS));
    cai_store_relaxed(&told_code, code);
    cai_store_release(&told, entry);
    cai_violation_report_with(violation, write_calls);
}

/* --- what was written beside it --- */

void cai_guarded_report_beside(const struct cai_guarded *entry, size_t behind, size_t before)
{
    char found[80];
    size_t bytes = behind != 0 ? behind : before;
    char *end = cai_decimal_add(found, bytes);

    end = stpcpy(end, bytes == 1 ? " byte written " : " bytes written ");
    stpcpy(end, behind != 0 ? "behind a live block" : "before a live block");
    report(entry,
           (ca_violation){.kind = behind != 0 ? CA_VIOLATION_OVERFLOW : CA_VIOLATION_UNDERFLOW,
                          .function = "free",
                          .stated = behind != 0 ? "nothing written behind it" : "nothing written before it",
                          .found = found},
           0);
}

/* --- faults --- */

static const struct cai_guarded *entry_at(uintptr_t address)
{
    for (unsigned i = 0; i < CAI_GUARDED_MAX; i++) {
        const struct cai_guarded *entry = &cai_guarded_table[i];
        const struct cai_unit *run = cai_load_acquire(&entry->run);
        if (cai_load_acquire(&entry->state) != CAI_GUARDED_FREE && run != NULL &&
            address - cai_unit_address(run) < (uintptr_t)run->units << CAI_UNIT_SHIFT)
            return entry;
    }
    return NULL;
}

bool cai_guarded_seen(const struct cai_fault *fault)
{
    const struct cai_guarded *entry = entry_at(fault->address);
    char stated[CAI_ACCESS_TEXT];

    if (entry == NULL)
        return false;
    const struct cai_unit *run = entry->run;
    uintptr_t block = cai_guarded_address(run);
    bool is_live = cai_state_is_live(cai_load_acquire(cai_guarded_state(run)));
    cai_access_state(stated, fault, block);
    report(entry,
           (ca_violation){.kind = !is_live                 ? CA_VIOLATION_USE_AFTER_FREE
                                  : fault->address < block ? CA_VIOLATION_UNDERFLOW
                                                           : CA_VIOLATION_OVERFLOW,
                          .function = cai_access_name(fault->access),
                          .stated = stated,
                          .found = is_live ? "a live block" : "a freed block"},
           fault->code);
    /* A handler lets the program go on: the access hits nothing of anybody's. */
    size_t page = cai_settings->page_bytes;
    return cai_os_unshut(cai_round_down(fault->address, page), page, entry->ways);
}
