/* ca_counting: counters in front of an allocator. Each is atomic for itself. The length handed out is the length
 * counted, so that the sums return to zero when all blocks have.
 */
#include "base/atomic.h"
#include "base/bits.h"
#include "kit/adapter.h"

#include <string.h>

enum { EXACT = true };
_Static_assert(offsetof(ca_counting, inner) == 0, "where an adapter looks for it");

CAI_INLINE void count(ca_counts *counts, struct cai_call call, bool done)
{
    cai_add_relaxed(&counts->calls[call.method], 1);
    if (!done) {
        cai_add_relaxed(&counts->failures[call.method], 1);
        return;
    }
    /* Where a block gets shorter the difference wraps, and the sum back to the right number. */
    uint64_t added = (uint64_t)call.new_size - call.old_size;
    uint64_t live = cai_add_relaxed(&counts->live_bytes, added) + added;
    uint64_t peak = cai_load_relaxed(&counts->live_bytes_peak);

    cai_add_relaxed(&counts->live_blocks, (uint64_t)(call.new_size != 0) - (call.old_size != 0));
    while (call.new_size > call.old_size && peak < live &&
           !cai_swap_weak_acquire(&counts->live_bytes_peak, &peak, live))
        ;
}

/* What is given back is counted out before somebody else can have it, so that the peak is not too high. */
CAI_INLINE ca_error before(void *self, struct cai_call call)
{
    if (call.new_size == 0)
        count(&((ca_counting *)self)->counts, call, true);
    return CA_OK;
}

CAI_INLINE void after(void *self, struct cai_call call, bool done)
{
    if (call.new_size != 0)
        count(&((ca_counting *)self)->counts, call, done);
}

CAI_ADAPTER

CAI_EXPORT void ca_counting_init(ca_counting *counting, ca_allocator inner)
{
    *counting = (ca_counting){.inner = inner, .counts = {.struct_size = sizeof(ca_counts)}};
}

CAI_EXPORT ca_allocator ca_counting_allocator(ca_counting *counting)
{
    return (ca_allocator){.vtable = &vtable, .self = counting};
}

CAI_EXPORT void ca_counting_read(const ca_counting *counting, ca_counts *out)
{
    const ca_counts *from = &counting->counts;
    ca_counts now = {.struct_size = out->struct_size};

    now.live_bytes = cai_load_relaxed(&from->live_bytes);
    now.live_bytes_peak = cai_load_relaxed(&from->live_bytes_peak);
    now.live_blocks = cai_load_relaxed(&from->live_blocks);
    for (unsigned i = 0; i < CA_METHODS; i++) {
        now.calls[i] = cai_load_relaxed(&from->calls[i]);
        now.failures[i] = cai_load_relaxed(&from->failures[i]);
    }
    memcpy(out, &now, cai_min(out->struct_size, sizeof now));
}
