/* Numbers worth trying as alignments, sizes and counts: the ones where an answer of the layout functions changes, and
 * their neighbours. All arithmetic wraps on purpose: what it yields is an input, not an expectation.
 */
#ifndef TESTS_SUPPORT_LAYOUT_VALUES_H
#define TESTS_SUPPORT_LAYOUT_VALUES_H

#include "support/rng.h"

#include <stddef.h>
#include <stdint.h>

enum { LAYOUT_ALIGNS = 64 + 6, LAYOUT_SIZES = 24 };

/* Every power of two, then some that are none. */
static inline size_t layout_align_at(unsigned i)
{
    const size_t none[] = {0, 3, 6, ((size_t)1 << 63) + 1, ((size_t)1 << 63) - 1, SIZE_MAX};

    return i < 64 ? (size_t)1 << i : none[i - 64];
}

/* Sizes where something happens at this alignment: 0, multiples, PTRDIFF_MAX and SIZE_MAX with and without align. */
static inline size_t layout_size_at(size_t align, unsigned i)
{
    const size_t around[] = {
        1, align, 2 * align, PTRDIFF_MAX, PTRDIFF_MAX - align, PTRDIFF_MAX + align, SIZE_MAX - align, -1};

    return around[i / 3] + i % 3 - 1;
}

static inline size_t layout_wobble(struct rng *rng)
{
    return rng_below(rng, 5) - 2;
}

static inline size_t layout_any_align(struct rng *rng)
{
    switch (rng_below(rng, 16)) {
    case 0:
        return layout_align_at((unsigned)rng_below(rng, LAYOUT_ALIGNS));
    case 1:
        return rng_next(rng);
    default:
        return (size_t)1 << rng_below(rng, 1 + rng_below(rng, 64));
    }
}

static inline size_t layout_any_size(struct rng *rng, size_t align)
{
    switch (rng_below(rng, 8)) {
    case 0:
        return ((size_t)1 << rng_below(rng, 64)) + layout_wobble(rng);
    case 1:
        return rng_below(rng, 16) * align + layout_wobble(rng);
    case 2:
        return layout_size_at(align, (unsigned)rng_below(rng, LAYOUT_SIZES));
    case 3:
    case 4:
        return rng_below(rng, 256);
    default:
        return rng_size(rng, 63);
    }
}

/* A count of elements: about as many as PTRDIFF_MAX or SIZE_MAX has room for, or any. */
static inline size_t layout_any_count(struct rng *rng, size_t size, size_t align)
{
    size_t stride = (size + align - 1) & ~(align - 1);

    if (stride == 0 || rng_below(rng, 4) == 0)
        stride = size == 0 ? 1 : size;
    switch (rng_below(rng, 8)) {
    case 0:
        return ((size_t)PTRDIFF_MAX + 1 - align) / stride + layout_wobble(rng);
    case 1:
        return PTRDIFF_MAX / stride + layout_wobble(rng);
    case 2:
        return SIZE_MAX / stride + layout_wobble(rng);
    case 3:
        return layout_wobble(rng);
    case 4:
        return rng_next(rng);
    default:
        return rng_below(rng, 64);
    }
}

/* A size to put behind `size`: about as much as there is room for, or any. */
static inline size_t layout_any_next_size(struct rng *rng, size_t size, size_t align, size_t next_align)
{
    size_t most = align > next_align ? align : next_align;
    size_t start = (size + next_align - 1) & ~(next_align - 1);

    switch (rng_below(rng, 4)) {
    case 0:
        return (size_t)PTRDIFF_MAX + 1 - most - start + layout_wobble(rng);
    case 1:
        return (size_t)PTRDIFF_MAX + 1 - align - size + layout_wobble(rng);
    default:
        return layout_any_size(rng, next_align);
    }
}

#endif
