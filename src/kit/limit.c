/* ca_limit: a budget. Bytes are charged before inner is asked and credited after it took them back, so that at no
 * moment more than the budget is out. The length handed out is the length charged.
 */
#include <capalloc/adapters.h>

#include "base/atomic.h"
#include "kit/adapter.h"

static bool charge(ca_limit *limit, size_t bytes)
{
    size_t used = cai_load_relaxed(&limit->used);

    do
        if (bytes > limit->budget - used)
            return false;
    while (!cai_swap_weak_acquire(&limit->used, &used, used + bytes));
    return true;
}

static void credit(ca_limit *limit, size_t bytes)
{
    cai_sub_relaxed(&limit->used, bytes);
}

/* Of what was charged for. Returns the size of a block that was made; an error takes the charge back. */
static size_t settle(ca_limit *limit, const void *made, size_t charged, size_t bytes, size_t error)
{
    if (made != NULL)
        return bytes;
    credit(limit, charged);
    return error;
}

#define OVER_BUDGET(type) ((type##_result){.ptr = NULL, .size_or_error = CA_ERROR_QUOTA})

#define ALLOCATION(type, name, unused)                                                                                 \
    static type##_result name(void *self, ca_layout layout)                                                            \
    {                                                                                                                  \
        ca_limit *limit = self;                                                                                        \
        if (!charge(limit, layout.size))                                                                               \
            return OVER_BUDGET(type);                                                                                  \
        type##_result made = ca_allocator_##name(limit->inner, layout);                                                \
        made.size_or_error = settle(limit, made.ptr, layout.size, layout.size, made.size_or_error);                    \
        return made;                                                                                                   \
    }
CAI_FOR_ALLOCATIONS(ALLOCATION)

#define DEALLOCATION(type, name, unused)                                                                               \
    static void name(void *self, type block, ca_layout layout)                                                         \
    {                                                                                                                  \
        ca_limit *limit = self;                                                                                        \
        ca_allocator_##name(limit->inner, block, layout);                                                              \
        credit(limit, layout.size);                                                                                    \
    }
CAI_FOR_DEALLOCATIONS(DEALLOCATION)

#define GROWING(name)                                                                                                  \
    static ca_block_result name(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)                \
    {                                                                                                                  \
        ca_limit *limit = self;                                                                                        \
        size_t added = new_layout.size - old_layout.size;                                                              \
        if (!charge(limit, added))                                                                                     \
            return OVER_BUDGET(ca_block);                                                                              \
        ca_block_result made = ca_allocator_##name(limit->inner, block, old_layout, new_layout);                       \
        made.size_or_error = settle(limit, made.ptr, added, new_layout.size, made.size_or_error);                      \
        return made;                                                                                                   \
    }
GROWING(grow)
GROWING(grow_zeroed)

static ca_block_result shrink(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    ca_limit *limit = self;
    ca_block_result made = ca_allocator_shrink(limit->inner, block, old_layout, new_layout);

    if (made.ptr != NULL) {
        credit(limit, old_layout.size - new_layout.size);
        made.size_or_error = new_layout.size;
    }
    return made;
}

static unsigned promises_now(void *self)
{
    return ca_allocator_promises(((ca_limit *)self)->inner) & ~(unsigned)CA_PROMISE_VALIDATES;
}

static const ca_allocator_vtable vtable = CAI_ADAPTER_VTABLE;

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
