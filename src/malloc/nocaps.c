/* See nocaps.h. */
#include "malloc/nocaps.h"

#include "heaps/heaps.h"
#include "malloc/early.h"

#include <string.h>

CAI_NOINLINE void cai_back_free_slow(void *address, const char *function)
{
    /* The most frequent first. Before the start NULL alone passes for an address in that place. */
    if (CAI_LIKELY(((uintptr_t)address - cai_sealed.places) >> cai_sealed.shift == CAI_PLACE_ordinary))
        cai_free_slow_ordinary(address, function);
    else if (CAI_LIKELY(address == NULL))
        return;
    else if (cai_back_place(address) == CAI_PLACE_nocaps)
        cai_free(CAI_PLACE_nocaps, address, function);
    else if (!cai_early_owns(address))
        cai_free_slow_ordinary(address, function);
}

CAI_COLD void cai_nocaps_guess(struct cai_unit *run)
{
    cai_store_release(&cai_zones[run->zone].guessed, 1);
    cai_store_release(&run->inferred, 1);
}

static void note(struct cai_live live, size_t bytes, bool inferred)
{
    struct cai_unit *run = cai_live_run(live);

    /* As in cai_nocaps_note_fine; what ca_shrink may have left in such a slot is undone. */
    cai_sample_set_exact(&live, live.size_class == 1 ? 16 : cai_max(bytes, 1));
    if (inferred && cai_load_relaxed(&run->inferred) == 0)
        cai_nocaps_guess(run);
}

void cai_nocaps_note(void *address, size_t bytes, bool inferred)
{
    struct cai_live live = cai_find_live(CAI_PLACE_nocaps, address);

    if (live.state != NULL) /* another thread may have given it back by an old pointer */
        note(live, bytes, inferred);
}

void *cai_nocaps_resize(void *address, size_t bytes, bool inferred, const char *function)
{
    struct cai_live live = cai_find_live(CAI_PLACE_nocaps, address);

    if (live.state != NULL)
        inferred = inferred || cai_load_relaxed(&cai_live_run(live)->inferred) != 0;
    /* Its content may move, and a sweep come before the new run is marked. In the child of a fork the number of who is
     * not there stays: its sweeps read more than they need. */
    if (inferred)
        cai_add_seq_cst(&cai_guesses_moving, 1);
    void *resized = cai_resize(CAI_PLACE_nocaps, address, bytes, function);
    if (resized != NULL)
        cai_nocaps_note(resized, bytes, inferred);
    if (inferred)
        cai_sub_seq_cst(&cai_guesses_moving, 1);
    return resized;
}

void *cai_nocaps_leave(void *address, size_t bytes, const char *function)
{
    size_t usable = cai_usable(CAI_PLACE_nocaps, address, function);
    void *moved = usable != 0 ? cai_allocate(CAI_PLACE_ordinary, bytes, false) : NULL;

    if (moved == NULL)
        return NULL;
    memcpy(moved, address, cai_min(bytes, usable));
    cai_free(CAI_PLACE_nocaps, address, function);
    return moved;
}
