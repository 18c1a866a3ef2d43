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

READS_ALL static void scan_words(const uintptr_t *word, const uintptr_t *end)
{
    uintptr_t places = cai_sealed.places;
    unsigned shift = span_shift();

    for (; word < end; word++) {
        uintptr_t offset = *(const volatile uintptr_t *)word - places;
        if (CAI_UNLIKELY(offset >> shift == 0))
            cai_mark(offset);
    }
}

#if defined(__x86_64__)
READS_ALL __attribute__((target("avx2"))) static void scan_avx2(const uintptr_t *word, const uintptr_t *end)
{
    __m256i places = _mm256_set1_epi64x((long long)cai_sealed.places);
    __m128i shift = _mm_cvtsi32_si128((int)span_shift());
    __m256i zero = _mm256_setzero_si256();

    for (; end - word >= 8; word += 8) {
        __m256i low = _mm256_sub_epi64(_mm256_loadu_si256((const __m256i *)word), places);
        __m256i high = _mm256_sub_epi64(_mm256_loadu_si256((const __m256i *)(word + 4)), places);
        __m256i is_low = _mm256_cmpeq_epi64(_mm256_srl_epi64(low, shift), zero);
        __m256i is_high = _mm256_cmpeq_epi64(_mm256_srl_epi64(high, shift), zero);
        if (CAI_LIKELY(_mm256_testz_si256(_mm256_or_si256(is_low, is_high), _mm256_or_si256(is_low, is_high))))
            continue;
        scan_words(word, word + 8);
    }
    scan_words(word, end);
}

/* The same with a mask of the words that may be one: only these are looked at. */
READS_ALL __attribute__((target("avx512f"))) static void scan_avx512(const uintptr_t *word, const uintptr_t *end)
{
    __m512i places = _mm512_set1_epi64((long long)cai_sealed.places);
    __m512i span = _mm512_set1_epi64(1LL << span_shift());

    for (; end - word >= 16; word += 16) {
        __m512i low = _mm512_sub_epi64(_mm512_loadu_si512(word), places);
        __m512i high = _mm512_sub_epi64(_mm512_loadu_si512(word + 8), places);
        unsigned found = _mm512_cmplt_epu64_mask(low, span) | (unsigned)_mm512_cmplt_epu64_mask(high, span) << 8;
        for (; CAI_UNLIKELY(found != 0); found &= found - 1)
            scan_words(word + __builtin_ctz(found), word + __builtin_ctz(found) + 1);
    }
    scan_words(word, end);
}
#endif

void cai_scan(const void *begin, size_t bytes)
{
    uintptr_t from = cai_round_up((uintptr_t)begin, sizeof(uintptr_t));
    const uintptr_t *end = (const uintptr_t *)cai_round_down((uintptr_t)begin + bytes, sizeof(uintptr_t));

#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        scan_avx512((const uintptr_t *)from, end);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        scan_avx2((const uintptr_t *)from, end);
        return;
    }
#endif
    scan_words((const uintptr_t *)from, end);
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
