/* ca_failing: an allocator that fails when it is told to, so that a program's error paths can be walked. Which call
 * fails depends on its number and the seed alone.
 */
#include <capalloc/adapters.h>

#include "base/atomic.h"
#include "base/compiler.h"

/* splitmix64 of the call's number: as good as drawn at random, and the same in every run. */
static uint64_t draw(uint64_t seed, uint64_t number)
{
    uint64_t z = seed + number * 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static bool is_to_fail(ca_failing *failing)
{
    uint64_t number = cai_add_relaxed(&failing->calls, 1) + 1;
    bool fails = number == cai_load_relaxed(&failing->fail_at) ||
                 draw(cai_load_relaxed(&failing->seed), number) % 1000000 < cai_load_relaxed(&failing->per_million);

    if (fails)
        cai_add_relaxed(&failing->failures, 1);
    return fails;
}

#define FAILED(type) ((type##_result){.ptr = NULL, .size_or_error = CA_ERROR_OUT_OF_MEMORY})

#define FOR_ALLOCATION(type, name)                                                                                     \
    static type##_result name(void *self, ca_layout layout)                                                            \
    {                                                                                                                  \
        ca_failing *failing = self;                                                                                    \
        return is_to_fail(failing) ? FAILED(type) : ca_allocator_##name(failing->inner, layout);                       \
    }
FOR_ALLOCATION(ca_block, allocate)
FOR_ALLOCATION(ca_block, allocate_zeroed)
FOR_ALLOCATION(ca_nocaps, allocate_nocaps)
FOR_ALLOCATION(ca_mustzero, allocate_mustzero)

#define FOR_RESIZING(name)                                                                                             \
    static ca_block_result name(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)                \
    {                                                                                                                  \
        ca_failing *failing = self;                                                                                    \
        return is_to_fail(failing) ? FAILED(ca_block)                                                                  \
                                   : ca_allocator_##name(failing->inner, block, old_layout, new_layout);               \
    }
FOR_RESIZING(grow)
FOR_RESIZING(grow_zeroed)
FOR_RESIZING(shrink)

#define FOR_DEALLOCATION(type, name)                                                                                   \
    static void name(void *self, type block, ca_layout layout)                                                         \
    {                                                                                                                  \
        ca_allocator_##name(((ca_failing *)self)->inner, block, layout);                                               \
    }
FOR_DEALLOCATION(ca_block, deallocate)
FOR_DEALLOCATION(ca_nocaps, deallocate_nocaps)
FOR_DEALLOCATION(ca_mustzero, deallocate_zeroed)

static unsigned promises_now(void *self)
{
    return ca_allocator_promises(((ca_failing *)self)->inner);
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

CAI_EXPORT void ca_failing_init(ca_failing *failing, ca_allocator inner)
{
    *failing = (ca_failing){.inner = inner};
}

CAI_EXPORT void ca_failing_nth(ca_failing *failing, uint64_t n)
{
    cai_store_relaxed(&failing->fail_at, n == 0 ? 0 : cai_load_relaxed(&failing->calls) + n);
}

CAI_EXPORT void ca_failing_chance(ca_failing *failing, uint32_t per_million, uint64_t seed)
{
    cai_store_relaxed(&failing->seed, seed);
    cai_store_relaxed(&failing->per_million, per_million);
}

CAI_EXPORT uint64_t ca_failing_calls(const ca_failing *failing)
{
    return cai_load_relaxed(&failing->calls);
}

CAI_EXPORT uint64_t ca_failing_failures(const ca_failing *failing)
{
    return cai_load_relaxed(&failing->failures);
}

CAI_EXPORT ca_allocator ca_failing_allocator(ca_failing *failing)
{
    return (ca_allocator){.vtable = &vtable, .self = failing};
}
