/* ca_fixed: a pointer that moves through the caller's buffer. The newest block is the one that ends at the top, so it
 * needs no record; a block handed out is exactly as long as was asked for.
 */
#include <capalloc/fixed.h>

#include "core/violation.h"
#include "estate/place.h"
#include "kit/bump.h"

#include <string.h>

/* Reports what is no block of this buffer. */
static bool is_ours(const ca_fixed *fixed, ca_block block, const char *function)
{
    uintptr_t offset = (uintptr_t)block.ptr - (uintptr_t)fixed->start;
    size_t size = (size_t)(fixed->end - fixed->start);
    size_t used = (size_t)(fixed->top - fixed->start);
    bool inside = offset < size;

    if (CAI_LIKELY(offset < used && block.size <= used - offset))
        return true;
    cai_violation_report((ca_violation){
        .kind = inside ? CA_VIOLATION_DOUBLE_FREE : CA_VIOLATION_INVALID_FREE,
        .function = function,
        .address = block.ptr,
        .place = cai_place_name(CAI_PLACE_none),
        .stated = "a block of this buffer",
        .found = inside ? "memory that is free" : "foreign memory",
    });
    return false;
}

static bool is_newest(const ca_fixed *fixed, ca_block block)
{
    return (char *)block.ptr + block.size == fixed->top;
}

static ca_block_result allocate(void *self, ca_layout layout)
{
    ca_fixed *fixed = self;

    return cai_bump_result(cai_bump(&fixed->top, fixed->end, layout), layout);
}

static void deallocate(void *self, ca_block block, ca_layout layout)
{
    ca_fixed *fixed = self;

    (void)layout;
    if (is_ours(fixed, block, "ca_allocator_deallocate") && is_newest(fixed, block))
        fixed->top = block.ptr;
}

static ca_block_result grow(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    ca_fixed *fixed = self;

    if (!is_ours(fixed, block, "ca_allocator_grow"))
        return (ca_block_result){.ptr = NULL, .size_or_error = CA_ERROR_INVALID};
    if (is_newest(fixed, block) && ((uintptr_t)block.ptr & (new_layout.align - 1)) == 0) {
        if (new_layout.size > (size_t)(fixed->end - (char *)block.ptr))
            return cai_bump_result(NULL, new_layout);
        fixed->top = (char *)block.ptr + new_layout.size;
        return cai_bump_result(block.ptr, new_layout);
    }
    ca_block_result made = allocate(self, new_layout);
    if (made.ptr != NULL)
        memcpy(made.ptr, block.ptr, old_layout.size);
    return made;
}

static ca_block_result shrink(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    ca_fixed *fixed = self;

    (void)old_layout;
    if (!is_ours(fixed, block, "ca_allocator_shrink"))
        return (ca_block_result){.ptr = NULL, .size_or_error = CA_ERROR_INVALID};
    if (is_newest(fixed, block))
        fixed->top = (char *)block.ptr + new_layout.size;
    return cai_bump_result(block.ptr, new_layout);
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
