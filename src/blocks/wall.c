/* See wall.h. */
#include "blocks/wall.h"

#include "blocks/fence.h"
#include "blocks/slab.h"
#include "core/chance.h"
#include "core/tagging.h"
#include "os/guard.h"

/* One slab in so many. A wall takes no memory, but the slots that it is in the place of lie in another slab. */
enum { RATE = 8 };

/* Below this part of its slab a page is too much: where pages are as long as units. */
enum { PART_MAX = 8 };

/* In `wall` of a slab, beside the ways of os/guard.h: planned, or being built. In the child of a fork whoever built it
 * may not be there, and it is by either way, or not there. */
enum { PLANNED = CAI_SHUT_BY_GUARD | CAI_SHUT_BY_MAPPING };

static bool any; /* atomic */

static size_t slab_bytes(const struct cai_unit *slab)
{
    return (size_t)slab->units << CAI_UNIT_SHIFT;
}

static uintptr_t place_of(const struct cai_unit *slab)
{
    return cai_unit_address(slab) + slab_bytes(slab) - cai_settings->page_bytes;
}

uintptr_t cai_wall_of(const struct cai_unit *slab)
{
    return cai_load_relaxed(&slab->wall) != 0 ? place_of(slab) : 0;
}

uint32_t cai_wall_slots(const struct cai_unit *slab)
{
    return (uint32_t)((place_of(slab) - cai_slab_begin(slab)) / cai_class_bytes(slab->size_class));
}

bool cai_wall_is_any(void)
{
    return cai_load_relaxed(&any);
}

/* Memory that must be zero may be locked, or hidden: guards are not for all of it. Where blocks have tags, what lies
 * behind one has another, and tags of neighbours are read, which a wall forbids. */
void cai_wall_plan(struct cai_unit *slab)
{
    bool due = (cai_settings->checks & CAI_CHECK_wall) != 0 && cai_chance_bits() % RATE == 0;
    bool may = !cai_tags_are_on() && !cai_place_zeroes((enum cai_place)(slab->zone / CAI_GRAINS)) &&
               cai_settings->page_bytes <= slab_bytes(slab) / PART_MAX;

    cai_store_relaxed(&slab->wall, due && may ? PLANNED : 0);
    if (due && may)
        cai_store_relaxed(&slab->slots, cai_wall_slots(slab));
}

void cai_wall_build(struct cai_unit *slab)
{
    if (cai_load_relaxed(&slab->wall) == 0)
        return;
    unsigned ways = cai_os_guard(place_of(slab), cai_settings->page_bytes) ? CAI_SHUT_BY_GUARD : 0;
    if (ways == 0 && cai_fence_may_map()) {
        ways = cai_os_shut(place_of(slab), cai_settings->page_bytes);
        if (ways != CAI_SHUT_BY_MAPPING)
            cai_fence_unmap();
    }
    cai_fence_for_compiler();
    cai_store_relaxed(&slab->wall, (uint8_t)ways);
    cai_store_relaxed(&any, true);
}

void cai_wall_lift(struct cai_unit *slab)
{
    uint8_t ways = cai_load_relaxed(&slab->wall);

    if (ways == 0)
        return;
    cai_os_unshut(place_of(slab), cai_settings->page_bytes, ways);
    if (ways == CAI_SHUT_BY_MAPPING)
        cai_fence_unmap();
    cai_fence_for_compiler();
    cai_store_relaxed(&slab->wall, 0);
}
