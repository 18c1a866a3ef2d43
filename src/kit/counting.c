/* ca_counting: counters in front of an allocator. Each is atomic for itself. The length handed out is the length
 * counted, so that the sums return to zero when all blocks have.
 */
#include <capalloc/adapters.h>

#include "base/atomic.h"
#include "base/bits.h"
#include "kit/adapter.h"

#include <string.h>

static void add_live(ca_counting *counting, uint64_t bytes, uint64_t blocks)
{
    uint64_t live = cai_add_relaxed(&counting->counts.live_bytes, bytes) + bytes;
    uint64_t peak = cai_load_relaxed(&counting->counts.live_bytes_peak);

    cai_add_relaxed(&counting->counts.live_blocks, blocks);
    while (peak < live && !cai_swap_weak_acquire(&counting->counts.live_bytes_peak, &peak, live))
        ;
}

static void remove_live(ca_counting *counting, uint64_t bytes, uint64_t blocks)
{
    cai_sub_relaxed(&counting->counts.live_bytes, bytes);
    cai_sub_relaxed(&counting->counts.live_blocks, blocks);
}

/* True: the call gave a block. */
static bool count_call(ca_counting *counting, ca_method method, const void *made)
{
    cai_add_relaxed(&counting->counts.calls[method], 1);
    if (made == NULL)
        cai_add_relaxed(&counting->counts.failures[method], 1);
    return made != NULL;
}

#define ALLOCATION(type, name, METHOD)                                                                                 \
    static type##_result name(void *self, ca_layout layout)                                                            \
    {                                                                                                                  \
        ca_counting *counting = self;                                                                                  \
        type##_result made = ca_allocator_##name(counting->inner, layout);                                             \
        if (count_call(counting, CA_METHOD_##METHOD, made.ptr)) {                                                      \
            add_live(counting, layout.size, 1);                                                                        \
            made.size_or_error = layout.size;                                                                          \
        }                                                                                                              \
        return made;                                                                                                   \
    }
CAI_FOR_ALLOCATIONS(ALLOCATION)

#define DEALLOCATION(type, name, METHOD)                                                                               \
    static void name(void *self, type block, ca_layout layout)                                                         \
    {                                                                                                                  \
        ca_counting *counting = self;                                                                                  \
        count_call(counting, CA_METHOD_##METHOD, block.ptr);                                                           \
        remove_live(counting, layout.size, 1);                                                                         \
        ca_allocator_##name(counting->inner, block, layout);                                                           \
    }
CAI_FOR_DEALLOCATIONS(DEALLOCATION)

#define RESIZING(name, METHOD)                                                                                         \
    static ca_block_result name(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)                \
    {                                                                                                                  \
        ca_counting *counting = self;                                                                                  \
        ca_block_result made = ca_allocator_##name(counting->inner, block, old_layout, new_layout);                    \
        if (count_call(counting, CA_METHOD_##METHOD, made.ptr)) {                                                      \
            if (new_layout.size > old_layout.size)                                                                     \
                add_live(counting, new_layout.size - old_layout.size, 0);                                              \
            else                                                                                                       \
                remove_live(counting, old_layout.size - new_layout.size, 0);                                           \
            made.size_or_error = new_layout.size;                                                                      \
        }                                                                                                              \
        return made;                                                                                                   \
    }
CAI_FOR_RESIZINGS(RESIZING)

static unsigned promises_now(void *self)
{
    return ca_allocator_promises(((ca_counting *)self)->inner) & ~(unsigned)CA_PROMISE_VALIDATES;
}

static const ca_allocator_vtable vtable = CAI_ADAPTER_VTABLE;

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
