/* See age.h. What was cleared comes before whoever takes the slot: the state is read by an acquiring load, or with a
 * fence behind it where many are read at once, and the store of the next state passes that on.
 */
#include "heaps/age.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "base/sixteen.h"
#include "blocks/state.h"

#include <stdbool.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { FREE = CAI_STATE_IN_SLAB | CAI_STATE_ZERO };

static uint32_t sum_of(cai_bytes16 counts)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < sizeof counts; i++)
        sum += counts[i];
    return sum;
}

/* Only the first state byte of a slot says one or the other. Counted in bytes, which hold 255. */
CAI_NO_TSAN struct cai_slots cai_count_bytewise(const uint8_t *states, size_t count)
{
    enum { AT_ONCE = 128 };
    struct cai_slots slots = {0, 0};

    for (size_t at = 0; at < count;) {
        cai_bytes16 live = {0};
        cai_bytes16 waiting = {0};
        for (unsigned i = 0; i < AT_ONCE && at < count; i++, at += sizeof(cai_bytes16)) {
            cai_bytes16 chunk;
            memcpy(&chunk, states + at, sizeof chunk);
            live -= (cai_bytes16)((chunk != 0) & (chunk < 0x80));
            waiting -= (cai_bytes16)((chunk & 0xfc) == CAI_STATE_QUARANTINED);
        }
        slots.live += sum_of(live);
        slots.waiting += sum_of(waiting);
    }
    return slots;
}

/* One that waits. What its thread did before it stored that comes before what the next owner does. */
static uint32_t age_one(uint8_t *state)
{
    bool free = cai_load_acquire(state) == CAI_STATE_CANDIDATE;

    cai_store_release(state, free ? FREE : CAI_STATE_CANDIDATE);
    return free;
}

CAI_NO_TSAN struct cai_aged cai_age_bytewise(uint8_t *states, size_t count)
{
    struct cai_slots slots = cai_count_bytewise(states, count);
    uint32_t released = 0;

    for (size_t at = 0; at < count && slots.waiting != 0; at += sizeof(cai_bytes16)) {
        cai_bytes16 chunk;
        memcpy(&chunk, states + at, sizeof chunk);
        cai_words2 waits = (cai_words2)((chunk & 0xfe) == CAI_STATE_QUARANTINED) & UINT64_C(0x0101010101010101);
        for (unsigned half = 0; half < 2; half++)
            for (uint64_t left = waits[half]; left != 0; left &= left - 1)
                released += age_one(&states[at + half * 8 + (unsigned)__builtin_ctzll(left) / 8]);
    }
    return (struct cai_aged){slots, released};
}

struct cai_aged cai_age_long(uint8_t *states, size_t slots, size_t step)
{
    struct cai_aged aged = {{0, 0}, 0};

    for (; slots != 0; slots--, states += step) {
        uint8_t byte = cai_load_relaxed(states);
        aged.slots.live += byte != 0 && byte < 0x80;
        if ((byte & 0xfe) != CAI_STATE_QUARANTINED)
            continue;
        aged.slots.waiting++;
        aged.released += age_one(states);
    }
    return aged;
}

#if defined(__x86_64__)
__attribute__((target("avx512bw,popcnt"))) CAI_NO_TSAN static struct cai_aged age_masked(uint8_t *states, size_t count)
{
    const __m512i candidate = _mm512_set1_epi8((char)CAI_STATE_CANDIDATE);
    const __m512i quarantined = _mm512_set1_epi8((char)CAI_STATE_QUARANTINED);
    struct cai_aged aged = {{0, 0}, 0};

    for (size_t at = 0; at < count; at += sizeof candidate) {
        __m512i chunk = _mm512_loadu_si512(states + at);
        __mmask64 goes = _mm512_cmpeq_epi8_mask(chunk, candidate);
        __mmask64 came = _mm512_cmpeq_epi8_mask(chunk, quarantined);
        aged.slots.live += (uint32_t)__builtin_popcountll(_mm512_cmpgt_epi8_mask(chunk, _mm512_setzero_si512()));
        if ((goes | came) == 0)
            continue;
        __atomic_thread_fence(__ATOMIC_ACQ_REL); /* of one store on this processor the compiler alone has to be told */
        _mm512_mask_storeu_epi8(states + at, goes, _mm512_set1_epi8((char)FREE));
        _mm512_mask_storeu_epi8(states + at, came, candidate);
        aged.slots.waiting += (uint32_t)__builtin_popcountll(goes | came);
        aged.released += (uint32_t)__builtin_popcountll(goes);
    }
    return aged;
}
#endif

