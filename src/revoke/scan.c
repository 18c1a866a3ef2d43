/* See scan.h. Most words are no pointers: many at a time are told by one subtraction and one comparison. */
#include "revoke/scan.h"

#include "revoke/marks.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Reads everything: what others hold back, stacks, memory between blocks. */
#define READS_ALL __attribute__((no_sanitize("address", "thread", "undefined")))

/* All four places: twice as many bits more than one has. */
CAI_INLINE unsigned span_shift(void)
{
    return cai_sealed.shift + 2;
}

/* Read once: somebody may be writing it. `noted`: where its region is to be known, or NULL. */
READS_ALL CAI_INLINE void mark_word(const uintptr_t *word, struct cai_regions *noted)
{
    uintptr_t offset = *(const volatile uintptr_t *)word - cai_sealed.places;

    if (CAI_LIKELY(offset >> span_shift() != 0))
        return;
    cai_mark(offset);
    if (noted != NULL)
        *noted = cai_regions_both(*noted, cai_region_of(offset));
}

READS_ALL static void scan_words(const uintptr_t *word, const uintptr_t *end, struct cai_regions *noted)
{
    for (; word < end; word++)
        mark_word(word, noted);
}

#if defined(__x86_64__)
/* The processor's own prefetching ends with each page, and memory of a heap is in no cache: a line for each that is
 * read is fetched from so much further on, past the second cache, which is the program's. Not where pages are read one
 * by one, as what follows is not read there. */
enum { AHEAD_WORDS = 2048 / sizeof(uintptr_t) };

CAI_INLINE size_t ahead_of(const struct cai_regions *noted)
{
    return noted == NULL ? AHEAD_WORDS : 0;
}

/* Of eight words those that may be a pointer are looked at. */
READS_ALL __attribute__((target("avx2"))) static void scan_avx2(const uintptr_t *word, const uintptr_t *end,
                                                                struct cai_regions *noted)
{
    __m256i places = _mm256_set1_epi64x((long long)cai_sealed.places);
    __m128i shift = _mm_cvtsi32_si128((int)span_shift());
    __m256i zero = _mm256_setzero_si256();
    size_t ahead = ahead_of(noted);

    for (; end - word >= 8; word += 8) {
        __builtin_prefetch(word + ahead, 0, 0);
        __m256i low = _mm256_sub_epi64(_mm256_loadu_si256((const __m256i *)word), places);
        __m256i high = _mm256_sub_epi64(_mm256_loadu_si256((const __m256i *)(word + 4)), places);
        __m256i is_low = _mm256_cmpeq_epi64(_mm256_srl_epi64(low, shift), zero);
        __m256i is_high = _mm256_cmpeq_epi64(_mm256_srl_epi64(high, shift), zero);
        unsigned found = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(is_low)) |
                         (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(is_high)) << 4;
        for (; CAI_UNLIKELY(found != 0); found &= found - 1)
            mark_word(word + __builtin_ctz(found), noted);
    }
    scan_words(word, end, noted);
}

/* The same, sixteen at a time. */
READS_ALL __attribute__((target("avx512f"))) static void scan_avx512(const uintptr_t *word, const uintptr_t *end,
                                                                     struct cai_regions *noted)
{
    __m512i places = _mm512_set1_epi64((long long)cai_sealed.places);
    __m512i span = _mm512_set1_epi64(1LL << span_shift());
    size_t ahead = ahead_of(noted);

    for (; end - word >= 16; word += 16) {
        __builtin_prefetch(word + ahead, 0, 0);
        __builtin_prefetch(word + ahead + 8, 0, 0);
        __m512i low = _mm512_sub_epi64(_mm512_loadu_si512(word), places);
        __m512i high = _mm512_sub_epi64(_mm512_loadu_si512(word + 8), places);
        unsigned found = _mm512_cmplt_epu64_mask(low, span) | (unsigned)_mm512_cmplt_epu64_mask(high, span) << 8;
        for (; CAI_UNLIKELY(found != 0); found &= found - 1)
            mark_word(word + __builtin_ctz(found), noted);
    }
    scan_words(word, end, noted);
}
#endif

static void scan(const void *begin, size_t bytes, struct cai_regions *noted)
{
    const uintptr_t *from = (const uintptr_t *)cai_round_up((uintptr_t)begin, sizeof(uintptr_t));
    const uintptr_t *end = (const uintptr_t *)cai_round_down((uintptr_t)begin + bytes, sizeof(uintptr_t));

#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        scan_avx512(from, end, noted);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        scan_avx2(from, end, noted);
        return;
    }
#endif
    scan_words(from, end, noted);
}

void cai_scan(const void *begin, size_t bytes)
{
    scan(begin, bytes, NULL);
}

struct cai_regions cai_scan_noting(const void *begin, size_t bytes)
{
    struct cai_regions regions = {0, 0};

    scan(begin, bytes, &regions);
    return regions;
}

READS_ALL void cai_scan_bytes(const void *begin, size_t bytes)
{
    const char *at = begin;

    for (size_t i = 0; i + sizeof(uintptr_t) <= bytes; i++) {
        uintptr_t word;
        memcpy(&word, at + i, sizeof word);
        if ((word - cai_sealed.places) >> span_shift() == 0)
            cai_mark(word - cai_sealed.places);
    }
}
