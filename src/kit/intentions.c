/* The allocator trait: growing what has an intention, and shrinking anything. What an allocator lacks is made from its
 * methods for the same intention, so that what was promised of the memory holds on the way.
 */
#include "kit/trait.h"

#include "heaps/heaps.h"

#include <string.h>

/* Into `made`, which is new: the first `bytes` bytes of a block, which then goes back. */
#define MOVE(allocator, made, block, layout, bytes, give_back)                                                         \
    if ((made).ptr != NULL && (layout).size != 0) {                                                                    \
        memcpy((made).ptr, (block).ptr, bytes);                                                                        \
        give_back(allocator, block, layout);                                                                           \
    }

#define GROWING(type, method, make, give_back)                                                                         \
    CAI_EXPORT type##_result ca_allocator_##method(ca_allocator allocator, type block, ca_layout old_layout,           \
                                                   ca_layout new_layout)                                               \
    {                                                                                                                  \
        bool possible = new_layout.size >= old_layout.size;                                                            \
        ca_error refused = cai_trait_resizing_refusal(allocator, (ca_block){.ptr = block.ptr, .size = block.size},     \
                                                      old_layout, new_layout, possible, "ca_allocator_" #method);      \
        ca_block_result answer;                                                                                        \
                                                                                                                       \
        if (cai_trait_is_answered(refused, new_layout, &answer))                                                       \
            return CAI_AS(type, answer);                                                                               \
        if (old_layout.size != 0 && CAI_HAS_METHOD(allocator, method))                                                 \
            return allocator.vtable->method(allocator.self, block, old_layout, new_layout);                            \
        type##_result grown = make(allocator, new_layout);                                                             \
        MOVE(allocator, grown, block, old_layout, old_layout.size, give_back)                                          \
        return grown;                                                                                                  \
    }
GROWING(ca_nocaps, grow_nocaps, ca_allocator_allocate_nocaps, ca_allocator_deallocate_nocaps)
GROWING(ca_mustzero, grow_mustzero, ca_allocator_allocate_mustzero, ca_allocator_deallocate_zeroed)
GROWING(ca_secret, grow_secret, ca_allocator_allocate_secret, ca_allocator_deallocate_secret)

/* An alignment that the address lacks: the block is first grown by nothing, to where it has that, by the allocator that
 * knows its blocks; what cannot be made shorter afterwards is still one that is long enough. */
#define SHRINKING(type, method, grow_method, make, give_back)                                                          \
    CAI_EXPORT type##_result ca_allocator_##method(ca_allocator allocator, type block, ca_layout old_layout,           \
                                                   ca_layout new_layout)                                               \
    {                                                                                                                  \
        bool possible = new_layout.size <= old_layout.size;                                                            \
        ca_error refused = cai_trait_resizing_refusal(allocator, (ca_block){.ptr = block.ptr, .size = block.size},     \
                                                      old_layout, new_layout, possible, "ca_allocator_" #method);      \
        ca_layout realigned = {.size = old_layout.size, .align = new_layout.align};                                    \
        type##_result moved = {.ptr = NULL, .size_or_error = 0};                                                       \
        type##_result shrunk = {.ptr = block.ptr, .size_or_error = block.size};                                        \
        ca_block_result answer;                                                                                        \
                                                                                                                       \
        if (cai_trait_is_answered(refused, new_layout, &answer)) {                                                     \
            if (answer.ptr != NULL && old_layout.size != 0)                                                            \
                give_back(allocator, block, old_layout);                                                               \
            return CAI_AS(type, answer);                                                                               \
        }                                                                                                              \
        if (!cai_has_alignment(block.ptr, new_layout.align) && CAI_HAS_METHOD(allocator, grow_method) &&               \
            ca_layout_is_valid(realigned)) {                                                                           \
            moved = allocator.vtable->grow_method(allocator.self, block, old_layout, realigned);                       \
            if (moved.ptr == NULL)                                                                                     \
                return moved;                                                                                          \
            block = (type){.ptr = moved.ptr, .size = moved.size_or_error};                                             \
            old_layout = realigned;                                                                                    \
            shrunk = moved;                                                                                            \
        }                                                                                                              \
        bool stays = cai_has_alignment(block.ptr, new_layout.align);                                                   \
        if (stays && CAI_HAS_METHOD(allocator, method)) {                                                              \
            shrunk = allocator.vtable->method(allocator.self, block, old_layout, new_layout);                          \
        } else if (!stays || new_layout.size != old_layout.size || new_layout.align != old_layout.align) {             \
            shrunk = make(allocator, new_layout);                                                                      \
            MOVE(allocator, shrunk, block, old_layout, new_layout.size, give_back)                                     \
        }                                                                                                              \
        return shrunk.ptr == NULL && moved.ptr != NULL ? moved : shrunk;                                               \
    }
SHRINKING(ca_block, shrink, grow, ca_allocator_allocate, ca_allocator_deallocate)
SHRINKING(ca_nocaps, shrink_nocaps, grow_nocaps, ca_allocator_allocate_nocaps, ca_allocator_deallocate_nocaps)
SHRINKING(ca_mustzero, shrink_mustzero, grow_mustzero, ca_allocator_allocate_mustzero, ca_allocator_deallocate_zeroed)
SHRINKING(ca_secret, shrink_secret, grow_secret, ca_allocator_allocate_secret, ca_allocator_deallocate_secret)