#if defined(__x86_64__)
__attribute__((target("avx512bw,popcnt"))) CAI_NO_TSAN static struct cai_slots count_masked(const uint8_t *states,
                                                                                            size_t count)
{
    const __m512i waits = _mm512_set1_epi8((char)CAI_STATE_QUARANTINED);
    struct cai_slots slots = {0, 0};

    for (size_t at = 0; at < count; at += sizeof waits) {
        __m512i chunk = _mm512_loadu_si512(states + at);
        __mmask64 live = _mm512_cmpgt_epi8_mask(chunk, _mm512_setzero_si512());
        __mmask64 waiting = _mm512_cmpeq_epi8_mask(_mm512_and_si512(chunk, _mm512_set1_epi8((char)0xfc)), waits);
        slots.live += (uint32_t)__builtin_popcountll(live);
        slots.waiting += (uint32_t)__builtin_popcountll(waiting);
    }
    return slots;
}
#endif

#if defined(__x86_64__)
/* 32 states at once, counted in bytes as above. */
__attribute__((target("avx2"))) static uint32_t sum_of_32(__m256i counts)
{
    __m256i four = _mm256_sad_epu8(counts, _mm256_setzero_si256());
    __m128i two = _mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));

    return (uint32_t)(_mm_cvtsi128_si64(two) + _mm_extract_epi64(two, 1));
}

__attribute__((target("avx2"))) CAI_NO_TSAN struct cai_slots cai_count_by_32(const uint8_t *states, size_t count)
{
    enum { AT_ONCE = 128 };
    const __m256i waits = _mm256_set1_epi8((char)CAI_STATE_QUARANTINED);
    struct cai_slots slots = {0, 0};

    for (size_t at = 0; at < count;) {
        __m256i live = _mm256_setzero_si256();
        __m256i waiting = _mm256_setzero_si256();
        for (unsigned i = 0; i < AT_ONCE && at < count; i++, at += sizeof waits) {
            __m256i chunk = _mm256_loadu_si256((const __m256i *)(const void *)(states + at));
            live = _mm256_sub_epi8(live, _mm256_cmpgt_epi8(chunk, _mm256_setzero_si256()));
            chunk = _mm256_and_si256(chunk, _mm256_set1_epi8((char)0xfc));
            waiting = _mm256_sub_epi8(waiting, _mm256_cmpeq_epi8(chunk, waits));
        }
        slots.live += sum_of_32(live);
        slots.waiting += sum_of_32(waiting);
    }
    return slots;
}

/* Which of 32 states say this. */
__attribute__((target("avx2"))) static uint32_t which_of_32(__m256i chunk, uint8_t state)
{
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(chunk, _mm256_set1_epi8((char)state)));
}

CAI_INLINE void store_each(uint8_t *states, uint32_t which, uint8_t state)
{
    for (; which != 0; which &= which - 1)
        cai_store_relaxed(&states[__builtin_ctz(which)], state);
}

/* Of 32 states those that wait are told what they are now. */
__attribute__((target("avx2,bmi,popcnt"))) CAI_NO_TSAN static void age_32(uint8_t *states, __m256i chunk,
                                                                          struct cai_aged *aged)
{
    uint32_t goes = which_of_32(chunk, CAI_STATE_CANDIDATE);
    uint32_t came = which_of_32(chunk, CAI_STATE_QUARANTINED);

    __atomic_thread_fence(__ATOMIC_ACQ_REL); /* as above */
    store_each(states, goes, FREE);
    store_each(states, came, CAI_STATE_CANDIDATE);
    aged->slots.waiting += (uint32_t)__builtin_popcount(goes | came);
    aged->released += (uint32_t)__builtin_popcount(goes);
}

