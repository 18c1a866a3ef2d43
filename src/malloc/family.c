/* The malloc family: C23, POSIX and GNU. Each function checks its arguments, calls the heap for the ordinary place, and
 * turns the heap's NULL into errno. What is given back may lie in nocaps as well (malloc/nocaps.h).
 */
#include "malloc/aligned.h"
#include "malloc/early.h"
#include "malloc/fast.h"
#include "malloc/names.h"
#include "malloc/nocaps.h"
#include "malloc/stated.h"

#include "base/atomic.h"
#include "heaps/heaps.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PLACE CAI_PLACE_ordinary
#define DOOR(function) CAI_NAME_TEXT(CAI_NAME(function))

CAI_EXPORT void *CAI_NAME(malloc)(size_t size);
CAI_EXPORT void *CAI_NAME(calloc)(size_t count, size_t size);
CAI_EXPORT void *CAI_NAME(realloc)(void *block, size_t size);
CAI_EXPORT void *CAI_NAME(reallocarray)(void *block, size_t count, size_t size);
CAI_EXPORT void CAI_NAME(free)(void *block);
CAI_EXPORT void CAI_NAME(free_sized)(void *block, size_t size);
CAI_EXPORT void CAI_NAME(free_aligned_sized)(void *block, size_t alignment, size_t size);
CAI_EXPORT void *CAI_NAME(aligned_alloc)(size_t alignment, size_t size);
CAI_EXPORT int CAI_NAME(posix_memalign)(void **block, size_t alignment, size_t size);
CAI_EXPORT void *CAI_NAME(memalign)(size_t alignment, size_t size);
CAI_EXPORT void *CAI_NAME(valloc)(size_t size);
CAI_EXPORT void *CAI_NAME(pvalloc)(size_t size);
CAI_EXPORT size_t CAI_NAME(malloc_usable_size)(const void *block);

#if CAI_NAMES_ARE_PLAIN
bool cai_plain_failed;
#endif

static CAI_COLD void *out_of_memory(void)
{
#if CAI_NAMES_ARE_PLAIN
    cai_store_relaxed(&cai_plain_failed, true);
#endif
    errno = ENOMEM;
    return NULL;
}

/* Everything but the fast path; a tail call from there, so that it saves no registers. */
static CAI_NOINLINE void *allocate_slow(size_t size, bool zeroed)
{
    if (CAI_UNLIKELY(size > PTRDIFF_MAX)) /* starts nothing (preload/lifetime.c) */
        return cai_early() ? NULL : out_of_memory();
    if (CAI_UNLIKELY(cai_too_early()))
        return cai_early_allocate(size, 16);
    void *block = CAI_HARDENS ? cai_hardened_allocate(PLACE, size, 16, zeroed, CAI_FAMILY_malloc)
                              : cai_allocate_slow(PLACE, size, zeroed);
    return CAI_LIKELY(block != NULL) ? block : out_of_memory();
}

void *CAI_NAME(malloc)(size_t size)
{
    void *block = cai_fast_allocate(PLACE, size, false);

    return CAI_LIKELY(block != NULL) ? block : allocate_slow(size, false);
}

void *CAI_NAME(calloc)(size_t count, size_t size)
{
    size_t bytes;

    if (CAI_UNLIKELY(__builtin_mul_overflow(count, size, &bytes)))
        return out_of_memory();
    void *block = cai_fast_allocate(PLACE, bytes, true);
    return CAI_LIKELY(block != NULL) ? block : allocate_slow(bytes, true);
}

/* In the hardened library: false when it is not, and a handler refused the call. */
CAI_INLINE bool of_malloc(const void *block, const char *function)
{
    return cai_hardened_family(cai_back_place(block), block, CAI_FAMILY_malloc, function);
}

/* A function of its own, so that free saves no register for it. */
static CAI_NOINLINE void free_hardened(void *block)
{
    if (!CAI_HARDENS || (cai_hardened_enters(&block, DOOR(free)) && of_malloc(block, DOOR(free))))
        cai_back_free(block, DOOR(free));
}

