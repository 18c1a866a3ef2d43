/* ca_limit: a budget. Bytes are charged before inner is asked and credited after it took them back, so that at no
 * moment more than the budget is out. The length handed out is the length charged.
 */
#include <capalloc/adapters.h>

#include "base/atomic.h"
#include "base/compiler.h"

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

/* All results look alike to the machine. */
static ca_block_result over_budget(void)
{
    return (ca_block_result){.ptr = NULL, .size_or_error = CA_ERROR_QUOTA};
}

/* Of what was charged for. An error takes the charge back. */
static ca_block_result settle(ca_limit *limit, ca_block_result made, size_t charged, size_t bytes)
{
    if (made.ptr == NULL)
        credit(limit, charged);
    else
        made.size_or_error = bytes;
    return made;
}

#define AS(type, value) ((type##_result){.ptr = (value).ptr, .size_or_error = (value).size_or_error})

/* allocate and its variants; deallocate and its variants. */
#define FOR_INTENTION(type, take, give)                                                                                \
    static type##_result take(void *self, ca_layout layout)                                                            \
    {                                                                                                                  \
        ca_limit *limit = self;                                                                                        \
        ca_block_result made = over_budget();                                                                          \
        if (charge(limit, layout.size)) {                                                                              \
            type##_result inner = ca_allocator_##take(limit->inner, layout);                                           \
            made = settle(limit, AS(ca_block, inner), layout.size, layout.size);                                       \
        }                                                                                                              \
        return AS(type, made);                                                                                         \
    }                                                                                                                  \
    static void give(void *self, type block, ca_layout layout)                                                         \
    {                                                                                                                  \
        ca_limit *limit = self;                                                                                        \
        ca_allocator_##give(limit->inner, block, layout);                                                              \
        credit(limit, layout.size);                                                                                    \
    }
FOR_INTENTION(ca_block, allocate, deallocate)
FOR_INTENTION(ca_nocaps, allocate_nocaps, deallocate_nocaps)
FOR_INTENTION(ca_mustzero, allocate_mustzero, deallocate_zeroed)

static ca_block_result allocate_zeroed(void *self, ca_layout layout)
{
    ca_limit *limit = self;

    if (!charge(limit, layout.size))
        return over_budget();
    return settle(limit, ca_allocator_allocate_zeroed(limit->inner, layout), layout.size, layout.size);
}

static ca_block_result grow(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    ca_limit *limit = self;
    size_t added = new_layout.size - old_layout.size;

    if (!charge(limit, added))
        return over_budget();
    return settle(limit, ca_allocator_grow(limit->inner, block, old_layout, new_layout), added, new_layout.size);
}

static ca_block_result grow_zeroed(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    ca_limit *limit = self;
    size_t added = new_layout.size - old_layout.size;

    if (!charge(limit, added))
        return over_budget();
    return settle(limit, ca_allocator_grow_zeroed(limit->inner, block, old_layout, new_layout), added, new_layout.size);
}

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
