/* See heap.h. Sizes and alignments are mapped to fine, coarse and large here. */
#include "heap/heap.h"

#include "heap/clear.h"
#include "heap/find.h"
#include "heap/large.h"

#include <string.h>

CAI_NOINLINE void *cai_heap_allocate_slow(enum cai_place place, size_t bytes, bool zeroed)
{
    if (CAI_LIKELY(bytes <= CAI_SMALL_BYTES_MAX))
        return cai_cache_take_slow(place, (unsigned)cai_class_of(bytes), zeroed, bytes);
    return cai_large_take(place, bytes, CAI_UNIT_BYTES, zeroed);
}

void *cai_heap_allocate_aligned(enum cai_place place, size_t bytes, size_t align, bool zeroed)
{
    if (align <= 16)
        return cai_heap_allocate(place, bytes, zeroed);
    unsigned size_class = cai_class_for(bytes, align);
    if (size_class == 0)
        return cai_large_take(place, bytes, align, zeroed);
    void *block = size_class <= CAI_CLASS_FINE_LAST ? cai_cache_take(place, CAI_FINE, size_class, zeroed, bytes)
                                                    : cai_cache_take(place, CAI_COARSE, size_class, zeroed, bytes);
    return block != NULL ? block : cai_cache_take_slow(place, size_class, zeroed, bytes);
}

/* The slot of a small block, or the run of a large one; its memory is cleared first where the place wants that. */
static bool put(enum cai_place place, void *address, struct cai_live live)
{
    if (live.size_class == 0)
        return cai_large_put(place, live.granule, live.live);
    if (cai_place_zeroes(place) && live.live != CAI_STATE_WIPED)
        cai_clear(address, cai_class_sizes[live.size_class]);
    return cai_cache_put_slow(place, live.size_class, live.live, address);
}

CAI_NOINLINE void cai_heap_free_slow(enum cai_place place, void *address, const char *function)
{
    if (address == NULL)
        return;
    struct cai_live live = cai_find_live(place, address);
    if (live.state == NULL || !put(place, address, live))
        cai_find_report(place, address, function);
}

size_t cai_heap_usable(enum cai_place place, const void *address, const char *function)
{
    struct cai_live live = cai_find_live(place, address);

    if (CAI_LIKELY(live.state != NULL))
        return cai_live_usable(place, live);
    cai_find_report(place, address, function);
    return 0;
}

/* Blocks that grow once grow again: room for a quarter more, as long as that is a small block. */
static size_t with_room(size_t bytes, size_t usable)
{
    if (bytes <= usable || bytes > CAI_SMALL_BYTES_MAX)
        return bytes;
    return cai_min(cai_max(bytes, usable + usable / 4), CAI_SMALL_BYTES_MAX);
}

void *cai_heap_resize(enum cai_place place, void *address, size_t bytes, const char *function)
{
    struct cai_live live = cai_find_live(place, address);

    if (CAI_UNLIKELY(live.state == NULL)) {
        cai_find_report(place, address, function);
        return NULL;
    }
    size_t usable = cai_live_usable(place, live);
    /* A large block of an authority grows only by that authority: here its content moves to the process's own heap. */
    if (live.size_class == 0 && bytes > CAI_SMALL_BYTES_MAX &&
        (bytes <= usable || *cai_large_owner(place, live.granule) == 0))
        return cai_large_resize(place, live.granule, bytes);
    /* Shrinking to less than half moves; above that the copy costs more than the slack. */
    if (bytes <= usable && bytes >= usable / 2)
        return address;
    void *moved = cai_heap_allocate(place, with_room(bytes, usable), false);
    if (moved == NULL)
        return NULL;
    memcpy(moved, address, cai_min(bytes, usable));
    cai_heap_free(place, address, function);
    return moved;
}
