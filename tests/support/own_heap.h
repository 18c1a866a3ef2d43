/* Heaps of a test's own, with a number that no registry gave: what the blocks can do without threads, accounts and
 * housekeeping above them.
 */
#ifndef TESTS_SUPPORT_OWN_HEAP_H
#define TESTS_SUPPORT_OWN_HEAP_H

#include "blocks/cache.h"
#include "blocks/large.h"
#include "support/pages.h"

#define OWN_HEAP(number)                                                                                               \
    {                                                                                                                  \
        .id = (number), .lock = CAI_LOCK_INIT(CAI_RANK_HEAP)                                                           \
    }

/* Slots in the bin, at least one, and allocations until its countdown is over. */
static inline struct cai_bin *own_fill(struct cai_heap *heap, enum cai_place place, unsigned size_class)
{
    struct cai_bin *bin = &heap->bins[place][size_class];

    if (cai_bin_count(bin) == 0) {
        uint32_t want = cai_cache_wants(heap, place, size_class);
        require(want != 0 && cai_cache_refill(heap, place, size_class, want) != 0 && cai_bin_count(bin) != 0);
    }
    bin->countdown = bin->period = 1000;
    return bin;
}

/* A block of the class. */
static inline void *own_take_class(struct cai_heap *heap, enum cai_place place, unsigned size_class)
{
    own_fill(heap, place, size_class);
    void *block = cai_cache_take(heap, place, cai_class_grain(size_class), size_class, false, 0);
    require(block != NULL && cai_place_of(block) == place);
    return block;
}

/* A block of any size. */
static inline void *own_take(struct cai_heap *heap, enum cai_place place, size_t bytes)
{
    if (bytes <= CAI_SMALL_BYTES_MAX)
        return own_take_class(heap, place, (unsigned)cai_class_of(bytes));
    void *block = cai_large_take(heap, place, bytes, 1, false);
    require(block != NULL && cai_place_of(block) == place);
    return block;
}

/* A live block of the place. */
static inline struct cai_live own_live(enum cai_place place, const void *block)
{
    struct cai_live live = cai_find_live(place, block);

    require(live.state != NULL);
    return live;
}

/* Back into its heap's bin, which has room. */
static inline void own_put(struct cai_heap *heap, enum cai_place place, void *block)
{
    struct cai_live live = own_live(place, block);

    require(cai_cache_put_full(heap, place, live.size_class, live.state, block));
}

#endif
