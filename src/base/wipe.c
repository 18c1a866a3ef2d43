/* See wipe.h. Long ranges are cleared past the caches: the program's own data stays there, and nobody waits for lines
 * that will be overwritten whole. Shorter ones are as a rule still cached from their use. Numbers:
 * docs/decisions/0016-clearing.md.
 */
#include "base/wipe.h"

#include "base/bits.h"
#include "base/tools.h"

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>

#define STREAM_BYTES_MIN (16 * CAI_MIB)

/* Another function: what it needs to save, short ranges need not. */
static CAI_NOINLINE void *stream_zeros(void *address, size_t bytes)
{
    __m128i *line = (__m128i *)cai_round_up((uintptr_t)address, CAI_CACHE_LINE);
    char *end = (char *)address + bytes;
    const __m128i zero = _mm_setzero_si128();

    memset(address, 0, (size_t)((char *)line - (char *)address));
    for (; (size_t)(end - (char *)line) >= CAI_CACHE_LINE; line += 4) {
        _mm_stream_si128(line, zero);
        _mm_stream_si128(line + 1, zero);
        _mm_stream_si128(line + 2, zero);
        _mm_stream_si128(line + 3, zero);
    }
    memset(line, 0, (size_t)(end - (char *)line));
    _mm_sfence(); /* before any later store: release stores alone do not order these */
    return address;
}

CAI_INLINE void *store_zeros(void *address, size_t bytes)
{
    return CAI_UNLIKELY(bytes >= STREAM_BYTES_MIN) ? stream_zeros(address, bytes) : memset(address, 0, bytes);
}
#else
/* memset clears whole lines without reading them where the processor can (AArch64: DC ZVA). */
CAI_INLINE void *store_zeros(void *address, size_t bytes)
{
    return memset(address, 0, bytes);
}
#endif

void cai_wipe(void *address, size_t bytes)
{
    if (CAI_TOOLS) {
        cai_tools_zero(address, bytes);
        return;
    }
    /* The memory is said to be read by this: the stores cannot be dead. */
    __asm__ volatile("" : : "r"(store_zeros(address, bytes)) : "memory");
}
