/* The short ways of malloc's doors in the hardened library (hardened.h): a fine block of the thread's own bin, and a
 * fine block that goes where it goes. What is not as simple, or not as it should be, has changed nothing here: the long
 * ways (hardened.c, free.c) look again, and tell.
 */
#include "heaps/hardened.h"

#include "base/tools.h"
#include "base/zero.h"
#include "blocks/exact.h"
#include "core/checks.h"
#include "harden/canary.h"
#include "heaps/free.h"

#include <string.h>

#define PLACE CAI_PLACE_ordinary

CAI_INLINE bool has(uint32_t checks, enum cai_check check)
{
    return (checks & check) != 0;
}

CAI_INLINE void *take(size_t bytes, bool zeroed, enum cai_family family)
{
    struct cai_heap *heap = cai_self_heap();
    const struct cai_view *view = cai_view_of(cai_zone_number(PLACE, CAI_FINE));

    if (CAI_TOOLS || CAI_UNLIKELY(bytes - 1 >= CAI_FINE_BYTES_MAX - 1))
        return NULL;
    uint32_t checks = cai_settings->checks;
    size_t size_class = cai_class_of_fine(cai_max(bytes + has(checks, CAI_CHECK_canary), CAI_HARDENED_SLOT_MIN));
    size_t slot = cai_class_sizes[size_class];
    struct cai_bin *bin = &heap->bins[PLACE][size_class];
    uint32_t count = bin->count;
    if (CAI_UNLIKELY(count == 0 || --bin->countdown < 0))
        return NULL;
    char *block = bin->slots[count - 1];
    __builtin_prefetch(bin->slots[count - cai_min(count, 3)], 1); /* what waited has left the cache */
    uint8_t *state = view->state + (((uintptr_t)block - view->origin) >> CAI_FINE_SHIFT);
    uint8_t before = cai_load_relaxed(state);
    bool was_zero = (before & CAI_STATE_ZERO) != 0;
    if (CAI_UNLIKELY(!cai_state_is_cached(before)) ||
        (was_zero && has(checks, CAI_CHECK_zero) && CAI_UNLIKELY(!cai_is_zero(block, slot))))
        return NULL;

    /* Live, and not yet a block of such a door: in the child of a fork that stops another thread here it stays so. */
    cai_store_relaxed(state, (uint8_t)size_class);
    cai_fence_for_compiler();
    if (zeroed)
        cai_cache_zero(heap, block, bytes, was_zero);
    if (CAI_LIKELY(slot - bytes <= CAI_RECORD_ONE_MAX))
        cai_store_relaxed(&state[1], (uint8_t)(CAI_RECORD | (slot - bytes)));
    else
        cai_exact_record(state, (unsigned)size_class, bytes);
    if (has(checks, CAI_CHECK_canary)) {
        if (CAI_LIKELY(slot - bytes <= CAI_CANARY_SHORT))
            cai_canary_write_short(block + slot, slot - bytes, cai_canary_of(block));
        else
            cai_canary_write(block, bytes, slot - bytes);
    }
    bin->count = count - 1;
    cai_store_release(state, (uint8_t)(CAI_STATE_HARDENED + family));
    return block;
}

void *cai_hardened_take(size_t bytes, enum cai_family family)
{
    return take(bytes, false, family);
}

void *cai_hardened_take_zeroed(size_t bytes)
{
    return take(bytes, true, CAI_FAMILY_malloc);
}

CAI_INLINE size_t exact_of(const uint8_t *state, unsigned size_class, size_t slot)
{
    size_t lacks = (size_t)cai_load_relaxed(&state[1]) - CAI_RECORD;

    return CAI_LIKELY(lacks <= CAI_RECORD_ONE_MAX) ? slot - lacks : cai_exact_recorded_fine(state, size_class);
}

CAI_INLINE bool is_whole(const char *block, size_t bytes, size_t slot)
{
    if (CAI_LIKELY(slot - bytes <= CAI_CANARY_SHORT))
        return bytes != slot && cai_canary_is_whole_short(block + slot, slot - bytes, cai_canary_of(block));
    return cai_canary_overflow(block, bytes, slot - bytes) == 0;
}

