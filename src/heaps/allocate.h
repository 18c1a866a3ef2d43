/* Allocation from the process's own heap: blocks in places, named by their address alone; the state table says the
 * rest. The fast path is inline; what it cannot do at once is told in allocate.c, from top to bottom.
 */
#ifndef CAI_HEAPS_ALLOCATE_H
#define CAI_HEAPS_ALLOCATE_H

#include "base/tools.h"
#include "blocks/cache.h"
#include "heaps/registry.h"

/* What to do when the fast path below gave nothing, for any size. NULL: out of memory. */
void *cai_allocate_slow(enum cai_place place, size_t bytes, bool zeroed);

/* The fast path: a block, or NULL when cai_allocate_slow must be asked. With `zeroed` the first `bytes` bytes are zero.
 * Aligned to 16. */
CAI_INLINE void *cai_allocate_fast(enum cai_place place, size_t bytes, bool zeroed)
{
    if (CAI_LIKELY(bytes <= CAI_FINE_BYTES_MAX))
        return cai_cache_take(cai_self_heap(), place, CAI_FINE, cai_class_of_fine(bytes), zeroed, bytes);
    if (bytes <= CAI_SMALL_BYTES_MAX)
        return cai_cache_take(cai_self_heap(), place, CAI_COARSE, cai_class_of_coarse(bytes), zeroed, bytes);
    return NULL;
}

/* Both. NULL: out of memory. */
CAI_INLINE void *cai_allocate(enum cai_place place, size_t bytes, bool zeroed)
{
    void *block = cai_allocate_fast(place, bytes, zeroed);

    return CAI_LIKELY(block != NULL) ? block : cai_allocate_slow(place, bytes, zeroed);
}

/* align: a power of two. NULL: out of memory. */
void *cai_allocate_aligned(enum cai_place place, size_t bytes, size_t align, bool zeroed);

/* --- for this file's functions and those for authorities (allocate_for.h) --- */

/* What is wanted: a class, or 0 and an alignment for a large block. */
struct cai_wanted {
    enum cai_place place;
    unsigned size_class;
    size_t bytes, align;
    bool zeroed;
};

CAI_INLINE struct cai_wanted cai_want(enum cai_place place, size_t bytes, size_t align, bool zeroed)
{
    size_t whole = cai_max(bytes, CAI_TOOLS) + CAI_TOOLS_ROOM;

    return (struct cai_wanted){place, cai_class_for(whole, align), whole, align, zeroed};
}

/* A block of a heap that the caller uses alone. `account`: who pays, its `use` held; NULL: nobody does. NULL: out of
 * memory; the account was refused a charge; or *twice is a slot that two threads freed at once, to be reported without
 * locks. */
void *cai_allocate_from(struct cai_owner *owner, struct cai_account *account, const struct cai_wanted *wanted,
                        void **twice);

/* No lock is held. */
void cai_allocate_report_twice(const struct cai_wanted *wanted, const void *address);

#endif
