/* ca_by_ref: a trait object whose self is another trait object, and nothing before or after its methods. */
#include "kit/adapter.h"

enum { EXACT = false };

CAI_INLINE ca_error before(void *self, struct cai_call call)
{
    (void)self, (void)call;
    return CA_OK;
}

CAI_INLINE void after(void *self, struct cai_call call, bool done)
{
    (void)self, (void)call, (void)done;
}

CAI_ADAPTER

CAI_EXPORT ca_allocator ca_by_ref(const ca_allocator *allocator)
{
    return (ca_allocator){.vtable = &vtable, .self = (void *)allocator};
}
