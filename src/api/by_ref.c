/* ca_by_ref: a trait object whose self is another trait object. Every method goes through the door of the other, so
 * that what that one leaves out is provided from its own methods.
 */
#include <capalloc/allocator.h>

#include "base/compiler.h"

static ca_allocator target(void *self)
{
    return *(const ca_allocator *)self;
}

static ca_block_result allocate(void *self, ca_layout layout)
{
    return ca_allocator_allocate(target(self), layout);
}

static void deallocate(void *self, ca_block block, ca_layout layout)
{
    ca_allocator_deallocate(target(self), block, layout);
}

static ca_block_result allocate_zeroed(void *self, ca_layout layout)
{
    return ca_allocator_allocate_zeroed(target(self), layout);
}

static ca_block_result grow(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    return ca_allocator_grow(target(self), block, old_layout, new_layout);
}

static ca_block_result grow_zeroed(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    return ca_allocator_grow_zeroed(target(self), block, old_layout, new_layout);
}

static ca_block_result shrink(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    return ca_allocator_shrink(target(self), block, old_layout, new_layout);
}

static ca_nocaps_result allocate_nocaps(void *self, ca_layout layout)
{
    return ca_allocator_allocate_nocaps(target(self), layout);
}

static void deallocate_nocaps(void *self, ca_nocaps block, ca_layout layout)
{
    ca_allocator_deallocate_nocaps(target(self), block, layout);
}

static ca_mustzero_result allocate_mustzero(void *self, ca_layout layout)
{
    return ca_allocator_allocate_mustzero(target(self), layout);
}

static void deallocate_zeroed(void *self, ca_mustzero block, ca_layout layout)
{
    ca_allocator_deallocate_zeroed(target(self), block, layout);
}

static unsigned promises_now(void *self)
{
    return ca_allocator_promises(target(self));
}

static const ca_allocator_vtable vtable = {
    .struct_size = sizeof(ca_allocator_vtable),
    .allocate = allocate,
    .deallocate = deallocate,
    .allocate_zeroed = allocate_zeroed,
    .grow = grow,
    .grow_zeroed = grow_zeroed,
    .shrink = shrink,
    .allocate_nocaps = allocate_nocaps,
    .deallocate_nocaps = deallocate_nocaps,
    .allocate_mustzero = allocate_mustzero,
    .deallocate_zeroed = deallocate_zeroed,
    .promises_now = promises_now,
};

CAI_EXPORT ca_allocator ca_by_ref(const ca_allocator *allocator)
{
    return (ca_allocator){.vtable = &vtable, .self = (void *)allocator};
}
