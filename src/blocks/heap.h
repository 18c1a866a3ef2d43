/* A heap: what one thread, or one account, has of blocks.
 *
 *   bins    one growing stack of free slots for each place and class; its user's alone, without a lock
 *   slabs   the slabs it owns that have room, by place and class; under the heap's lock
 *
 * A slab belongs to one heap. What its user frees goes to the bin; what others free goes straight to the slab, so that
 * memory goes home and neighbouring blocks are not shared between processors.
 */
#ifndef CAI_BLOCKS_HEAP_H
#define CAI_BLOCKS_HEAP_H

#include "blocks/state.h"
#include "core/mode.h"
#include "os/lock.h"

/* A stack of free slots. All zero is a bin that was never used: empty and full at once, so that both fast paths lead to
 * the slow one. One pointer is all that a block which comes or goes changes: with an array and a count the next one had
 * to wait for two loads (docs/decisions/0100-bins-by-their-top.md). */
struct cai_bin {
    void **top;        /* the slot handed out next lies below it */
    void **base;       /* the bin is empty when that is its top */
    void **end;        /* full, when that is */
    int32_t countdown; /* allocations until the next housekeeping */
    int32_t period;    /* what countdown began with */
};

CAI_INLINE uint32_t cai_bin_count(const struct cai_bin *bin)
{
    return (uint32_t)(bin->top - bin->base);
}

/* The same of a bin that another thread uses: the number of some moment. */
CAI_INLINE uint32_t cai_bin_count_of(const struct cai_bin *bin)
{
    uintptr_t base = (uintptr_t)cai_load_relaxed(&bin->base);
    uintptr_t top = (uintptr_t)cai_load_relaxed(&bin->top);
    bool whole = base <= top && top <= (uintptr_t)cai_load_relaxed(&bin->end); /* its array is not being exchanged */

    return whole ? (uint32_t)((top - base) / sizeof(void *)) : 0;
}

/* How many slots fit. */
CAI_INLINE uint32_t cai_bin_limit(const struct cai_bin *bin)
{
    return (uint32_t)(bin->end - bin->base);
}

/* A bin that overflows and is then drained may be twice as long the next time. */
struct cai_swing {
    uint8_t overflowed; /* since it was last found empty */
    uint8_t doublings;  /* of what a bin may hold */
};

/* The last refill of a bin. */
struct cai_refill {
    uint32_t slots;      /* that it wanted */
    uint32_t handed_out; /* by the bin, until then */
};

struct cai_slabs {
    uint32_t first, last; /* unit numbers, 0: none; taken from and put to the front */
};

/* A bin for every state byte of a live block. Those that are no class stay empty and full, so that freeing such a block
 * by the fast path ends in the slow one, without a test for it. */
enum { CAI_BINS_PER_PLACE = 128 };

/* Large blocks that were freed and are kept, by length: a set for each number of units below 16, and the first for all
 * others; in each the latest first. In the hardened library more: all that one look makes free comes at once. */
enum { CAI_KEPT_SETS = 16, CAI_KEPT_WAYS = CAI_HARDENS ? 16 : 2 };

/* Large blocks that are neither live nor kept at the moment. */
enum { CAI_ENDING = 2 };

struct cai_heap {
    uint32_t id; /* in the table of owners; 0: stands for no heap */

    /* Its user's alone. */
    uint32_t kept_units;          /* of all blocks in `kept` together */
    bool large_idle;              /* no large block was taken from or put into the cache since the last look */
    bool armed;                   /* memory became free: look at the clock soon */
    bool has_claims;              /* a run of it may be marked `claimed` */
    uint32_t doubled_slots;       /* that its bins may hold because of swings (struct cai_swing) */
    uint64_t bytes_cleared;       /* because somebody asked for zeros, or must-zero memory went back */
    uint64_t bytes_clear_skipped; /* asked for as zero and known to be */

    /* The same. None lies in two cache lines; before them stands what fits into the gap that this leaves. */
    _Alignas(sizeof(struct cai_bin)) struct cai_bin bins[CAI_PLACES][CAI_BINS_PER_PLACE];
    uint64_t used_bins[CAI_PLACES][2];
    uint64_t rounds[CAI_PLACES][CAI_CLASSES]; /* what each bin handed out in the periods gone by */
    struct cai_bin *moving;                   /* for the child of a fork: this bin is about to become `moved` */
    struct cai_bin moved;
    struct cai_unit *kept[CAI_KEPT_SETS][CAI_KEPT_WAYS];
    struct cai_unit *ending[CAI_ENDING]; /* for the child of a fork */
    uint64_t large_allocations;
    uint32_t sample_blocks[CAI_PLACES]
                          [CAI_CLASSES];            /* allocations until the next sample (heaps/sample.h); 0: undrawn */
    uint32_t guard_blocks[CAI_PLACES][CAI_CLASSES]; /* the same until the next guarded one (heaps/guarded.h) */
    uint64_t sample_bytes;                          /* until the next sample of large blocks, in bytes */
    struct cai_refill refills[CAI_PLACES][CAI_CLASSES];
    struct cai_swing swings[CAI_PLACES][CAI_CLASSES];
    uint32_t marks[CAI_PLACES][CAI_CLASSES]; /* what each bin had done at the last look, to find idle ones */

    struct cai_lock lock; /* protects slabs, the descriptors in them, and strays */
    struct cai_slabs slabs[CAI_PLACES][CAI_CLASSES];
    struct cai_unit *strays;   /* came with `returned` and are another heap's by now, for who knows that one */
    struct cai_unit *returned; /* atomic: slabs with remote frees, pushed by anyone, taken under the lock */
};

/* Allocations from a bin since the start. */
CAI_INLINE uint64_t cai_bin_allocations(const struct cai_heap *heap, unsigned place, unsigned size_class)
{
    const struct cai_bin *bin = &heap->bins[place][size_class];

    return heap->rounds[place][size_class] + (uint64_t)((int64_t)bin->period - bin->countdown);
}

#endif
