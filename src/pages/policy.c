/* See policy.h. Chunk by chunk: what is refused for one is tried again for the next. */
#include "pages/policy.h"

#include "pages/mapping.h"

#include <capalloc/protect.h>

_Static_assert((int)CA_PROTECT_NO_DUMP == (int)CAI_PROTECT_NO_DUMP &&
                   (int)CA_PROTECT_WIPE_ON_FORK == (int)CAI_PROTECT_WIPE_ON_FORK &&
                   (int)CA_PROTECT_LOCK == (int)CAI_PROTECT_LOCK && (int)CA_PROTECT_HIDE == (int)CAI_PROTECT_HIDE &&
                   (int)CA_PROTECT_ALL == (int)CAI_PROTECT_ALL,
               "flags are passed through");

/* Locked in pieces of 1 MiB: what is left of the limit is used up. */
enum { PIECE_UNITS = 1 << (20 - CAI_UNIT_SHIFT) };

enum { GUARDS = 4 };

static unsigned wanted = CAI_PROTECT_NO_DUMP; /* atomic */
static unsigned refused;                      /* atomic */
static unsigned impossible;                   /* atomic: what failed when it was last tried without need */
static size_t guarded_units[GUARDS];          /* atomic: units with each guard */

static struct cai_unit *unit_at(const struct cai_zone *zone, uint32_t number)
{
    return cai_view_of(zone->number)->units + number;
}

static uintptr_t address_of(const struct cai_zone *zone, uint32_t number)
{
    return cai_view_of(zone->number)->origin + ((uintptr_t)number << CAI_UNIT_SHIFT);
}

static bool is_protected_zone(unsigned number)
{
    return cai_place_zeroes((enum cai_place)(number / CAI_GRAINS));
}

static void refuse(unsigned flags)
{
    __atomic_fetch_or(&refused, flags, __ATOMIC_RELAXED);
}

static bool any_guard(void)
{
    size_t any = 0;

    for (unsigned i = 0; i < GUARDS; i++)
        any |= cai_load_relaxed(&guarded_units[i]);
    return any != 0;
}

/* The kernel keeps the two apart. */
static bool differ(unsigned left, unsigned right)
{
    return ((left ^ right) & ~(unsigned)CAI_GUARD_FIRST) != 0 || (right & CAI_GUARD_FIRST) != 0;
}

static void set_guard(struct cai_unit *unit, unsigned guard)
{
    unsigned changed = unit->guard ^ guard;

    cai_mappings_guarded(differ(unit[-1].guard, guard) + differ(guard, unit[1].guard) -
                         differ(unit[-1].guard, unit->guard) - differ(unit->guard, unit[1].guard));
    for (unsigned i = 0; i < GUARDS; i++)
        if ((changed >> i & 1) != 0)
            cai_add_relaxed(&guarded_units[i], (guard >> i & 1) != 0 ? (size_t)1 : (size_t)-1);
    unit->guard = (uint8_t)guard;
}

/* --- getting protection --- */

/* Tries for what is wanted and missing in a range with one guard; returns the guard it has then. */
static unsigned protect_range(uintptr_t address, size_t length, unsigned guard, unsigned want, bool resident)
{
    if ((guard & CAI_GUARD_HIDDEN) != 0)
        return guard;
    guard = cai_os_no_dump(address, length) ? guard & ~(unsigned)CAI_GUARD_DUMPED : guard | CAI_GUARD_DUMPED;
    if ((want & CAI_PROTECT_WIPE_ON_FORK) != 0 && (guard & CAI_GUARD_WIPED) == 0 &&
        cai_os_wipe_on_fork(address, length))
        guard |= CAI_GUARD_WIPED;
    if ((want & CAI_PROTECT_LOCK) != 0 && (guard & CAI_GUARD_LOCKED) == 0 && cai_os_lock(address, length, resident))
        guard |= CAI_GUARD_LOCKED;
    return guard;
}

/* What is wanted and not there with this guard. */
static unsigned missing(unsigned guard, unsigned want)
{
    return (guard & CAI_GUARD_HIDDEN) != 0 ? 0 : want & ~(guard ^ CAI_GUARD_DUMPED);
}

