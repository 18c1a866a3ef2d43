/* ca_limit: a budget. Bytes are charged before inner is asked and credited after it took them back, so that at no
 * moment more than the budget is out: while a call runs, the longer of the two blocks is charged. The length handed out
 * is the length charged.
 */
#include "base/atomic.h"
#include "base/bits.h"
#include "kit/adapter.h"

enum { EXACT = true };
_Static_assert(offsetof(ca_limit, inner) == 0, "where an adapter looks for it");

CAI_INLINE ca_error before(void *self, struct cai_call call)
{
    ca_limit *limit = self;
    size_t bytes = cai_max(call.old_size, call.new_size) - call.old_size;
    size_t used = cai_load_relaxed(&limit->used);

    do
        if (bytes > limit->budget - used)
            return CA_ERROR_QUOTA;
    while (bytes != 0 && !cai_swap_weak_acquire(&limit->used, &used, used + bytes));
    return CA_OK;
}

CAI_INLINE void after(void *self, struct cai_call call, bool done)
{
    size_t bytes = cai_max(call.old_size, call.new_size) - (done ? call.new_size : call.old_size);

    if (bytes != 0)
        cai_sub_relaxed(&((ca_limit *)self)->used, bytes);
}

CAI_ADAPTER

CAI_EXPORT void ca_limit_init(ca_limit *limit, ca_allocator inner, size_t budget)
{
    *limit = (ca_limit){.inner = inner, .budget = budget, .used = 0};
}

CAI_EXPORT ca_allocator ca_limit_allocator(ca_limit *limit)
{
    return (ca_allocator){.vtable = &vtable, .self = limit};
}

CAI_EXPORT size_t ca_limit_used(const ca_limit *limit)
{
    return cai_load_relaxed(&limit->used);
}
