/* ca_fixed: a pointer that moves through the caller's buffer. A block handed out is exactly as long as was asked for.
 */
#include <capalloc/fixed.h>

#include "kit/bump.h"

static struct cai_bump_found find(ca_fixed *fixed, ca_block block)
{
    size_t used = (size_t)(fixed->top - fixed->start);
    size_t size = (size_t)(fixed->end - fixed->start);

    return (struct cai_bump_found){.where = cai_bump_where(fixed->start, used, size, block),
                                   .owner = "a block of this buffer",
                                   .allocator = ca_fixed_allocator(fixed),
                                   .top = &fixed->top,
                                   .floor = fixed->start,
                                   .end = fixed->end};
}

static ca_block_result allocate(void *self, ca_layout layout)
{
    ca_fixed *fixed = self;

    return cai_bump_result(cai_bump(&fixed->top, fixed->end, layout), layout);
}

static void deallocate(void *self, ca_block block, ca_layout layout)
{
    cai_bump_give_back(find(self, block), block, layout, "ca_allocator_deallocate");
}

static ca_block_result grow(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    return cai_bump_resize(find(self, block), block, old_layout, new_layout, "ca_allocator_grow");
}

static ca_block_result shrink(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    return cai_bump_resize(find(self, block), block, old_layout, new_layout, "ca_allocator_shrink");
}

static const ca_allocator_vtable vtable = {
    .struct_size = sizeof(ca_allocator_vtable),
    .allocate = allocate,
    .deallocate = deallocate,
    .grow = grow,
    .shrink = shrink,
};

CAI_EXPORT void ca_fixed_init(ca_fixed *fixed, void *buffer, size_t size)
{
    if (buffer == NULL || size > UINTPTR_MAX - (uintptr_t)buffer)
        size = 0;
    fixed->start = fixed->top = buffer;
    fixed->end = fixed->start + size;
}

CAI_EXPORT ca_allocator ca_fixed_allocator(ca_fixed *fixed)
{
    return (ca_allocator){.vtable = &vtable, .self = fixed};
}

CAI_EXPORT void ca_fixed_reset(ca_fixed *fixed)
{
    fixed->top = fixed->start;
}

CAI_EXPORT size_t ca_fixed_remaining(const ca_fixed *fixed)
{
    return (size_t)(fixed->end - fixed->top);
}
