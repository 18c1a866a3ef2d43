/* realloc for blocks of the process's own heap, and what malloc_usable_size asks.
 */
#ifndef CAI_HEAPS_RESIZE_H
#define CAI_HEAPS_RESIZE_H

#include "base/tools.h"
#include "blocks/find.h"
#include "core/mode.h"
#include "core/settings.h"
#include "heaps/allocate.h"
#include "heaps/free.h"

#include <string.h>

/* A live block of the place: usable bytes, or 0 after a report when the address is none. */
size_t cai_usable(enum cai_place place, const void *address, const char *function);

/* realloc, for places whose free memory need not be zero: the block holds at least `bytes` afterwards, at the returned
 * address. NULL: out of memory or refused, nothing changed. address is not NULL, bytes not 0. */
void *cai_resize(enum cai_place place, void *address, size_t bytes, const char *function);

/* Makes a claimed large block `bytes` long, in place or, when it may move, in the calling thread's heap; keeps an
 * alignment of CAI_UNIT_BYTES only. It is no account's, or does not grow. Returns its new address, the claim being at
 * an end; NULL: not possible, it still is claimed. */
void *cai_resize_large(struct cai_live live, size_t bytes, bool may_move);

/* The same where it is, and it still is claimed: to be returned with what live->byte is afterwards. False: not
 * possible, nothing changed. */
bool cai_resize_in_place(struct cai_live *live, size_t bytes);

/* A block of the place starts there, and realloc to `bytes` gives it back as it is. False: cai_resize has to say,
 * whatever address and size are. Shrinking to less than half moves, above that the copy costs more than the slack; what
 * lies within the last page of a large block is not worth a claim. One that is large for its alignment alone moves to
 * a slot of its size, as cai_resize has it: stated sizes are believed from half of what there is (malloc/stated.c). */
CAI_INLINE bool cai_resize_stays(enum cai_place place, const void *address, size_t bytes)
{
    enum cai_grain grain = CAI_FINE;
    size_t granule;
    uint8_t *state = cai_find_state(place, CAI_FINE, address, &granule);

    if (state == NULL) {
        grain = CAI_COARSE;
        state = cai_find_state(place, CAI_COARSE, address, &granule);
    }
    if (CAI_TOOLS || CAI_UNLIKELY(state == NULL))
        return false;
    uint8_t byte = cai_load_relaxed(state);
    if (CAI_LIKELY((uint8_t)(byte - 1) < CAI_CLASS_LAST)) {
        size_t usable = cai_class_sizes[byte];
        return bytes - usable / 2 <= usable - usable / 2;
    }
    if (grain == CAI_FINE || byte != CAI_STATE_LARGE)
        return false;
    const struct cai_unit *run =
        &cai_view_of(cai_zone_number(place, CAI_COARSE))->units[cai_unit_of_granule(CAI_COARSE, granule)];
    return bytes > CAI_SMALL_BYTES_MAX &&
           cai_round_up(cai_load_relaxed(&run->bytes), cai_settings->page_bytes) - bytes < cai_settings->page_bytes;
}

/* Blocks that grow once grow again: room for up to half more, as long as that is a small block. Of few sizes, two per
 * doubling, so that blocks that grow side by side take one after the other the same slots, not those of each class
 * between. */
CAI_INLINE size_t cai_resize_room(size_t bytes, size_t usable)
{
    if (CAI_QUARANTINES && bytes > usable && bytes > CAI_SMALL_BYTES_MAX)
        return bytes + bytes / 8;
    if (CAI_TOOLS || bytes <= usable || bytes > CAI_SMALL_BYTES_MAX)
        return bytes;
    size_t half_more = usable + usable / 2;
    size_t few = half_more & (size_t)3 << (cai_log2(half_more) - 1);
    return cai_min(cai_max(bytes, few), CAI_SMALL_BYTES_MAX);
}

/* A small block of the calling thread's own heap moves to a slot that lies in one of its bins. NULL: it is not as
 * simple as that, cai_resize has to say, whatever address and size are; nothing has changed.
 *
 * No claim: until its state byte is exchanged nothing can have made another block of this heap of it, as the slot that
 * it moves to lay in its bin before. In the child of a fork that slot is one which a thread that is not there had in
 * its hand. */
CAI_INLINE void *cai_resize_near(enum cai_place place, void *address, size_t bytes, const char *function)
{
    enum cai_grain grain = CAI_FINE;
    size_t granule;
    uint8_t *state = cai_find_state(place, CAI_FINE, address, &granule);

    if (state == NULL) {
        grain = CAI_COARSE;
        state = cai_find_state(place, CAI_COARSE, address, &granule);
    }
    if (CAI_HARDENS || CAI_FREES_SLOWLY || cai_place_zeroes(place) || state == NULL ||
        CAI_UNLIKELY(bytes - 1 >= CAI_SMALL_BYTES_MAX))
        return NULL;
    struct cai_heap *heap = cai_self_heap();
    uint8_t byte = cai_load_relaxed(state);
    if (CAI_UNLIKELY((uint8_t)(byte - 1) >= CAI_CLASS_LAST) || !cai_cache_owns(heap, place, grain, granule))
        return NULL;
    size_t usable = cai_class_sizes[byte];
    void *moved = cai_allocate_fast(place, cai_resize_room(bytes, usable), false);
    if (CAI_UNLIKELY(moved == NULL))
        return NULL;
    memcpy(moved, address, cai_min(bytes, usable));
    if (CAI_LIKELY(cai_cache_push_if(heap, place, grain, granule, state, byte, address)))
        return moved;
    cai_free_slow(place, moved, function); /* the bin is full, or somebody gave the block back: cai_resize finds out */
    return NULL;
}

#endif
