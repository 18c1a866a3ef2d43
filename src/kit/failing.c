/* ca_failing: an allocator that fails when it is told to, so that a program's error paths can be walked. Which call
 * fails depends on its number and the seed alone.
 */
#include "base/atomic.h"
#include "kit/adapter.h"

enum { EXACT = false };
_Static_assert(offsetof(ca_failing, inner) == 0, "where an adapter looks for it");

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

/* What gives back cannot fail. */
CAI_INLINE ca_error before(void *self, struct cai_call call)
{
    return call.new_size != 0 && is_to_fail(self) ? CA_ERROR_OUT_OF_MEMORY : CA_OK;
}

CAI_INLINE void after(void *self, struct cai_call call, bool done)
{
    (void)self, (void)call, (void)done;
}

CAI_ADAPTER

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
