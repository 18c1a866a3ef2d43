/* The allocator trait: one door per method. It turns away what no allocator can serve, answers size 0 itself, and then
 * calls the method, or, where the vtable has none, makes it from the two that every allocator has.
 *
 * A layout that cannot fit its block is a violation, reported before the allocator has heard of the call.
 */
#include <capalloc/allocator.h>

#include "base/wipe.h"
#include "core/result.h"
#include "core/violation.h"
#include "heaps/heaps.h"

#include <string.h>

/* Not where the vtable is older, and therefore shorter, than this one. */
#define HAS_METHOD(allocator, name)                                                                                    \
    (CAI_LIKELY((allocator).vtable->struct_size >= offsetof(ca_allocator_vtable, name) + sizeof(void (*)(void))) &&    \
     (allocator).vtable->name != NULL)

CAI_INLINE bool is_complete(ca_allocator allocator)
{
    return CAI_LIKELY(allocator.vtable != NULL && HAS_METHOD(allocator, deallocate) &&
                      allocator.vtable->allocate != NULL);
}

static bool has_alignment(const void *address, size_t align)
{
    return ((uintptr_t)address & (align - 1)) == 0;
}

static CAI_COLD void report_misfit(ca_block block, const char *function)
{
    bool null = block.ptr == NULL;

    cai_violation_report((ca_violation){
        .kind = null ? CA_VIOLATION_INVALID_FREE : CA_VIOLATION_SIZE_MISMATCH,
        .function = function,
        .address = block.ptr,
        .size = block.size,
        .place = cai_place_name(null ? CAI_PLACE_none : cai_place_of(block.ptr)),
        .stated = "a block that its layout fits",
        .found = null ? "a null pointer" : "a layout that does not fit a block",
    });
}

/* Whether the layout can be this block's, as far as the two can tell. Reports when not. Both of size 0 fit. */
CAI_INLINE bool fits(ca_block block, ca_layout layout, const char *function)
{
    bool empty = block.size == 0 && layout.size == 0;

    if (CAI_LIKELY(ca_layout_is_valid(layout) &&
                   (empty || (block.ptr != NULL && layout.size != 0 && layout.size <= block.size &&
                              has_alignment(block.ptr, layout.align)))))
        return true;
    report_misfit(block, function);
    return false;
}

/* Why nothing can be made of this layout, or CA_OK. */
CAI_INLINE ca_error refusal(ca_allocator allocator, ca_layout layout)
{
    bool valid = ca_layout_is_valid(layout);

    if (CAI_UNLIKELY(!is_complete(allocator)))
        return CA_ERROR_INVALID;
    return CAI_LIKELY(valid) ? CA_OK : CA_ERROR_LAYOUT;
}

/* True: *answer is the result, the allocator is not asked. */
CAI_INLINE bool is_answered(ca_error refused, ca_layout layout, ca_block_result *answer)
{
    if (CAI_LIKELY(refused == CA_OK && layout.size != 0))
        return false;
    *answer = refused == CA_OK ? cai_dangling(layout) : cai_failure(refused);
    return true;
}

/* --- allocate and deallocate --- */

static ca_block_result plain(ca_allocator allocator, ca_layout layout)
{
    return allocator.vtable->allocate(allocator.self, layout);
}

static ca_block_result zeroed(ca_allocator allocator, ca_layout layout)
{
    if (HAS_METHOD(allocator, allocate_zeroed))
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
        if (!is_answered(refusal(allocator, layout), layout, &made)) {                                                 \
            if (HAS_METHOD(allocator, name))                                                                           \
                return allocator.vtable->name(allocator.self, layout);                                                 \
            made = provided(allocator, layout);                                                                        \
        }                                                                                                              \
        return CAI_AS(type, made);                                                                                     \
    }
ALLOCATING(ca_block, allocate, plain)
ALLOCATING(ca_block, allocate_zeroed, zeroed)
ALLOCATING(ca_nocaps, allocate_nocaps, plain)
ALLOCATING(ca_mustzero, allocate_mustzero, zeroed)

/* Provided: deallocate, after clearing where the intention asks for it. */
#define DEALLOCATING(type, name, clears)                                                                               \
    CAI_EXPORT void ca_allocator_##name(ca_allocator allocator, type block, ca_layout layout)                          \
    {                                                                                                                  \
        ca_block back = {.ptr = block.ptr, .size = block.size};                                                        \
                                                                                                                       \
        if (!fits(back, layout, "ca_allocator_" #name) || layout.size == 0 || !is_complete(allocator))                 \
            return;                                                                                                    \
        if (HAS_METHOD(allocator, name)) {                                                                             \
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

/* --- grow and shrink --- */

/* Why the block cannot become one of the new layout, or CA_OK. `possible`: as far as the sizes and the address tell. */
CAI_INLINE ca_error resizing_refusal(ca_allocator allocator, ca_block block, ca_layout old_layout, ca_layout new_layout,
                                     bool possible, const char *function)
{
    ca_error refused = refusal(allocator, new_layout);

    if (refused == CA_OK && CAI_UNLIKELY(!fits(block, old_layout, function)))
        return CA_ERROR_INVALID;
    return refused == CA_OK && CAI_UNLIKELY(!possible) ? CA_ERROR_LAYOUT : refused;
}

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

    if (is_answered(resizing_refusal(allocator, block, old_layout, new_layout, possible, function), new_layout, &grown))
        return grown;
    if (zeroes && old_layout.size != 0 && HAS_METHOD(allocator, grow_zeroed))
        return allocator.vtable->grow_zeroed(allocator.self, block, old_layout, new_layout);
    if (old_layout.size == 0 || !HAS_METHOD(allocator, grow)) {
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

CAI_EXPORT ca_block_result ca_allocator_shrink(ca_allocator allocator, ca_block block, ca_layout old_layout,
                                               ca_layout new_layout)
{
    bool possible =
        new_layout.size <= old_layout.size && (old_layout.size == 0 || has_alignment(block.ptr, new_layout.align));
    ca_error refused = resizing_refusal(allocator, block, old_layout, new_layout, possible, "ca_allocator_shrink");
    ca_block_result shrunk;

    if (is_answered(refused, new_layout, &shrunk)) {
        if (shrunk.ptr != NULL && old_layout.size != 0)
            allocator.vtable->deallocate(allocator.self, block, old_layout);
        return shrunk;
    }
    if (HAS_METHOD(allocator, shrink))
        return allocator.vtable->shrink(allocator.self, block, old_layout, new_layout);
    if (new_layout.size == old_layout.size && new_layout.align == old_layout.align)
        return cai_success(block.ptr, block.size);
    return move(allocator, block, old_layout, plain(allocator, new_layout), new_layout.size);
}

CAI_EXPORT unsigned ca_allocator_promises(ca_allocator allocator)
{
    if (!is_complete(allocator))
        return 0;
    return HAS_METHOD(allocator, promises_now) ? allocator.vtable->promises_now(allocator.self)
                                               : allocator.vtable->promises;
}
