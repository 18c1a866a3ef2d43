/* The entry points of allocation tokens, by both of LLVM's conventions. Contract: N7.
 *
 * Instead of malloc(size) the compiler calls __alloc_token_malloc(size, token), or __alloc_token_TOKEN_malloc(size)
 * where tokens are few. A token of the lower half of its space stands for a type without pointers: the block lies in
 * nocaps. The compiler only infers that, so its run is marked as one that a sweep has to read, unless the user said
 * that tokens are to be trusted. Drop-in library only: the blocks go to the free of the process.
 */
#include "core/settings.h"
#include "heaps/heaps.h"
#include "malloc/aligned.h"
#include "malloc/fast.h"
#include "malloc/nocaps.h"
#include "preload/cxx.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static CAI_COLD void *out_of_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

/* Where half of the space lies is 0 before the start, and for a space of one token, which tells nothing. */
static CAI_COLD size_t half_slow(const size_t *half)
{
    return cai_life_start() ? *half : 0;
}

CAI_INLINE enum cai_place place_of(size_t token)
{
    if (CAI_UNLIKELY(cai_too_early())) /* the settings are out of reach, and all is from one arena */
        return CAI_PLACE_ordinary;
    size_t half = cai_settings->token_half;

    if (CAI_UNLIKELY(half == 0))
        half = half_slow(&cai_settings->token_half);
    return token < half ? CAI_PLACE_nocaps : CAI_PLACE_ordinary;
}

/* In the other convention the space is another, unless it was stated: its upper half becomes the very last token. */
CAI_INLINE size_t from_name(size_t token)
{
    if (CAI_UNLIKELY(cai_too_early()))
        return token;
    size_t half = cai_settings->token_half_fast;

    if (CAI_UNLIKELY(half == 0))
        half = half_slow(&cai_settings->token_half_fast);
    return token < half ? token : SIZE_MAX;
}

/* Where the block was not asked for with an alignment. */
CAI_INLINE void *handed_out_plain(enum cai_place place, void *block, size_t size, size_t token)
{
    bool inferred = token < cai_settings->token_trusted;

    if (place != CAI_PLACE_nocaps)
        return block;
    if (CAI_LIKELY(size - 1 < CAI_FINE_BYTES_MAX))
        cai_nocaps_note_fine(block, size, inferred);
    else
        cai_nocaps_note(block, size, inferred);
    return block;
}

CAI_INLINE void *handed_out(enum cai_place place, void *block, size_t size, size_t token)
{
    if (place == CAI_PLACE_nocaps && CAI_LIKELY(block != NULL))
        cai_nocaps_note(block, size, token < cai_settings->token_trusted);
    return block;
}

/* place: a constant. */
CAI_INLINE void *take_from(enum cai_place place, size_t size, bool zeroed, size_t token)
{
    void *block = size <= PTRDIFF_MAX ? cai_allocate(place, size, zeroed) : NULL;

    return CAI_LIKELY(block != NULL) ? handed_out_plain(place, block, size, token) : out_of_memory();
}

CAI_INLINE void *take(size_t size, bool zeroed, size_t token)
{
    if (CAI_UNLIKELY(cai_too_early()))
        return cai_early_allocate(size, 16);
    return place_of(token) == CAI_PLACE_nocaps ? take_from(CAI_PLACE_nocaps, size, zeroed, token)
                                               : take_from(CAI_PLACE_ordinary, size, zeroed, token);
}

static CAI_NOINLINE void *token_malloc(size_t size, size_t token)
{
    return take(size, false, token);
}

static CAI_NOINLINE void *token_calloc(size_t count, size_t size, size_t token)
{
    size_t bytes;

    return __builtin_mul_overflow(count, size, &bytes) ? out_of_memory() : take(bytes, true, token);
}

/* A block from before the library was ready: it stays where it is. */
static CAI_COLD void *resize_early(void *block, size_t size, size_t token)
{
    if (cai_early())
        return cai_early_resize(block, size);
    void *moved = token_malloc(size, token);
    return moved != NULL ? memcpy(moved, block, cai_min(size, cai_early_usable(block))) : NULL;
}

/* A block that moves to another place: only from nocaps, when it may hold pointers from now on. The other way round it
 * stays, because it may hold some already. */
static CAI_NOINLINE void *token_realloc(void *block, size_t size, size_t token)
{
    static const char function[] = "__alloc_token_realloc";
    void *resized = NULL;

    if (block == NULL)
        return token_malloc(size, token);
    if (!cai_hardened_enters(&block, function))
        return NULL;
    if (size == 0) {
        cai_back_free(block, function);
        return NULL;
    }
    if (CAI_UNLIKELY(cai_early_owns(block)))
        return resize_early(block, size, token);
    if (size > PTRDIFF_MAX)
        return out_of_memory();
    if (cai_back_place(block) == CAI_PLACE_ordinary)
        resized = cai_resize(CAI_PLACE_ordinary, block, size, function);
    else if (place_of(token) == CAI_PLACE_nocaps)
        resized = cai_nocaps_resize(block, size, token < cai_settings->token_trusted, function);
    else
        resized = cai_nocaps_leave(block, size, function);
    return CAI_LIKELY(resized != NULL) ? resized : out_of_memory();
}

