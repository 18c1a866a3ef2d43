/* The malloc family: C23, POSIX and GNU. Each function checks its arguments, calls the heap for the ordinary place, and
 * turns the heap's NULL into errno.
 */
#include "malloc/names.h"
#include "malloc/stated.h"

#include "core/settings.h"
#include "heap/heap.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define PLACE CAI_PLACE_ordinary
#define DOOR(function) CAI_NAME_TEXT(CAI_NAME(function))

CAI_EXPORT void *CAI_NAME(malloc)(size_t size);
CAI_EXPORT void *CAI_NAME(calloc)(size_t count, size_t size);
CAI_EXPORT void *CAI_NAME_REALLOC(void *block, size_t size);
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

static CAI_COLD void *out_of_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

/* Everything but the fast path; a tail call from there, so that it saves no registers. */
static CAI_NOINLINE void *allocate_slow(size_t size, bool zeroed)
{
    void *block = size <= PTRDIFF_MAX ? cai_heap_allocate_slow(PLACE, size, zeroed) : NULL;

    return CAI_LIKELY(block != NULL) ? block : out_of_memory();
}

void *CAI_NAME(malloc)(size_t size)
{
    void *block = cai_heap_allocate_fast(PLACE, size, false);

    return CAI_LIKELY(block != NULL) ? block : allocate_slow(size, false);
}

void *CAI_NAME(calloc)(size_t count, size_t size)
{
    size_t bytes;

    if (CAI_UNLIKELY(__builtin_mul_overflow(count, size, &bytes)))
        return out_of_memory();
    void *block = cai_heap_allocate_fast(PLACE, bytes, true);
    return CAI_LIKELY(block != NULL) ? block : allocate_slow(bytes, true);
}

void CAI_NAME(free)(void *block)
{
    cai_heap_free(PLACE, block, DOOR(free));
}

static void *resize(void *block, size_t size, const char *function)
{
    if (block == NULL)
        return CAI_NAME(malloc)(size);
    if (size == 0) {
        cai_heap_free(PLACE, block, function);
        return NULL;
    }
    void *resized = size <= PTRDIFF_MAX ? cai_heap_resize(PLACE, block, size, function) : NULL;
    return CAI_LIKELY(resized != NULL) ? resized : out_of_memory();
}

void *CAI_NAME_REALLOC(void *block, size_t size)
{
    return resize(block, size, DOOR(realloc));
}

void *CAI_NAME(reallocarray)(void *block, size_t count, size_t size)
{
    size_t bytes;

    if (CAI_UNLIKELY(__builtin_mul_overflow(count, size, &bytes)))
        return out_of_memory();
    return resize(block, bytes, DOOR(reallocarray));
}

static bool is_alignment(size_t alignment)
{
    return cai_is_power_of_two(alignment);
}

static void *allocate_aligned(size_t alignment, size_t size)
{
    if (CAI_UNLIKELY(size > PTRDIFF_MAX || alignment > PTRDIFF_MAX))
        return out_of_memory();
    void *block = cai_heap_allocate_aligned(PLACE, size, alignment, false);
    return CAI_LIKELY(block != NULL) ? block : out_of_memory();
}

void *CAI_NAME(aligned_alloc)(size_t alignment, size_t size)
{
    if (CAI_UNLIKELY(!is_alignment(alignment))) {
        errno = EINVAL;
        return NULL;
    }
    return allocate_aligned(alignment, size);
}

void *CAI_NAME(memalign)(size_t alignment, size_t size)
{
    return CAI_NAME(aligned_alloc)(alignment, size);
}

int CAI_NAME(posix_memalign)(void **block, size_t alignment, size_t size)
{
    int saved = errno;

    if (!is_alignment(alignment) || alignment % sizeof(void *) != 0)
        return EINVAL;
    void *aligned = allocate_aligned(alignment, size);
    errno = saved;
    if (aligned == NULL)
        return ENOMEM;
    *block = aligned;
    return 0;
}

/* The first call may come before anything has started. */
static size_t page_bytes(void)
{
    return cai_heap_start() ? cai_settings->page_bytes : CAI_PAGE_BYTES_MAX;
}

void *CAI_NAME(valloc)(size_t size)
{
    return allocate_aligned(page_bytes(), size);
}

void *CAI_NAME(pvalloc)(size_t size)
{
    size_t page = page_bytes();

    if (CAI_UNLIKELY(size > PTRDIFF_MAX - page))
        return out_of_memory();
    return allocate_aligned(page, size == 0 ? page : cai_round_up(size, page));
}

size_t CAI_NAME(malloc_usable_size)(const void *block)
{
    return block == NULL ? 0 : cai_heap_usable(PLACE, block, DOOR(malloc_usable_size));
}

static void free_stated(void *block, size_t alignment, size_t size, const char *function)
{
    if (block != NULL && cai_stated_size_fits(block, alignment, size, function))
        cai_heap_free(PLACE, block, function);
}

void CAI_NAME(free_sized)(void *block, size_t size)
{
    free_stated(block, 16, size, DOOR(free_sized));
}

void CAI_NAME(free_aligned_sized)(void *block, size_t alignment, size_t size)
{
    free_stated(block, alignment, size, DOOR(free_aligned_sized));
}
