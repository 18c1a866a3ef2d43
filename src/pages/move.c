/* See move.h. */
#include "pages/move.h"

#include "pages/commit.h"
#include "pages/free_run.h"
#include "pages/mapping.h"
#include "pages/policy.h"
#include "pages/run.h"

#include <string.h>

static size_t bytes_of(uint32_t units)
{
    return (size_t)units << CAI_UNIT_SHIFT;
}

static enum cai_place place_of(const struct cai_unit *run)
{
    return (enum cai_place)(run->zone / CAI_GRAINS);
}

/* Somebody who holds the zone's lock may read the pages of a block (the audit of pointer-free memory), or change their
 * protection. */
static bool must_lock(const struct cai_unit *run)
{
    return place_of(run) != CAI_PLACE_ordinary;
}

static void set_apart(struct cai_zone *zone, const struct cai_unit *to)
{
    cai_lock_take(&zone->lock);
    cai_mappings_set_apart(zone, cai_unit_number(to), to->units);
    cai_lock_give(&zone->lock);
}

bool cai_run_move(struct cai_unit *from, struct cai_unit *to)
{
    struct cai_zone *zone = &cai_zones[from->zone];
    bool locked = must_lock(from);

    if (locked)
        cai_lock_take(&zone->lock);
    bool may = cai_policy_may_move(zone) && cai_mappings_allow_apart(zone);
    bool moved =
        may && cai_os_move(cai_unit_address(from), bytes_of(from->units), cai_unit_address(to), bytes_of(to->units));
    if (may && !moved && cai_place_zeroes(place_of(from)))
        cai_policy_protect(zone, cai_unit_number(to), to->units); /* it may have been mapped again */
    if (locked)
        cai_lock_give(&zone->lock);
    if (moved)
        set_apart(zone, to);
    return moved;
}

/* --- without room for both --- */

bool cai_run_may_slide(const struct cai_unit *from)
{
    return !cai_place_zeroes(place_of(from)) && cai_mappings_allow_apart(&cai_zones[from->zone]);
}

/* How far it has come, in one word, which stands in the target: so that in the child of a fork that stopped it at any
 * instruction it can go on. `units` from `at` on are on their way, to the target or back; those before them are there,
 * those after them here. */
struct progress {
    uint32_t at;
    uint32_t units : 31;
    uint32_t back : 1;
};

_Static_assert(sizeof(struct progress) == sizeof(uint64_t), "one store");

static void note(struct cai_unit *to, struct progress progress)
{
    uint64_t word;

    memcpy(&word, &progress, sizeof word);
    cai_fence_for_compiler();
    cai_store_relaxed(&to->slides, word);
    cai_fence_for_compiler();
}

static struct progress noted(const struct cai_unit *to)
{
    struct progress progress;
    uint64_t word = cai_load_relaxed(&to->slides);

    memcpy(&progress, &word, sizeof word);
    return progress;
}

/* One piece, which may be too long, or lie in several mappings. */
static bool slide_piece(uintptr_t from, uintptr_t to, size_t bytes)
{
    if (cai_os_map(to, bytes, false) != CAI_MAP_DONE)
        return false;
    if (cai_os_move(from, bytes, to, bytes))
        return true;
    cai_os_unmap(to, bytes);
    return false;
}

/* A unit that has to go back, whatever is refused. Without its target being mapped first, where there is room for
 * nothing: the kernel says so only of addresses that nobody has. Where nothing can be moved any more, because others
 * have used up the mappings meanwhile, its content goes. */
static bool bring_back(uintptr_t from, uintptr_t to)
{
    enum cai_map mapped = cai_os_map(to, CAI_UNIT_BYTES, false);

    if (mapped != CAI_MAP_TAKEN && cai_os_move(from, CAI_UNIT_BYTES, to, CAI_UNIT_BYTES))
        return true;
    if (mapped != CAI_MAP_DONE)
        return false;
    memcpy((void *)to, (const void *)from, CAI_UNIT_BYTES);
    cai_os_unmap(from, CAI_UNIT_BYTES);
    return true;
}

static bool slide_on(const struct cai_unit *from, struct cai_unit *to)
{
    uintptr_t source = cai_unit_address(from), target = cai_unit_address(to);
    uint32_t piece = from->units;

    for (uint32_t there = noted(to).at; there < from->units;) {
        uint32_t units = (uint32_t)cai_min(piece, from->units - there);
        note(to, (struct progress){.at = there, .units = units});
        bool done = slide_piece(source + bytes_of(there), target + bytes_of(there), bytes_of(units));
        there += done ? units : 0;
        note(to, (struct progress){.at = there});
        if (!done && units == 1)
            return false;
        if (!done)
            piece = (units + 1) / 2;
    }
    return true;
}

/* Somebody maps at fixed addresses, and did so twice while this lasted: where the block was, and where it was to be. Or
 * others have used up addresses and mappings, both to the last. */
static CAI_COLD _Noreturn void give_up(void)
{
    static const char text[] = "capalloc: a block that realloc was moving can go neither on nor back: its addresses "
                               "are taken, or the system refuses everything\n";

    cai_os_write_error(text, sizeof text - 1);
    __builtin_trap();
}

static void slide_back(const struct cai_unit *from, struct cai_unit *to)
{
    uintptr_t source = cai_unit_address(from), target = cai_unit_address(to);
    uint32_t piece = from->units;

    note(to, (struct progress){.at = noted(to).at, .back = 1});
    cai_os_unmap(target + bytes_of(from->units), bytes_of(to->units - from->units)); /* makes room for a piece */
    for (uint32_t there = noted(to).at; there > 0;) {
        uint32_t units = (uint32_t)cai_min(piece, there);
        uint32_t at = there - units;
        note(to, (struct progress){.at = at, .units = units, .back = 1});
        uintptr_t giver = target + bytes_of(at), taker = source + bytes_of(at);
        bool done = units == 1 ? bring_back(giver, taker) : slide_piece(giver, taker, bytes_of(units));
        there = done ? at : there;
        note(to, (struct progress){.at = there, .back = 1});
        if (!done && units == 1)
            give_up();
        if (!done)
            piece = (units + 1) / 2;
    }
}

/* In the child: what was on its way is on one side. Mapped for it on the other is what is there as a whole: else it was
 * about to be, or somebody else's memory was in the way. */
static void settle(const struct cai_unit *from, struct cai_unit *to)
{
    struct progress was = noted(to);
    uintptr_t here = cai_unit_address(from) + bytes_of(was.at), there = cai_unit_address(to) + bytes_of(was.at);
    uintptr_t giver = was.back ? there : here, taker = was.back ? here : there;
    size_t bytes = bytes_of(was.units);
    bool is_there = was.back;

    if (bytes != 0 && !cai_os_is_mapped(giver, bytes))
        is_there = !is_there;
    else if (bytes != 0 && cai_os_is_mapped(taker, bytes))
        cai_os_unmap(taker, bytes);
    note(to, (struct progress){.at = was.at + (is_there ? was.units : 0), .back = was.back});
}

bool cai_run_slide(struct cai_unit *from, struct cai_unit *to, bool again)
{
    struct cai_zone *zone = &cai_zones[from->zone];

    cai_lock_take(&zone->lock);
    if (again)
        settle(from, to);
    bool done = !noted(to).back && slide_on(from, to);
    if (!done)
        slide_back(from, to);
    if (done)
        cai_mappings_set_apart(zone, cai_unit_number(to), to->units);
    else
        cai_run_is_bare(to, from->units);
    cai_lock_give(&zone->lock);
    return done;
}
