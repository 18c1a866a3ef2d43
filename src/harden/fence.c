/* See fence.h. */
#include "harden/fence.h"

#include "core/checks.h"
#include "os/guard.h"

/* No block starts with these. */
enum { NONE = 0, TAIL = CAI_RECORD + 1, ALL = CAI_RECORD + 2 };

static bool is_on(void)
{
    return (cai_settings->checks & CAI_CHECK_guard) != 0;
}

static uintptr_t start_of(struct cai_live live)
{
    return cai_unit_address(cai_live_run(live));
}

size_t cai_fence_room(void)
{
    return is_on() ? cai_settings->page_bytes : 0;
}

void cai_fence_tail(struct cai_live live)
{
    size_t used = cai_usable_bytes(live);
    size_t length = cai_slot_bytes(live);

    if (is_on() && used < length && cai_os_guard(start_of(live) + used, length - used))
        cai_store_relaxed(live.state + 1, TAIL);
}

bool cai_fence_all(struct cai_live live)
{
    bool guarded = is_on() && cai_os_guard(start_of(live), cai_slot_bytes(live));

    if (guarded)
        cai_store_relaxed(live.state + 1, ALL);
    else
        cai_fence_lift(live);
    return guarded;
}

bool cai_fence_lift(struct cai_live live)
{
    uint8_t before = cai_load_relaxed(live.state + 1);

    if (before != NONE)
        cai_os_unguard(start_of(live), cai_slot_bytes(live));
    cai_store_relaxed(live.state + 1, NONE);
    return before == ALL;
}