/* The last byte of the slot before, which is a canary's however long the block there is; the first slot of a slab has
 * none. It may be under the hands of another thread: a difference is a reason to look closer, and no more. */
CAI_NO_TSAN static inline bool is_whole_before(const char *block, const uint8_t *state, size_t slot)
{
    return !cai_state_is_hardened(cai_load_relaxed(state - (slot >> CAI_FINE_SHIFT))) ||
           (uint8_t)block[-1] == cai_canary_of(block - slot) >> 56;
}

CAI_INLINE void clear(struct cai_heap *heap, char *block, size_t slot)
{
    if (slot <= CAI_CLEAR_SHORT)
        cai_clear_slot(heap, block, slot);
    else
        cai_clear_small(heap, block, slot);
}

CAI_INLINE bool put(void *address, enum cai_family family, bool is_stated, size_t stated)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(PLACE, CAI_FINE));
    uint8_t byte = (uint8_t)(CAI_STATE_HARDENED + family);
    char *block = address;
    size_t granule;
    uint8_t *state = cai_find_state(PLACE, CAI_FINE, address, &granule);

    if (CAI_TOOLS || CAI_UNLIKELY(state == NULL) || CAI_UNLIKELY(cai_load_relaxed(state) != byte))
        return false;
    struct cai_thread *thread = cai_self;
    uint32_t checks = cai_settings->checks;
    if (CAI_UNLIKELY(!cai_thread_has_heap(thread)) || CAI_UNLIKELY(cai_process_is_new()) ||
        CAI_UNLIKELY(thread->claim.block != 0))
        return false;
    size_t first = cai_load_relaxed(&view->units[cai_unit_of_granule(CAI_FINE, granule)].head);
    unsigned size_class = cai_load_relaxed(&view->units[first].size_class);
    size_t slot = cai_class_sizes[size_class];
    bool is_first = granule - (first << (CAI_UNIT_SHIFT - CAI_FINE_SHIFT)) < slot >> CAI_FINE_SHIFT;
    size_t bytes = exact_of(state, size_class, slot);
    if (is_stated && CAI_UNLIKELY(stated != bytes))
        return false;
    if (has(checks, CAI_CHECK_canary) && (CAI_UNLIKELY(!is_whole(block, bytes, slot)) ||
                                          CAI_UNLIKELY(!is_first && !is_whole_before(block, state, slot))))
        return false;
    struct cai_bin *bin = &thread->owner.heap.bins[PLACE][size_class];
    if (!has(checks, CAI_CHECK_delay) &&
        (!cai_cache_owns(&thread->owner.heap, PLACE, CAI_FINE, granule) || bin->count == bin->limit))
        return false;

    thread->claim.block = cai_claim_of(state, byte);
    cai_fence_for_compiler();
    bool claimed = cai_swap_strong_acq_rel(state, &byte, CAI_STATE_CLAIMED);
    if (CAI_LIKELY(claimed)) {
        if (has(checks, CAI_CHECK_zero))
            clear(&thread->owner.heap, block, slot);
        if (has(checks, CAI_CHECK_delay)) {
            cai_store_release(state, CAI_STATE_QUARANTINED);
            thread->untold += slot;
        } else {
            cai_bin_push(bin, PLACE, state, block);
            if (has(checks, CAI_CHECK_zero))
                cai_store_relaxed(state, CAI_STATE_CACHED | CAI_STATE_ZERO);
        }
    }
    cai_fence_for_compiler();
    thread->claim.block = 0;
    if (CAI_UNLIKELY(thread->untold >= CAI_UNTOLD_MAX))
        cai_free_told();
    return claimed;
}

bool cai_hardened_put(void *address, enum cai_family family)
{
    return put(address, family, false, 0);
}

bool cai_hardened_put_stated(void *address, enum cai_family family, size_t bytes)
{
    return put(address, family, true, bytes);
}
