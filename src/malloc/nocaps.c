/* See nocaps.h. */
#include "malloc/nocaps.h"

#include "heap/find.h"
#include "heap/large.h"

#include <string.h>

CAI_NOINLINE void cai_back_free_slow(void *address, const char *function)
{
    if (cai_back_place(address) == CAI_PLACE_nocaps)
        cai_heap_free(CAI_PLACE_nocaps, address, function);
    else
        cai_heap_free_slow(CAI_PLACE_ordinary, address, function);
}

/* The descriptor of the run that a live block lies in. */
static struct cai_unit *run_of(struct cai_live live)
{
    return cai_slab_of(cai_view_of(cai_zone_number(CAI_PLACE_nocaps, live.grain)), live.grain, live.granule);
}

static void note(struct cai_live live, size_t bytes, bool inferred)
{
    struct cai_unit *run = run_of(live);

    /* As in cai_nocaps_note_fine; what ca_shrink may have left in such a slot is undone. */
    if (live.size_class == 1)
        cai_store_relaxed(live.state, 1);
    else if (live.size_class == 0)
        *cai_large_exact(CAI_PLACE_nocaps, live.granule) = cai_max(bytes, 1);
    else
        cai_record_set(live.state, live.size_class, cai_max(bytes, 1));
    if (inferred && cai_load_relaxed(&run->inferred) == 0)
        cai_store_relaxed(&run->inferred, 1);
}

void cai_nocaps_note(void *address, size_t bytes, bool inferred)
{
    note(cai_find_live(CAI_PLACE_nocaps, address), bytes, inferred);
}

void *cai_nocaps_resize(void *address, size_t bytes, bool inferred, const char *function)
{
    struct cai_live live = cai_find_live(CAI_PLACE_nocaps, address);

    if (live.state != NULL)
        inferred = inferred || cai_load_relaxed(&run_of(live)->inferred) != 0;
    void *resized = cai_heap_resize(CAI_PLACE_nocaps, address, bytes, function);
    if (resized != NULL)
        cai_nocaps_note(resized, bytes, inferred);
    return resized;
}

void *cai_nocaps_leave(void *address, size_t bytes, const char *function)
{
    size_t usable = cai_heap_usable(CAI_PLACE_nocaps, address, function);
    void *moved = usable != 0 ? cai_heap_allocate(CAI_PLACE_ordinary, bytes, false) : NULL;

    if (moved == NULL)
        return NULL;
    memcpy(moved, address, cai_min(bytes, usable));
    cai_heap_free(CAI_PLACE_nocaps, address, function);
    return moved;
}
