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

/* What the word differs by from the one before it. */
enum { CONTENT_WORD = sizeof(uint64_t) };
static const uint64_t content_step = 0x9e3779b97f4a7c15u;

static inline unsigned char content_byte(uint64_t seed, size_t i)
{
    return (unsigned char)((seed + i / CONTENT_WORD * content_step) >> (i % CONTENT_WORD * 8));
}

static inline void content_fill(void *block, size_t from, size_t to, uint64_t seed)
{
    unsigned char *bytes = block;
    size_t i = from;

    for (; i < to && i % CONTENT_WORD != 0; i++)
        bytes[i] = content_byte(seed, i);
    for (uint64_t word = seed + i / CONTENT_WORD * content_step; i + CONTENT_WORD <= to; i += CONTENT_WORD) {
        *(content_unaligned *)(bytes + i) = word;
        word += content_step;
    }
    for (; i < to; i++)
        bytes[i] = content_byte(seed, i);
}

/* Large blocks are looked at in part: the first and last eight bytes of every 512. */
static inline bool content_holds(const void *block, size_t bytes, uint64_t seed)
{
    const unsigned char *held = block;
    size_t words = bytes / CONTENT_WORD;
    bool in_part = bytes > 65536;

    for (size_t i = 0; i < words; i += in_part && i % 64 == 0 ? 63 : 1)
        if (((const content_unaligned *)held)[i] != seed + i * content_step)
            return false;
    for (size_t i = words * CONTENT_WORD; i < bytes; i++)
        if (held[i] != content_byte(seed, i))
            return false;
    return true;
}

/* All bytes are zero. */
static inline bool content_is_zero(const void *block, size_t bytes)
{
    const char *held = block;

    return bytes == 0 || (held[0] == 0 && memcmp(held, held + 1, bytes - 1) == 0);
}

#endif
