/* Many blocks of one size in the ordinary place: taken and written, looked at, given back, by whatever thread. */
#ifndef TESTS_SUPPORT_MANY_H
#define TESTS_SUPPORT_MANY_H

#include "heaps/allocate.h"
#include "heaps/free.h"
#include "support/child.h"

#include <string.h>

enum { MANY = 5000 };

static void *many_blocks[MANY];

static inline void *take(size_t bytes)
{
    void *block = cai_allocate(CAI_PLACE_ordinary, bytes, false);

    require(block != NULL && (uintptr_t)block % 16 == 0);
    return block;
}

static inline void give(void *block)
{
    cai_free(CAI_PLACE_ordinary, block, "free");
}

static inline void take_many(size_t bytes)
{
    for (unsigned i = 0; i < MANY; i++) {
        many_blocks[i] = take(bytes);
        memset(many_blocks[i], (int)i, bytes);
    }
}

static inline void check_many(size_t bytes)
{
    for (unsigned i = 0; i < MANY; i++)
        for (size_t k = 0; k < bytes; k += 7)
            require(((uint8_t *)many_blocks[i])[k] == (uint8_t)i);
}

static inline void give_many(void)
{
    for (unsigned i = 0; i < MANY; i++)
        give(many_blocks[i]);
}

/* Units that slabs and large blocks have. */
static inline size_t used_units(void)
{
    size_t units = 0;

    for (unsigned i = 0; i < CAI_ZONES; i++)
        units += cai_zones[i].used_units;
    return units;
}

#endif
