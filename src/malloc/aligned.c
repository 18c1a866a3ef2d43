/* See aligned.h. */
#include "malloc/aligned.h"

#include "core/settings.h"
#include "heaps/heaps.h"
#include "malloc/early.h"
#include "malloc/fast.h"

#include <errno.h>

static CAI_COLD void *failed(int error)
{
    errno = error;
    return NULL;
}

/* A small block: its size rounded up to the alignment is the size of a slot (blocks/sizeclass.h). */
CAI_INLINE void *allocate_fast(enum cai_place place, size_t alignment, size_t size)
{
    size_t rounded = cai_round_up(size, alignment);

    if (CAI_HARDENS && place == CAI_PLACE_ordinary) /* where a slot is longer than its block (heaps/hardened.h) */
        return NULL;
    if (CAI_UNLIKELY(size == 0 || rounded < size || !cai_class_is_aligned(rounded, alignment)))
        return NULL;
    return cai_fast_allocate(place, rounded, false);
}

static CAI_NOINLINE void *allocate_slow(enum cai_place place, size_t alignment, size_t size)
{
    if (CAI_UNLIKELY(cai_early()))
        return cai_early_allocate(size, alignment);
    if (CAI_UNLIKELY(size > PTRDIFF_MAX || alignment > PTRDIFF_MAX))
        return failed(ENOMEM);
    void *block = NULL;
    if (!CAI_HARDENS || place != CAI_PLACE_ordinary)
        block = cai_allocate_aligned(place, size, alignment, false);
    else if ((block = cai_hardened_take_aligned(size, alignment, CAI_FAMILY_malloc)) == NULL)
        block = cai_hardened_allocate(place, size, alignment, false, CAI_FAMILY_malloc);
    return CAI_LIKELY(block != NULL) ? block : failed(ENOMEM);
}

CAI_INLINE void *allocate(enum cai_place place, size_t alignment, size_t size)
{
    void *block = allocate_fast(place, alignment, size);

    return CAI_LIKELY(block != NULL) ? block : allocate_slow(place, alignment, size);
}

void *cai_aligned_alloc(enum cai_place place, size_t alignment, size_t size)
{
    return CAI_LIKELY(cai_is_power_of_two(alignment)) ? allocate(place, alignment, size) : failed(EINVAL);
}

void *cai_aligned_rounded(enum cai_place place, size_t alignment, size_t size)
{
    size_t rounded = cai_is_power_of_two(alignment) ? alignment
                     : alignment < 16               ? 16
                                                    : (size_t)2 << cai_log2(alignment);

    return CAI_LIKELY(rounded != 0) ? allocate(place, rounded, size) : failed(EINVAL);
}

int cai_aligned_posix(enum cai_place place, void **block, size_t alignment, size_t size)
{
    if (!cai_is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
        return EINVAL;
    void *aligned = allocate_fast(place, alignment, size);
    if (CAI_UNLIKELY(aligned == NULL)) {
        int saved = cai_early() ? 0 : errno;
        aligned = allocate_slow(place, alignment, size);
        if (!cai_early())
            errno = saved;
        if (aligned == NULL)
            return ENOMEM;
    }
    *block = aligned;
    return 0;
}

/* The first call may come before anything has started. */
static size_t page_bytes(void)
{
    return cai_life_start() ? cai_settings->page_bytes : CAI_PAGE_BYTES_MAX;
}

void *cai_aligned_pages(enum cai_place place, size_t size, bool whole)
{
    if (CAI_UNLIKELY(cai_early()))
        return NULL; /* who knows */
    size_t page = page_bytes();
    if (CAI_UNLIKELY(size > PTRDIFF_MAX - page))
        return failed(ENOMEM);
    if (whole)
        size = size == 0 ? page : cai_round_up(size, page);
    return allocate(place, page, size);
}
