/* The heap: blocks in places. What the doors above (malloc, the intentional API) are built on.
 *
 * A block is named by its address alone; the state table says the rest. Functions that take an address back validate it
 * first and report a violation under the name of the door that was used.
 */
#ifndef CAI_HEAP_HEAP_H
#define CAI_HEAP_HEAP_H

#include "heap/cache.h"

/* Starts the library; called by whoever comes first, any number of times. False: no address space for the estate. */
bool cai_heap_start(void);

/* What to do when the fast path below gave nothing, for any size. NULL: out of memory. */
void *cai_heap_allocate_slow(enum cai_place place, size_t bytes, bool zeroed);

/* The fast path: a block, or NULL when cai_heap_allocate_slow must be asked. With `zeroed` the first `bytes` bytes are
 * zero. Aligned to 16. */
CAI_INLINE void *cai_heap_allocate_fast(enum cai_place place, size_t bytes, bool zeroed)
{
    if (CAI_LIKELY(bytes <= CAI_FINE_BYTES_MAX))
        return cai_cache_take(place, CAI_FINE, cai_class_of_fine(bytes), zeroed, bytes);
    if (bytes <= CAI_SMALL_BYTES_MAX)
        return cai_cache_take(place, CAI_COARSE, cai_class_of_coarse(bytes), zeroed, bytes);
    return NULL;
}

/* Both. NULL: out of memory. */
CAI_INLINE void *cai_heap_allocate(enum cai_place place, size_t bytes, bool zeroed)
{
    void *block = cai_heap_allocate_fast(place, bytes, zeroed);

    return CAI_LIKELY(block != NULL) ? block : cai_heap_allocate_slow(place, bytes, zeroed);
}

/* align: a power of two. */
void *cai_heap_allocate_aligned(enum cai_place place, size_t bytes, size_t align, bool zeroed);

/* What to do when the fast path below did not: NULL (nothing), large blocks, full bins, other threads' slots, and what
 * must be reported under the name of the door. */
void cai_heap_free_slow(enum cai_place place, void *address, const char *function);

/* Gives a block of this place back. */
CAI_INLINE void cai_heap_free(enum cai_place place, void *address, const char *function)
{
    /* Must-zero places: the slot must be cleared first, by the slow half. */
    enum cai_put put = cai_place_zeroes(place) ? CAI_PUT_SLOW : cai_cache_put(place, CAI_FINE, address);

    if (CAI_UNLIKELY(put == CAI_PUT_OUTSIDE))
        put = cai_cache_put(place, CAI_COARSE, address);
    if (CAI_UNLIKELY(put != CAI_PUT_DONE))
        cai_heap_free_slow(place, address, function);
}

/* A live block of the place: usable bytes, or 0 after a report when the address is none. */
size_t cai_heap_usable(enum cai_place place, const void *address, const char *function);

/* realloc, for places whose free memory need not be zero: the block holds at least `bytes` afterwards, at the returned
 * address. NULL: out of memory or refused, nothing changed. address is not NULL. */
void *cai_heap_resize(enum cai_place place, void *address, size_t bytes, const char *function);

#endif
