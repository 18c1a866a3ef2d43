/* What the doors of the trait share: which methods there are, and which calls no allocator has to hear of.
 */
#ifndef CAI_KIT_TRAIT_H
#define CAI_KIT_TRAIT_H

#include "core/result.h"

#include <capalloc/allocator.h>
#include <stdint.h>

/* Not where the vtable is older, and therefore shorter, than this one. */
#define CAI_HAS_METHOD(allocator, name)                                                                                \
    (CAI_LIKELY((allocator).vtable->struct_size >= offsetof(ca_allocator_vtable, name) + sizeof(void (*)(void))) &&    \
     (allocator).vtable->name != NULL)

CAI_INLINE bool cai_is_complete(ca_allocator allocator)
{
    return CAI_LIKELY(allocator.vtable != NULL && CAI_HAS_METHOD(allocator, deallocate) &&
                      allocator.vtable->allocate != NULL);
}

CAI_INLINE bool cai_has_alignment(const void *address, size_t align)
{
    return ((uintptr_t)address & (align - 1)) == 0;
}

/* Reports a block whose layout cannot be this one. */
void cai_trait_report_misfit(ca_block block, const char *function);

/* Whether the layout can be this block's, as far as the two can tell. Reports when not. Both of size 0 fit. */
CAI_INLINE bool cai_trait_fits(ca_block block, ca_layout layout, const char *function)
{
    bool empty = block.size == 0 && layout.size == 0;

    if (CAI_LIKELY(ca_layout_is_valid(layout) &&
                   (empty || (block.ptr != NULL && layout.size != 0 && layout.size <= block.size &&
                              cai_has_alignment(block.ptr, layout.align)))))
        return true;
    cai_trait_report_misfit(block, function);
    return false;
}

/* Why nothing can be made of this layout, or CA_OK. */
CAI_INLINE ca_error cai_trait_refusal(ca_allocator allocator, ca_layout layout)
{
    bool valid = ca_layout_is_valid(layout);

    if (CAI_UNLIKELY(!cai_is_complete(allocator)))
        return CA_ERROR_INVALID;
    return CAI_LIKELY(valid) ? CA_OK : CA_ERROR_LAYOUT;
}

/* True: *answer is the result, the allocator is not asked. */
CAI_INLINE bool cai_trait_is_answered(ca_error refused, ca_layout layout, ca_block_result *answer)
{
    if (CAI_LIKELY(refused == CA_OK && layout.size != 0))
        return false;
    *answer = refused == CA_OK ? cai_dangling(layout) : cai_failure(refused);
    return true;
}

/* Why the block cannot become one of the new layout, or CA_OK. `possible`: as far as the sizes and the address tell. */
CAI_INLINE ca_error cai_trait_resizing_refusal(ca_allocator allocator, ca_block block, ca_layout old_layout,
                                               ca_layout new_layout, bool possible, const char *function)
{
    ca_error refused = cai_trait_refusal(allocator, new_layout);

    if (refused == CA_OK && CAI_UNLIKELY(!cai_trait_fits(block, old_layout, function)))
        return CA_ERROR_INVALID;
    return refused == CA_OK && CAI_UNLIKELY(!possible) ? CA_ERROR_LAYOUT : refused;
}

#endif
