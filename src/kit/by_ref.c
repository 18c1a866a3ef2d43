/* ca_by_ref: a trait object whose self is another trait object. Every method goes through the door of the other, so
 * that what that one leaves out is provided from its own methods.
 */
#include "kit/adapter.h"

static ca_allocator target(void *self)
{
    return *(const ca_allocator *)self;
}

#define ALLOCATION(type, name, unused)                                                                                 \
    static type##_result name(void *self, ca_layout layout)                                                            \
    {                                                                                                                  \
        return ca_allocator_##name(target(self), layout);                                                              \
    }
CAI_FOR_ALLOCATIONS(ALLOCATION)

#define DEALLOCATION(type, name, unused)                                                                               \
    static void name(void *self, type block, ca_layout layout)                                                         \
    {                                                                                                                  \
        ca_allocator_##name(target(self), block, layout);                                                              \
    }
CAI_FOR_DEALLOCATIONS(DEALLOCATION)

#define RESIZING(name, unused)                                                                                         \
    static ca_block_result name(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)                \
    {                                                                                                                  \
        return ca_allocator_##name(target(self), block, old_layout, new_layout);                                       \
    }
CAI_FOR_RESIZINGS(RESIZING)

static unsigned promises_now(void *self)
{
    return ca_allocator_promises(target(self));
}

static const ca_allocator_vtable vtable = CAI_ADAPTER_VTABLE;

CAI_EXPORT ca_allocator ca_by_ref(const ca_allocator *allocator)
{
    return (ca_allocator){.vtable = &vtable, .self = (void *)allocator};
}
