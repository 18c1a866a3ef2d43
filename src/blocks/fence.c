/* See fence.h. */
#include "blocks/fence.h"

#include "os/guard.h"
#include "os/os.h"

/* No block starts with these: what is guarded, and by which way (os/guard.h). TAIL: from `shut_from` on. PART: any of
 * it, by any. HELD: a tail by these ways, and what lies before it is forbidden, and keeps its pages. */
enum {
    NONE = 0,
    TAIL = CAI_RECORD + 4,
    ALL = CAI_RECORD + 8,
    PART = CAI_RECORD + 12,
    HELD = CAI_RECORD + 16,
    WAYS = 3,
};
_Static_assert((CAI_SHUT_BY_GUARD | CAI_SHUT_BY_MAPPING) == WAYS, "two bits tell the ways");

/* Shorter runs are cleared when they are freed: to guard all of 128 KiB, and to get its pages anew, takes thirty times
 * as long. */
#define CLEARED_BYTES_MAX (192 * CAI_KIB)

/* Up to here what waits keeps its pages, if of so many bytes in the middle half is there. */
#define HELD_BYTES_MAX (32 * CAI_MIB)
#define HELD_BYTES_ASKED (128 * CAI_KIB)

/* A guard by mapping is a mapping of its own, and parts what lies around it. */
enum { MAPPINGS = 2, SHARE = 4 };

static uint32_t mappings; /* atomic: those of guards */

static bool is_on(void)
{
    return (cai_settings->checks & CAI_CHECK_guard) != 0;
}

static uintptr_t start_of(struct cai_live live)
{
    return cai_unit_address(cai_live_run(live));
}

static uint8_t marked(struct cai_live live)
{
    return cai_load_relaxed(live.state + 1);
}

/* Where something is guarded a mark says so, before and after: a thread may not be there any more, in the child of a
 * fork, to say it later. */
static void mark(struct cai_live live, uint8_t what)
{
    cai_fence_for_compiler();
    cai_store_relaxed(live.state + 1, what);
    cai_fence_for_compiler();
}

static uint8_t kind_of(uint8_t mark)
{
    return mark & (uint8_t)~WAYS;
}

static bool is_mapped(uint8_t mark)
{
    return (mark & CAI_SHUT_BY_MAPPING) != 0 && mark != NONE;
}

void cai_fence_unmap(void)
{
    cai_add_relaxed(&mappings, (uint32_t)-MAPPINGS);
}

bool cai_fence_may_map(void)
{
    if (cai_add_relaxed(&mappings, MAPPINGS) + MAPPINGS <= cai_settings->mappings_max / SHARE)
        return true;
    cai_fence_unmap();
    return false;
}

/* From this offset to its end. Returns by which ways, those of before with them: memory that was locked since takes no
 * more guards, and keeps those that it has. 0: by none, and what was there may be gone. */
static unsigned guard_from(struct cai_live live, size_t from, uint8_t before)
{
    uintptr_t address = start_of(live) + from;
    size_t length = cai_slot_bytes(live) - from;

    if (cai_os_guard(address, length))
        return CAI_SHUT_BY_GUARD | (before & CAI_SHUT_BY_MAPPING);
    if (!is_mapped(before) && !cai_fence_may_map())
        return 0;
    unsigned ways = cai_os_shut(address, length);
    if (ways != CAI_SHUT_BY_MAPPING && !is_mapped(before))
        cai_fence_unmap();
    return ways != 0 ? ways | (before & WAYS) : 0;
}

size_t cai_fence_room(void)
{
    return is_on() ? cai_settings->page_bytes : 0;
}

size_t cai_fence_open_bytes(struct cai_live live)
{
    switch (kind_of(marked(live))) {
    case NONE:
        return cai_slot_bytes(live);
    case TAIL:
        return (size_t)cai_load_relaxed(&cai_live_run(live)->shut_from) * cai_settings->page_bytes;
    default:
        return 0;
    }
}

void cai_fence_none(struct cai_live live)
{
    cai_store_relaxed(live.state + 1, NONE);
}

/* It is guarded in one way from where `from` says on: from `to` on instead. What lies between is opened, or guarded as
 * well. */