/* What these units lack afterwards. */
static unsigned protect(struct cai_zone *zone, uint32_t head, uint32_t units, bool resident)
{
    unsigned want = cai_load_relaxed(&wanted);
    uint32_t piece_max = (want & CAI_PROTECT_LOCK) != 0 ? PIECE_UNITS : units;
    unsigned lacks = 0;

    while (units > 0) {
        struct cai_unit *unit = unit_at(zone, head);
        unsigned before = unit->guard;
        uint32_t piece = 1;
        while (piece < units && piece < piece_max && unit[piece].guard == before)
            piece++;
        unsigned guard = protect_range(address_of(zone, head), (size_t)piece << CAI_UNIT_SHIFT, before, want, resident);
        for (uint32_t i = 0; guard != before && i < piece; i++)
            set_guard(&unit[i], guard);
        lacks |= missing(guard, want);
        head += piece;
        units -= piece;
    }
    return lacks;
}

void cai_policy_protect(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    refuse(protect(zone, head, units, false));
}

enum cai_map cai_policy_map(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    uintptr_t address = address_of(zone, head);
    size_t length = (size_t)units << CAI_UNIT_SHIFT;

    /* Each hidden range is a mapping of its own, whatever lies beside it. */
    if ((cai_load_relaxed(&wanted) & CAI_PROTECT_HIDE) != 0 && cai_mappings_allow(2)) {
        enum cai_map result = cai_os_map_hidden(address, length);
        if (result == CAI_MAP_TAKEN)
            return result;
        if (result == CAI_MAP_DONE) {
            for (uint32_t i = 0; i < units; i++)
                set_guard(unit_at(zone, head + i), i == 0 ? CAI_GUARD_HIDDEN | CAI_GUARD_FIRST : CAI_GUARD_HIDDEN);
            return result;
        }
    }
    enum cai_map result = cai_os_map(address, length, true);
    if (result == CAI_MAP_DONE)
        cai_policy_protect(zone, head, units);
    return result;
}

void cai_policy_forget(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    if (is_protected_zone(zone->number) && any_guard())
        for (uint32_t i = 0; i < units; i++)
            set_guard(unit_at(zone, head + i), 0);
}

/* --- what protection forbids --- */

bool cai_policy_hides(void)
{
    return (cai_load_relaxed(&wanted) & CAI_PROTECT_HIDE) != 0;
}

bool cai_policy_may_move(const struct cai_zone *zone)
{
    return !is_protected_zone(zone->number) || (cai_load_relaxed(&wanted) == CAI_PROTECT_NO_DUMP && !any_guard());
}

static bool is_hidden(const struct cai_unit *unit)
{
    return (unit->guard & CAI_GUARD_HIDDEN) != 0;
}

bool cai_policy_is_hidden(const struct cai_zone *zone, uint32_t number)
{
    return is_hidden(unit_at(zone, number));
}

/* A mapping goes on from the unit before this one into it. */
static bool is_inside(const struct cai_unit *unit)
{
    return is_hidden(unit) && (unit->guard & CAI_GUARD_FIRST) == 0;
}

enum cai_way cai_policy_way(const struct cai_zone *zone, uint32_t head, uint32_t units, bool unmap)
{
    const struct cai_unit *first = unit_at(zone, head);
    bool hidden = false;

    if (is_protected_zone(zone->number) && cai_load_relaxed(&guarded_units[3]) != 0)
        for (uint32_t i = 0; !hidden && i < units; i++)
            hidden = is_hidden(first + i);
    if (!hidden)
        return unmap ? CAI_WAY_UNMAP : CAI_WAY_DISCARD;
    bool whole = !is_inside(first) && (head + units >= zone->frontier || !is_inside(first + units));
    return whole ? CAI_WAY_UNMAP_ONLY : CAI_WAY_KEEP;
}

/* --- asking for more --- */

/* Tries the flags on unit 0 of a zone, which is never used; its lock is held. Returns what was refused. */
static unsigned probe(const struct cai_zone *zone, unsigned flags)
{
    uintptr_t address = address_of(zone, 0);
    unsigned failed = 0;

    if ((flags & CAI_PROTECT_HIDE) != 0) {
        if (cai_os_map_hidden(address, CAI_UNIT_BYTES) != CAI_MAP_DONE)
            failed |= CAI_PROTECT_HIDE;
        else
            cai_os_unmap(address, CAI_UNIT_BYTES);
    }
    flags &= ~(unsigned)CAI_PROTECT_HIDE;
    if (cai_os_map(address, CAI_UNIT_BYTES, true) != CAI_MAP_DONE)
        return failed | flags;
    failed |= missing(protect_range(address, CAI_UNIT_BYTES, 0, flags, false), flags);
    cai_os_unmap(address, CAI_UNIT_BYTES);
    return failed;
}

