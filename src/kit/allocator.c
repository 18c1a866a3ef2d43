/* The allocator trait: one door per method. It turns away what no allocator can serve, answers size 0 itself, and then
 * calls the method, or, where the vtable has none, makes it from the two that every allocator has.
 *
 * A layout that cannot fit its block is a violation, reported before the allocator has heard of the call.
 */
#include "kit/trait.h"

#include "base/wipe.h"

#include <string.h>

/* --- allocate and deallocate --- */

static ca_block_result plain(ca_allocator allocator, ca_layout layout)
{
    return allocator.vtable->allocate(allocator.self, layout);
}

static ca_block_result zeroed(ca_allocator allocator, ca_layout layout)
{
    if (CAI_HAS_METHOD(allocator, allocate_zeroed))
        return allocator.vtable->allocate_zeroed(allocator.self, layout);
    ca_block_result made = plain(allocator, layout);
    if (made.ptr != NULL)
        memset(made.ptr, 0, made.size_or_error);
    return made;
}

/* `provided` stands in for a method that the allocator does not have. */
#define ALLOCATING(type, name, provided)                                                                               \
    CAI_EXPORT type##_result ca_allocator_##name(ca_allocator allocator, ca_layout layout)                             \
    {                                                                                                                  \
        ca_block_result made;                                                                                          \
                                                                                                                       \
        if (!cai_trait_is_answered(cai_trait_refusal(allocator, layout), layout, &made)) {                             \
            if (CAI_HAS_METHOD(allocator, name))                                                                       \
                return allocator.vtable->name(allocator.self, layout);                                                 \
            made = provided(allocator, layout);                                                                        \
        }                                                                                                              \
        return CAI_AS(type, made);                                                                                     \
    }
ALLOCATING(ca_block, allocate, plain)
ALLOCATING(ca_block, allocate_zeroed, zeroed)
ALLOCATING(ca_nocaps, allocate_nocaps, plain)
ALLOCATING(ca_mustzero, allocate_mustzero, zeroed)
ALLOCATING(ca_secret, allocate_secret, zeroed)
ALLOCATING(ca_block, allocate_at_least, plain)

/* Provided: deallocate, after clearing where the intention asks for it. */
#define DEALLOCATING(type, name, clears)                                                                               \
    CAI_EXPORT void ca_allocator_##name(ca_allocator allocator, type block, ca_layout layout)                          \
    {                                                                                                                  \
        ca_block back = {.ptr = block.ptr, .size = block.size};                                                        \
                                                                                                                       \
        if (!cai_trait_fits(back, layout, "ca_allocator_" #name) || layout.size == 0 || !cai_is_complete(allocator))   \
            return;                                                                                                    \
        if (CAI_HAS_METHOD(allocator, name)) {                                                                         \
            allocator.vtable->name(allocator.self, block, layout);                                                     \
            return;                                                                                                    \
        }                                                                                                              \
        if (clears)                                                                                                    \
            cai_wipe(back.ptr, back.size);                                                                             \
        allocator.vtable->deallocate(allocator.self, back, layout);                                                    \
    }
DEALLOCATING(ca_block, deallocate, false)
DEALLOCATING(ca_nocaps, deallocate_nocaps, false)
DEALLOCATING(ca_mustzero, deallocate_zeroed, true)
DEALLOCATING(ca_secret, deallocate_secret, true)

/* --- growing --- */

/* Into `made`, which is new: the first `bytes` bytes. The old block, unless it is of size 0, is given back. */
static ca_block_result move(ca_allocator allocator, ca_block block, ca_layout layout, ca_block_result made,
                            size_t bytes)
{
    if (made.ptr != NULL && layout.size != 0) {
        memcpy(made.ptr, block.ptr, bytes);
        allocator.vtable->deallocate(allocator.self, block, layout);
    }
    return made;
}

CAI_INLINE ca_block_result grow(ca_allocator allocator, ca_block block, ca_layout old_layout, ca_layout new_layout,
                                bool zeroes, const char *function)
{
    bool possible = new_layout.size >= old_layout.size;
    ca_block_result grown;

    if (cai_trait_is_answered(cai_trait_resizing_refusal(allocator, block, old_layout, new_layout, possible, function),
                              new_layout, &grown))
        return grown;
    if (zeroes && old_layout.size != 0 && CAI_HAS_METHOD(allocator, grow_zeroed))
        return allocator.vtable->grow_zeroed(allocator.self, block, old_layout, new_layout);
    if (old_layout.size == 0 || !CAI_HAS_METHOD(allocator, grow)) {
        grown = zeroes ? zeroed(allocator, new_layout) : plain(allocator, new_layout);
        return move(allocator, block, old_layout, grown, old_layout.size);
    }
    grown = allocator.vtable->grow(allocator.self, block, old_layout, new_layout);
    /* It may have stayed in place; what was added is then cleared here. */
    if (zeroes && grown.ptr != NULL)
        memset((char *)grown.ptr + old_layout.size, 0, grown.size_or_error - old_layout.size);
    return grown;
}

CAI_EXPORT ca_block_result ca_allocator_grow(ca_allocator allocator, ca_block block, ca_layout old_layout,
                                             ca_layout new_layout)
{
    return grow(allocator, block, old_layout, new_layout, false, "ca_allocator_grow");
}

CAI_EXPORT ca_block_result ca_allocator_grow_zeroed(ca_allocator allocator, ca_block block, ca_layout old_layout,
                                                    ca_layout new_layout)
{
    return grow(allocator, block, old_layout, new_layout, true, "ca_allocator_grow_zeroed");
}

CAI_EXPORT unsigned ca_allocator_promises(ca_allocator allocator)
{
    if (!cai_is_complete(allocator))
        return 0;
    return CAI_HAS_METHOD(allocator, promises_now) ? allocator.vtable->promises_now(allocator.self)
                                                   : allocator.vtable->promises;
}