void CAI_NAME(free)(void *block)
{
    if (!CAI_HARDENS)
        cai_back_free(block, DOOR(free));
    else if (CAI_UNLIKELY(!cai_hardened_put(block, CAI_FAMILY_malloc)))
        free_hardened(block);
}

/* A block from before the library was ready: it stays where it is. */
static CAI_COLD void *resize_early(void *block, size_t size)
{
    if (cai_early())
        return cai_early_resize(block, size);
    void *moved = CAI_NAME(malloc)(size);
    return moved != NULL ? memcpy(moved, block, cai_min(size, cai_early_usable(block))) : NULL;
}

/* Of a block that does not stay. */
static CAI_NOINLINE void *resize(void *block, size_t size, const char *function)
{
    void *near = CAI_HARDENS ? cai_hardened_resize_near(block, size) : cai_resize_near(PLACE, block, size, function);

    if (CAI_LIKELY(near != NULL))
        return near;
    if (CAI_HARDENS && (!cai_hardened_enters(&block, function) || !of_malloc(block, function)))
        return NULL;
    if (size == 0) {
        cai_back_free(block, function);
        return NULL;
    }
    if (CAI_UNLIKELY(cai_early_owns(block)))
        return resize_early(block, size);
    void *resized = NULL;
    if (CAI_LIKELY(size <= PTRDIFF_MAX))
        resized = CAI_LIKELY(cai_back_place(block) == PLACE) ? cai_resize(PLACE, block, size, function)
                                                             : cai_nocaps_resize(block, size, false, function);
    return CAI_LIKELY(resized != NULL) ? resized : out_of_memory();
}

void *CAI_NAME(realloc)(void *block, size_t size)
{
    if (!CAI_HARDENS && cai_resize_stays(PLACE, block, size))
        return block;
    return block == NULL ? CAI_NAME(malloc)(size) : resize(block, size, DOOR(realloc));
}

void *CAI_NAME(reallocarray)(void *block, size_t count, size_t size)
{
    size_t bytes;

    if (CAI_UNLIKELY(__builtin_mul_overflow(count, size, &bytes)))
        return out_of_memory();
    if (!CAI_HARDENS && cai_resize_stays(PLACE, block, bytes))
        return block;
    return block == NULL ? CAI_NAME(malloc)(bytes) : resize(block, bytes, DOOR(reallocarray));
}

void *CAI_NAME(aligned_alloc)(size_t alignment, size_t size)
{
    return cai_aligned_alloc(PLACE, alignment, size);
}

void *CAI_NAME(memalign)(size_t alignment, size_t size)
{
    return cai_aligned_rounded(PLACE, alignment, size);
}

int CAI_NAME(posix_memalign)(void **block, size_t alignment, size_t size)
{
    return cai_aligned_posix(PLACE, block, alignment, size);
}

void *CAI_NAME(valloc)(size_t size)
{
    return cai_aligned_pages(PLACE, size, false);
}

void *CAI_NAME(pvalloc)(size_t size)
{
    return cai_aligned_pages(PLACE, size, true);
}

size_t CAI_NAME(malloc_usable_size)(const void *block)
{
    void *entered = (void *)block;

    if (block == NULL || !cai_hardened_enters(&entered, DOOR(malloc_usable_size)))
        return 0;
    return CAI_UNLIKELY(cai_early_owns(entered))
               ? cai_early_usable(entered)
               : cai_usable(cai_back_place(entered), entered, DOOR(malloc_usable_size));
}

static void free_stated(void *block, size_t alignment, size_t size, const char *function)
{
    if (CAI_HARDENS && (!cai_hardened_enters(&block, function) || !of_malloc(block, function)))
        return;
    if (block != NULL && !cai_early_owns(block) && cai_stated_size_fits(block, alignment, size, function))
        cai_back_free(block, function);
}

void CAI_NAME(free_sized)(void *block, size_t size)
{
    free_stated(block, 16, size, DOOR(free_sized));
}

void CAI_NAME(free_aligned_sized)(void *block, size_t alignment, size_t size)
{
    free_stated(block, alignment, size, DOOR(free_aligned_sized));
}
