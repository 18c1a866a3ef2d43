/* Content by which a block is known again: eight bytes that depend on a seed and their offset, over the whole
 * length. */
#ifndef TESTS_SUPPORT_CONTENT_H
#define TESTS_SUPPORT_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Tests are compiled without the compiler's own memcpy: eight bytes at once are spelled out. */
typedef uint64_t content_unaligned __attribute__((aligned(1), may_alias));

static inline uint64_t content_word(uint64_t seed, size_t i)
{
    return seed + i / 8 * 0x9e3779b97f4a7c15u;
}

static inline void content_fill(void *block, size_t from, size_t to, uint64_t seed)
{
    unsigned char *bytes = block;

    for (size_t i = from; i < to; i++) {
        uint64_t word = content_word(seed, i);
        if (i % 8 == 0 && to - i >= 8) {
            *(content_unaligned *)(bytes + i) = word;
            i += 7;
        } else {
            bytes[i] = (unsigned char)(word >> (i % 8 * 8));
        }
    }
}

/* Large blocks are looked at in part: the first and last eight bytes of every 512. */
static inline bool content_holds(const void *block, size_t bytes, uint64_t seed)
{
    const unsigned char *held = block;

    for (size_t i = 0; i < bytes; i++) {
        uint64_t word = content_word(seed, i);
        if (i % 8 == 0 && bytes - i >= 8) {
            if (*(const content_unaligned *)(held + i) != word)
                return false;
            i += bytes > 65536 && i % 512 == 0 ? 503 : 7;
        } else if (held[i] != (unsigned char)(word >> (i % 8 * 8))) {
            return false;
        }
    }
    return true;
}

/* All bytes are zero. */
static inline bool content_is_zero(const void *block, size_t bytes)
{
    const char *held = block;

    return bytes == 0 || (held[0] == 0 && memcmp(held, held + 1, bytes - 1) == 0);
}

#endif
