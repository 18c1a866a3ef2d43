/* Content by which a block is known again: eight bytes that depend on a seed and their offset, over the whole length. */
#ifndef TESTS_SUPPORT_CONTENT_H
#define TESTS_SUPPORT_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline unsigned char content_at(uint64_t seed, size_t i)
{
    return (unsigned char)((seed + i / 8 * 0x9e3779b97f4a7c15u) >> (i % 8 * 8));
}

static inline void content_fill(void *block, size_t from, size_t to, uint64_t seed)
{
    for (size_t i = from; i < to; i++)
        ((unsigned char *)block)[i] = content_at(seed, i);
}

/* Large blocks are looked at in part: the ends of every 4 KiB. */
static inline bool content_holds(const void *block, size_t bytes, uint64_t seed)
{
    for (size_t i = 0; i < bytes; i++) {
        if (((const unsigned char *)block)[i] != content_at(seed, i))
            return false;
        if (bytes > 65536 && i % 4096 == 64)
            i += 3968;
    }
    return true;
}

/* All bytes are zero. */
static inline bool content_is_zero(const void *block, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (((const unsigned char *)block)[i] != 0)
            return false;
    return true;
}

#endif