__attribute__((target("avx2,bmi,popcnt"))) CAI_NO_TSAN struct cai_aged cai_age_by_32(uint8_t *states, size_t count)
{
    enum { AT_ONCE = 128 };
    const __m256i waits = _mm256_set1_epi8((char)CAI_STATE_QUARANTINED);
    struct cai_aged aged = {{0, 0}, 0};

    for (size_t at = 0; at < count;) {
        __m256i live = _mm256_setzero_si256();
        size_t until = cai_min(count, at + AT_ONCE * sizeof live);
        for (; at < until; at += sizeof live) {
            __m256i chunk = _mm256_loadu_si256((const __m256i *)(const void *)(states + at));
            live = _mm256_sub_epi8(live, _mm256_cmpgt_epi8(chunk, _mm256_setzero_si256()));
            /* QUARANTINED and CANDIDATE but for the lowest bit */
            __m256i waiting = _mm256_cmpeq_epi8(_mm256_and_si256(chunk, _mm256_set1_epi8((char)0xfe)), waits);
            if (_mm256_movemask_epi8(waiting) != 0)
                age_32(states + at, chunk, &aged);
        }
        aged.slots.live += sum_of_32(live);
    }
    return aged;
}

__attribute__((target("avx2,bmi"))) CAI_NO_TSAN void cai_gather_by_32(uint8_t *states, size_t count)
{
    for (size_t at = 0; at < count; at += sizeof(__m256i)) {
        __m256i chunk = _mm256_loadu_si256((const __m256i *)(const void *)(states + at));
        uint32_t came = which_of_32(chunk, CAI_STATE_QUARANTINED);
        if (came == 0)
            continue;
        __atomic_thread_fence(__ATOMIC_ACQ_REL); /* as above */
        store_each(states + at, came, CAI_STATE_CANDIDATE);
    }
}

bool cai_has_32(void)
{
    return !CAI_TSAN && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("popcnt");
}
#endif

struct cai_slots cai_count_slots(const uint8_t *states, size_t count)
{
#if defined(__x86_64__)
    if (!CAI_TSAN && __builtin_cpu_supports("avx512bw"))
        return count_masked(states, count);
    if (cai_has_32())
        return cai_count_by_32(states, count);
#endif
    return cai_count_bytewise(states, count);
}

CAI_NO_TSAN void cai_gather_bytewise(uint8_t *states, size_t count)
{
    for (size_t at = 0; at < count; at += sizeof(cai_bytes16)) {
        cai_bytes16 chunk;
        memcpy(&chunk, states + at, sizeof chunk);
        cai_words2 came = (cai_words2)(chunk == CAI_STATE_QUARANTINED) & UINT64_C(0x0101010101010101);
        for (unsigned half = 0; half < 2; half++)
            for (uint64_t left = came[half]; left != 0; left &= left - 1)
                age_one(&states[at + half * 8 + (unsigned)__builtin_ctzll(left) / 8]);
    }
}

#if defined(__x86_64__)
__attribute__((target("avx512bw"))) CAI_NO_TSAN static void gather_masked(uint8_t *states, size_t count)
{
    const __m512i candidate = _mm512_set1_epi8((char)CAI_STATE_CANDIDATE);
    const __m512i quarantined = _mm512_set1_epi8((char)CAI_STATE_QUARANTINED);

    for (size_t at = 0; at < count; at += sizeof candidate) {
        __mmask64 came = _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(states + at), quarantined);
        if (came == 0)
            continue;
        __atomic_thread_fence(__ATOMIC_ACQ_REL); /* as above */
        _mm512_mask_storeu_epi8(states + at, came, candidate);
    }
}
#endif

void cai_gather(uint8_t *states, size_t count)
{
#if defined(__x86_64__)
    if (!CAI_TSAN && __builtin_cpu_supports("avx512bw")) {
        gather_masked(states, count);
        return;
    }
    if (cai_has_32()) {
        cai_gather_by_32(states, count);
        return;
    }
#endif
    cai_gather_bytewise(states, count);
}

struct cai_aged cai_age(uint8_t *states, size_t count)
{
#if defined(__x86_64__)
    if (!CAI_TSAN && __builtin_cpu_supports("avx512bw"))
        return age_masked(states, count);
    if (cai_has_32())
        return cai_age_by_32(states, count);
#endif
    return cai_age_bytewise(states, count);
}