static CAI_NOINLINE void *token_reallocarray(void *block, size_t count, size_t size, size_t token)
{
    size_t bytes;

    return __builtin_mul_overflow(count, size, &bytes) ? out_of_memory() : token_realloc(block, bytes, token);
}

static CAI_NOINLINE void *token_aligned(size_t alignment, size_t size, size_t token)
{
    enum cai_place place = place_of(token);

    return handed_out(place, cai_aligned_alloc(place, alignment, size), size, token);
}

static CAI_NOINLINE void *token_memalign(size_t alignment, size_t size, size_t token)
{
    enum cai_place place = place_of(token);

    return handed_out(place, cai_aligned_rounded(place, alignment, size), size, token);
}

static CAI_NOINLINE int token_posix(void **block, size_t alignment, size_t size, size_t token)
{
    enum cai_place place = place_of(token);
    int error = cai_aligned_posix(place, block, alignment, size);

    if (error == 0)
        handed_out(place, *block, size, token);
    return error;
}

static CAI_NOINLINE void *token_pages(size_t size, bool whole, size_t token)
{
    enum cai_place place = place_of(token);
    void *block = cai_aligned_pages(place, size, whole);

    if (block == NULL || place != CAI_PLACE_nocaps)
        return block;
    return handed_out(place, block, whole ? cai_usable(place, block, "pvalloc") : size, token);
}

static CAI_NOINLINE void *token_new(size_t size, size_t alignment, bool may_throw, size_t token)
{
    if (CAI_UNLIKELY(cai_too_early()))
        return cai_new_early(size, alignment, may_throw);
    enum cai_place place = place_of(token);
    void *block = cai_new(place, size, alignment, may_throw);

    return alignment <= 16 && CAI_LIKELY(block != NULL) ? handed_out_plain(place, block, size, token)
                                                        : handed_out(place, block, size, token);
}

/* The block and how much of it may be used. */
struct sized {
    void *block;
    size_t bytes;
};

static CAI_NOINLINE struct sized token_sized_new(size_t size, size_t alignment, size_t token)
{
    if (CAI_UNLIKELY(cai_too_early())) {
        void *early = cai_new_early(size, alignment, true);
        return (struct sized){early, cai_early_usable(early)};
    }
    enum cai_place place = place_of(token);
    void *block = cai_new(place, size, alignment, true);
    size_t bytes = cai_usable(place, block, "__size_returning_new");

    return (struct sized){handed_out(place, block, bytes, token), bytes};
}

#define IGNORED __attribute__((unused))
#define TAG const struct nothrow *tag IGNORED
#define HINT uint8_t hint IGNORED
struct nothrow;

/* __alloc_token_malloc(size, token) and so on. */
#define WITH_TOKEN(...) (__VA_ARGS__, size_t token)
#define TOKEN(result, name, parameters, done)                                                                          \
    CAI_EXPORT result __alloc_token_##name WITH_TOKEN parameters;                                                      \
    result __alloc_token_##name WITH_TOKEN parameters                                                                  \
    {                                                                                                                  \
        return done;                                                                                                   \
    }
#include "preload/tokens.def"
#undef TOKEN

/* __alloc_token_0_malloc(size) to __alloc_token_15_malloc(size) and so on. */
#define BY_NAME(number, result, name, parameters, done)                                                                \
    CAI_EXPORT result __alloc_token_##number##_##name parameters;                                                      \
    result __alloc_token_##number##_##name parameters                                                                  \
    {                                                                                                                  \
        size_t token = from_name(number);                                                                              \
        return done;                                                                                                   \
    }
#define TOKEN(...)                                                                                                     \
    BY_NAME(0, __VA_ARGS__)                                                                                            \
    BY_NAME(1, __VA_ARGS__)                                                                                            \
    BY_NAME(2, __VA_ARGS__)                                                                                            \
    BY_NAME(3, __VA_ARGS__)                                                                                            \
    BY_NAME(4, __VA_ARGS__)                                                                                            \
    BY_NAME(5, __VA_ARGS__)                                                                                            \
    BY_NAME(6, __VA_ARGS__)                                                                                            \
    BY_NAME(7, __VA_ARGS__)                                                                                            \
    BY_NAME(8, __VA_ARGS__)                                                                                            \
    BY_NAME(9, __VA_ARGS__)                                                                                            \
    BY_NAME(10, __VA_ARGS__)                                                                                           \
    BY_NAME(11, __VA_ARGS__)                                                                                           \
    BY_NAME(12, __VA_ARGS__)                                                                                           \
    BY_NAME(13, __VA_ARGS__)                                                                                           \
    BY_NAME(14, __VA_ARGS__)                                                                                           \
    BY_NAME(15, __VA_ARGS__)
#include "preload/tokens.def"
