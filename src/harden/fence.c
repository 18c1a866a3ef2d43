/* See fence.h. */
#include "harden/fence.h"

#include "core/checks.h"
#include "os/guard.h"

/* No block starts with these. PART: any of it. */
enum { NONE = 0, TAIL = CAI_RECORD + 1, ALL = CAI_RECORD + 2, PART = CAI_RECORD + 3 };

static bool is_on(void)
{
    return (cai_settings->checks & CAI_CHECK_guard) != 0;
}

static uintptr_t start_of(struct cai_live live)
{
    return cai_unit_address(cai_live_run(live));
}

/* Where something is guarded a mark says so, before and after: a thread may not be there any more, in the child of a
 * fork, to say it later. */
static void mark(struct cai_live live, uint8_t what)
{
    cai_fence_for_compiler();
    cai_store_relaxed(live.state + 1, what);
    cai_fence_for_compiler();
}

size_t cai_fence_room(void)
{
    return is_on() ? cai_settings->page_bytes : 0;
}

void cai_fence_tail(struct cai_live live)
{
    size_t used = cai_usable_bytes(live);
    size_t length = cai_slot_bytes(live);

    uint8_t before = cai_load_relaxed(live.state + 1);

    if (!is_on() || used >= length)
        return;
    mark(live, TAIL);
    if (!cai_os_guard(start_of(live) + used, length - used))
        mark(live, before);
}

bool cai_fence_all(struct cai_live live)
{
    bool guarded = false;

    if (is_on()) {
        mark(live, PART);
        guarded = cai_os_guard(start_of(live), cai_slot_bytes(live));
    }
    if (guarded)
        mark(live, ALL);
    else
        cai_fence_lift(live);
    return guarded;
}

bool cai_fence_lift(struct cai_live live)
{
    uint8_t before = cai_load_relaxed(live.state + 1);

    size_t from = before == TAIL ? cai_usable_bytes(live) : 0;

    if (before != NONE)
        cai_os_unguard(start_of(live) + from, cai_slot_bytes(live) - from);
    mark(live, NONE);
    return before == ALL;
}
