/* The fast path of what hands memory out under the names of malloc.
 */
#ifndef CAI_MALLOC_FAST_H
#define CAI_MALLOC_FAST_H

#include "heaps/heaps.h"
#include "malloc/early.h"
#include "malloc/sanitizer.h"

/* A slot for `size` bytes from a bin, or NULL: then the slow path has it. What the sizes are compared with:
 * malloc/early.h. */
CAI_INLINE void *cai_fast_allocate(enum cai_place place, size_t size, bool zeroed)
{
    bool is_fine = size < cai_load_relaxed_in_place(&cai_doors.fine_below);

    if (CAI_HARDENS && place == CAI_PLACE_ordinary) { /* blocks that are more than their slot (heaps/hardened.h) */
        if (CAI_UNLIKELY(size >= cai_load_relaxed_in_place(&cai_doors.small_below)))
            return NULL;
        return zeroed ? cai_hardened_take_zeroed(size) : cai_hardened_take(size, CAI_FAMILY_malloc);
    }
    if (CAI_LIKELY(is_fine))
        return cai_cache_take(cai_self_heap(), place, CAI_FINE, cai_class_of_fine(size), zeroed, size);
    if (size < cai_load_relaxed_in_place(&cai_doors.small_below))
        return cai_cache_take(cai_self_heap(), place, CAI_COARSE, cai_class_of_coarse(size), zeroed, size);
    return NULL;
}

/* What the slow path asks first. True: only the arena of early.h serves. */
CAI_INLINE bool cai_too_early(void)
{
    if (CAI_LIKELY(cai_load_relaxed(&cai_doors.fine_below) != 0))
        return false;
    if (cai_early())
        return true;
    cai_refuse_sanitizer();
    cai_early_end();
    return false;
}

#endif