static void shift(struct cai_live live, size_t from, size_t to, uint8_t before)
{
    unsigned ways = before & WAYS;

    mark(live, (uint8_t)(PART | (before & CAI_SHUT_BY_MAPPING)));
    if (from > to)
        ways = guard_from(live, to, before);
    else if (!cai_os_unshut(start_of(live) + from, to - from, ways))
        ways = 0;
    cai_store_relaxed(&cai_live_run(live)->shut_from, (uint32_t)(to / cai_settings->page_bytes));
    if (ways != 0)
        mark(live, (uint8_t)(TAIL | ways));
    else
        cai_fence_lift(live);
}

/* The whole of what lies before its tail. False: it cannot be done, and nothing has changed. */
static bool hold(struct cai_live live, uint8_t before)
{
    size_t open = cai_fence_open_bytes(live);

    if (open == 0 || (!is_mapped(before) && !cai_fence_may_map()))
        return false;
    cai_store_relaxed(&cai_live_run(live)->shut_from, (uint32_t)(open / cai_settings->page_bytes));
    mark(live, (uint8_t)(PART | CAI_SHUT_BY_MAPPING));
    bool held = cai_os_forbid(start_of(live), open);
    if (!held && !is_mapped(before))
        cai_fence_unmap();
    mark(live, held ? (uint8_t)(HELD | (before & WAYS)) : before);
    return held;
}

/* It has a tail again, or nothing, and what lies before is zero. */
static void let_go(struct cai_live live)
{
    uint8_t ways = marked(live) & WAYS;
    size_t length = (size_t)cai_load_relaxed(&cai_live_run(live)->shut_from) * cai_settings->page_bytes;

    if (kind_of(marked(live)) != HELD)
        return;
    mark(live, (uint8_t)(PART | CAI_SHUT_BY_MAPPING));
    cai_os_unshut(start_of(live), length, CAI_SHUT_BY_MAPPING);
    if (!is_mapped(ways))
        cai_fence_unmap();
    mark(live, ways != 0 ? (uint8_t)(TAIL | ways) : (uint8_t)NONE);
}

void cai_fence_tail(struct cai_live live)
{
    let_go(live);
    size_t used = cai_usable_bytes(live);
    size_t open = cai_fence_open_bytes(live);
    uint8_t before = marked(live);

    if (!is_on() || used >= cai_slot_bytes(live))
        cai_fence_lift(live);
    else if (before == NONE || used != open)
        shift(live, open, used, before);
}

static bool is_cleared(struct cai_live live, size_t most)
{
    return (cai_settings->checks & CAI_CHECK_zero) != 0 && cai_slot_bytes(live) <= most;
}

bool cai_fence_keeps_pages(struct cai_live live)
{
    if (!is_on() || !is_cleared(live, HELD_BYTES_MAX) || is_cleared(live, CLEARED_BYTES_MAX))
        return false;
    size_t before = cai_round_down((cai_slot_bytes(live) - HELD_BYTES_ASKED) / 2, cai_settings->page_bytes);
    return cai_os_resident(start_of(live) + before, HELD_BYTES_ASKED) >= HELD_BYTES_ASKED / 2;
}

bool cai_fence_is_shut(struct cai_live live)
{
    return kind_of(marked(live)) == ALL || kind_of(marked(live)) == HELD;
}

bool cai_fence_all(struct cai_live live, bool is_clear)
{
    uint8_t before = marked(live);

    if (!is_on() || is_cleared(live, CLEARED_BYTES_MAX))
        return false;
    if (is_clear && hold(live, before))
        return true;
    mark(live, (uint8_t)(PART | (before & CAI_SHUT_BY_MAPPING)));
    unsigned ways = guard_from(live, 0, before);
    if (ways != 0)
        mark(live, (uint8_t)(ALL | ways));
    else
        cai_fence_lift(live);
    return ways != 0;
}

void cai_fence_lift(struct cai_live live)
{
    let_go(live);
    uint8_t before = marked(live);
    bool is_part = kind_of(before) == PART;
    size_t from = is_part ? 0 : cai_fence_open_bytes(live);
    uintptr_t address = start_of(live) + from;
    size_t length = cai_slot_bytes(live) - from;

    if (before == NONE)
        return;
    cai_os_unshut(address, length, is_part ? WAYS : before & WAYS);
    if (is_mapped(before))
        cai_fence_unmap();
    mark(live, NONE);
}

enum cai_guards cai_fence_guards(void)
{
    if ((cai_settings->checks & (CAI_CHECK_guard | CAI_CHECK_wall)) == 0)
        return CAI_GUARDS_NONE;
    return cai_os_guards_work() ? CAI_GUARDS_KERNEL : CAI_GUARDS_MAPPINGS;
}
