/* The heap as a trait object: each method of the trait is one of the heap's own functions, which needs less than it is
 * given. What the layouts on the way back say is checked by the heap's records.
 */
#include <capalloc/heap.h>

#include "api/authority.h"

/* self is this object for the default authority, NULL for one that allows nothing. */
static const char default_heap;

static ca_authority authority_of(const void *self)
{
    return self == &default_heap ? ca_default_authority() : (ca_authority){{0, 0}};
}

static ca_block_result allocate(void *self, ca_layout layout)
{
    return ca_allocate(authority_of(self), layout);
}

static ca_block_result allocate_zeroed(void *self, ca_layout layout)
{
    return ca_allocate_zeroed(authority_of(self), layout);
}

static void deallocate(void *self, ca_block block, ca_layout layout)
{
    (void)self;
    (void)layout;
    ca_block_deallocate(block);
}

static ca_block_result grow(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    (void)old_layout;
    return ca_block_grow(authority_of(self), block, new_layout);
}

static ca_block_result grow_zeroed(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    (void)old_layout;
    return ca_block_grow_zeroed(authority_of(self), block, new_layout);
}

static ca_block_result shrink(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    (void)self;
    (void)old_layout;
    return ca_block_shrink(block, new_layout);
}

static ca_nocaps_result allocate_nocaps(void *self, ca_layout layout)
{
    return ca_allocate_nocaps(authority_of(self), layout);
}

static void deallocate_nocaps(void *self, ca_nocaps block, ca_layout layout)
{
    (void)self;
    (void)layout;
    ca_nocaps_deallocate(block);
}

static ca_mustzero_result allocate_mustzero(void *self, ca_layout layout)
{
    return ca_allocate_mustzero(authority_of(self), layout);
}

static void deallocate_zeroed(void *self, ca_mustzero block, ca_layout layout)
{
    (void)self;
    (void)layout;
    ca_mustzero_deallocate_zeroed(block);
}

static const ca_allocator_vtable heap_vtable = {
    .struct_size = sizeof(ca_allocator_vtable),
    .promises = CA_PROMISE_NOCAPS_PLACE | CA_PROMISE_MUSTZERO_PLACE | CA_PROMISE_VALIDATES | CA_PROMISE_THREAD_SAFE,
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
};

CAI_EXPORT ca_allocator ca_heap_allocator(ca_authority authority)
{
    bool is_default = cai_authority_is_default(authority);

    return (ca_allocator){.vtable = &heap_vtable, .self = is_default ? (void *)(uintptr_t)&default_heap : NULL};
}
