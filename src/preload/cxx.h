/* operator new for any place: what its forms in cxx.c and the token entry points share. Drop-in library only. */
#ifndef CAI_PRELOAD_CXX_H
#define CAI_PRELOAD_CXX_H

#include "heaps/heaps.h"

/* As the standard says: calls the new-handler and tries again until there is memory or no handler; then throws
 * bad_alloc or returns NULL. */
void *cai_new_failed(enum cai_place place, size_t size, size_t alignment, bool may_throw);

/* For alignments above 16 and for those that are none. NULL: out of memory. */
void *cai_new_aligned(enum cai_place place, size_t size, size_t alignment);

/* While libraries are being relocated (malloc/early.h). */
void *cai_new_early(size_t size, size_t alignment, bool may_throw);

CAI_INLINE void *cai_new(enum cai_place place, size_t size, size_t alignment, bool may_throw)
{
    void *block = alignment <= 16 ? (size <= PTRDIFF_MAX ? cai_allocate(place, size, false) : NULL)
                                  : cai_new_aligned(place, size, alignment);

    return CAI_LIKELY(block != NULL) ? block : cai_new_failed(place, size, alignment, may_throw);
}

#endif
