/* ca_failing: an allocator that fails when it is told to, so that a program's error paths can be walked. Which call
 * fails depends on its number and the seed alone.
 */
#include <capalloc/adapters.h>

#include "base/atomic.h"
#include "kit/adapter.h"

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

#define ALLOCATION(type, name, unused)                                                                                 \
    static type##_result name(void *self, ca_layout layout)                                                            \
    {                                                                                                                  \
        ca_failing *failing = self;                                                                                    \
        return is_to_fail(failing) ? FAILED(type) : ca_allocator_##name(failing->inner, layout);                       \
    }
CAI_FOR_ALLOCATIONS(ALLOCATION)

#define RESIZING(name, unused)                                                                                         \
    static ca_block_result name(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)                \
    {                                                                                                                  \
        ca_failing *failing = self;                                                                                    \
        return is_to_fail(failing) ? FAILED(ca_block)                                                                  \
                                   : ca_allocator_##name(failing->inner, block, old_layout, new_layout);               \
    }
CAI_FOR_RESIZINGS(RESIZING)

#define DEALLOCATION(type, name, unused)                                                                               \
    static void name(void *self, type block, ca_layout layout)                                                         \
    {                                                                                                                  \
        ca_allocator_##name(((ca_failing *)self)->inner, block, layout);                                               \
    }
CAI_FOR_DEALLOCATIONS(DEALLOCATION)

static unsigned promises_now(void *self)
{
    return ca_allocator_promises(((ca_failing *)self)->inner);
}

static const ca_allocator_vtable vtable = CAI_ADAPTER_VTABLE;

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