void cai_policy_want(unsigned more)
{
    struct cai_zone *zone = &cai_zones[cai_zone_number(CAI_PLACE_secret, CAI_FINE)];

    /* Before the lock is taken: who maps meanwhile either sees it or is seen by cai_policy_apply. */
    __atomic_fetch_or(&wanted, more, __ATOMIC_RELAXED);
    cai_lock_take(&zone->lock);
    unsigned failed = probe(zone, more);
    cai_store_relaxed(&impossible, (impossible & ~more) | failed);
    refuse(failed);
    cai_lock_give(&zone->lock);
}

/* The zone's lock is held. A busy run belongs to who gives it back: what fails there has been unmapped. */
static void apply(struct cai_zone *zone)
{
    for (uint32_t head = 1; head < zone->frontier; head += unit_at(zone, head)->units) {
        const struct cai_unit *run = unit_at(zone, head);
        bool used = run->kind == CAI_UNIT_SLAB || run->kind == CAI_UNIT_LARGE;
        if (run->kind == CAI_UNIT_BARE || run->kind == CAI_UNIT_NONE)
            continue;
        unsigned lacks = protect(zone, head, run->units, used);
        if (run->kind != CAI_UNIT_BUSY)
            refuse(lacks);
    }
}

void cai_policy_apply(void)
{
    for (unsigned number = 0; number < CAI_ZONES; number++)
        if (is_protected_zone(number)) {
            cai_lock_take(&cai_zones[number].lock);
            apply(&cai_zones[number]);
            cai_lock_give(&cai_zones[number].lock);
        }
}

/* --- fork --- */

/* Zeros where the parent's hidden mapping is, as well protected as they can be here. */
static void replace_hidden(struct cai_zone *zone, uint32_t head, uint32_t units)
{
    for (uint32_t i = 0; i < units; i++)
        set_guard(unit_at(zone, head + i), 0);
    if (cai_policy_map(zone, head, units) == CAI_MAP_DONE)
        return;
    /* Nobody knows what lies there: better uncharged memory than a fault where the program expects its own. */
    if (cai_os_map(address_of(zone, head), (size_t)units << CAI_UNIT_SHIFT, false) == CAI_MAP_DONE)
        cai_policy_protect(zone, head, units);
    else
        refuse(CAI_PROTECT_ALL);
}

static void renew(struct cai_zone *zone)
{
    for (uint32_t head = 1, next; head < zone->frontier; head = next) {
        struct cai_unit *unit = unit_at(zone, head);
        unsigned guard = unit->guard & ~(unsigned)CAI_GUARD_FIRST;
        next = head + 1;
        while (next < zone->frontier && unit_at(zone, next)->guard == guard)
            next++;
        if (is_hidden(unit)) {
            replace_hidden(zone, head, next - head);
        } else if ((guard & CAI_GUARD_LOCKED) != 0) {
            for (uint32_t i = head; i < next; i++)
                set_guard(unit_at(zone, i), guard & ~(unsigned)CAI_GUARD_LOCKED);
            cai_policy_protect(zone, head, next - head);
        }
    }
}

void cai_policy_after_fork_in_child(void)
{
    cai_mappings_after_fork_in_child();
    if (cai_load_relaxed(&guarded_units[2]) == 0 && cai_load_relaxed(&guarded_units[3]) == 0)
        return;
    for (unsigned number = 0; number < CAI_ZONES; number++)
        if (is_protected_zone(number))
            renew(&cai_zones[number]);
}

struct cai_policy_numbers cai_policy_numbers(void)
{
    struct cai_policy_numbers numbers = {.wanted = cai_load_relaxed(&wanted),
                                         .refused = cai_load_relaxed(&refused),
                                         .impossible = cai_load_relaxed(&impossible)};

    for (unsigned number = 0; number < CAI_ZONES; number++)
        if (is_protected_zone(number)) {
            cai_lock_take(&cai_zones[number].lock);
            numbers.mapped_units += cai_zones[number].committed_units;
            cai_lock_give(&cai_zones[number].lock);
        }
    numbers.dumped_units = cai_load_relaxed(&guarded_units[0]);
    numbers.wiped_units = cai_load_relaxed(&guarded_units[1]);
    numbers.locked_units = cai_load_relaxed(&guarded_units[2]);
    numbers.hidden_units = cai_load_relaxed(&guarded_units[3]);
    return numbers;
}
