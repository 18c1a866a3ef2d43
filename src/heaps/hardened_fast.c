/* The short ways of malloc's doors in the hardened library (hardened.h): a small block of the thread's own bin, and
 * one that goes where it goes. What is not as simple, or not as it should be, has changed nothing here: the long
 * ways (hardened.c, free.c) look again, and tell.
 */
#include "heaps/hardened.h"

#include "base/tools.h"
#include "blocks/exact.h"
#include "core/checks.h"
#include "harden/canary.h"
#include "harden/still.h"
#include "heaps/free.h"

#include <string.h>

#define PLACE CAI_PLACE_ordinary

CAI_INLINE bool has(uint32_t checks, enum cai_check check)
{
    return (checks & check) != 0;
}

/* Live blocks of the class; NULL: there are none that are as simple. */
CAI_INLINE void *take_of(size_t size_class, enum cai_grain grain, size_t bytes, bool zeroed, enum cai_family family)
{
    struct cai_heap *heap = cai_self_heap();
    const struct cai_view *view = cai_view_of(cai_zone_number(PLACE, grain));
    uint32_t checks = cai_settings->checks;
    size_t slot = cai_class_sizes[size_class];
    struct cai_bin *bin = &heap->bins[PLACE][size_class];
    void **top = bin->top;

    if (CAI_UNLIKELY(top == bin->base || --bin->countdown < 0))
        return NULL;
    char *block = *--top;
    __builtin_prefetch(top[-cai_min(top - bin->base, 2)], 1); /* what waited has left the cache */
    uint8_t *state = view->state + (((uintptr_t)block - view->origin) >> cai_grain_shift(grain));
    uint8_t before = cai_load_relaxed(state);
    bool was_zero = (before & CAI_STATE_ZERO) != 0;
    if (CAI_UNLIKELY(!cai_state_is_cached(before)) ||
        (was_zero && has(checks, CAI_CHECK_zero) && CAI_UNLIKELY(!cai_is_still_zero(block, slot, zeroed))))
        return NULL;

    /* Live, and not yet a block of such a door: in the child of a fork that stops another thread here it stays so. */
    cai_store_relaxed(state, (uint8_t)size_class);
    cai_fence_for_compiler();
    if (zeroed)
        cai_cache_zero(heap, block, bytes, was_zero);
    if (grain == CAI_FINE && CAI_LIKELY(slot - bytes <= CAI_RECORD_ONE_MAX))
        cai_store_relaxed(&state[1], (uint8_t)(CAI_RECORD | (slot - bytes)));
    else
        cai_exact_record(state, (unsigned)size_class, bytes);
    if (has(checks, CAI_CHECK_canary)) {
        if (grain == CAI_FINE && CAI_LIKELY(slot - bytes <= CAI_CANARY_SHORT))
            cai_canary_begin_short(block + slot, slot - bytes, cai_canary_of(block));
        else
            cai_canary_begin(block, bytes, slot - bytes);
    }
    bin->top = top;
    cai_store_release(state, (uint8_t)(CAI_STATE_HARDENED + family));
    return block;
}

static CAI_NOINLINE void *take_coarse(size_t bytes, bool zeroed, enum cai_family family)
{
    size_t least = bytes + has(cai_settings->checks, CAI_CHECK_canary);

    if (CAI_TOOLS || least <= CAI_FINE_BYTES_MAX || least > CAI_SMALL_BYTES_MAX)
        return NULL;
    return take_of(cai_class_of_coarse(least), CAI_COARSE, bytes, zeroed, family);
}

CAI_INLINE void *take(size_t bytes, bool zeroed, enum cai_family family)
{
    if (CAI_TOOLS || CAI_UNLIKELY(bytes - 1 >= CAI_FINE_BYTES_MAX - 1))
        return take_coarse(bytes, zeroed, family);
    size_t least = cai_max(bytes + has(cai_settings->checks, CAI_CHECK_canary), CAI_HARDENED_SLOT_MIN);
    return take_of(cai_class_of_fine(least), CAI_FINE, bytes, zeroed, family);
}

void *cai_hardened_take(size_t bytes, enum cai_family family)
{
    return take(bytes, false, family);
}

void *cai_hardened_take_zeroed(size_t bytes)
{
    return take(bytes, true, CAI_FAMILY_malloc);
}

void *cai_hardened_take_aligned(size_t bytes, size_t align, enum cai_family family)
{
    size_t least = cai_max(bytes + has(cai_settings->checks, CAI_CHECK_canary), CAI_HARDENED_SLOT_MIN);
    unsigned size_class = CAI_TOOLS || bytes - 1 >= CAI_SMALL_BYTES_MAX ? 0 : cai_class_for(least, align);

    if (size_class == 0)
        return NULL;
    return cai_class_grain(size_class) == CAI_FINE ? take_of(size_class, CAI_FINE, bytes, false, family)
                                                   : take_of(size_class, CAI_COARSE, bytes, false, family);
}

CAI_INLINE size_t exact_of(enum cai_grain grain, const uint8_t *state, unsigned size_class, size_t slot)
{
    if (grain == CAI_COARSE)
        return cai_exact_recorded_coarse(state, size_class);
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
CAI_NO_TSAN static inline bool is_whole_before(const char *block, const uint8_t *before, size_t slot)
{
    return !cai_state_is_hardened(cai_load_relaxed(before)) || (uint8_t)block[-1] == cai_canary_of(block - slot) >> 56;
}

CAI_INLINE void clear(struct cai_heap *heap, char *block, size_t slot)
{
    if (slot <= CAI_CLEAR_SHORT)
        cai_clear_slot(heap, block, slot);
    else
        cai_clear_small(heap, block, slot);
}

/* state: of the granule where the address points to, in the zone. */
CAI_INLINE bool put_of(enum cai_grain grain, uint8_t *state, size_t granule, char *block, enum cai_family family,
                       bool is_stated, size_t stated)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(PLACE, grain));
    unsigned shift = cai_grain_shift(grain);
    uint8_t byte = (uint8_t)(CAI_STATE_HARDENED + family);

    if (CAI_UNLIKELY(cai_load_relaxed(state) != byte))
        return false;
    struct cai_thread *thread = cai_self;
    uint32_t checks = cai_settings->checks;
    if (CAI_UNLIKELY(!cai_thread_has_heap(thread)) || CAI_UNLIKELY(cai_process_is_new()) ||
        CAI_UNLIKELY(thread->claim.block != 0))
        return false;
    size_t first = cai_load_relaxed(&view->units[cai_unit_of_granule(grain, granule)].head);
    unsigned size_class = cai_load_relaxed(&view->units[first].size_class);
    size_t slot = cai_class_sizes[size_class];
    bool is_first = granule - (first << (CAI_UNIT_SHIFT - shift)) < slot >> shift;
    size_t bytes = exact_of(grain, state, size_class, slot);
    if (is_stated && CAI_UNLIKELY(stated != bytes))
        return false;
    if (has(checks, CAI_CHECK_canary) &&
        (CAI_UNLIKELY(!is_whole(block, bytes, slot)) ||
         CAI_UNLIKELY(!is_first && !is_whole_before(block, state - (slot >> shift), slot))))
        return false;
    struct cai_bin *bin = &thread->owner.heap.bins[PLACE][size_class];
    if (!has(checks, CAI_CHECK_delay) &&
        (!cai_cache_owns(&thread->owner.heap, PLACE, grain, granule) || bin->top == bin->end))
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

/* A large block is the long way's. */
static CAI_NOINLINE bool put_coarse(void *address, enum cai_family family, bool is_stated, size_t stated)
{
    size_t granule;
    uint8_t *state = cai_find_state(PLACE, CAI_COARSE, address, &granule);

    if (CAI_TOOLS || state == NULL)
        return false;
    const struct cai_view *view = cai_view_of(cai_zone_number(PLACE, CAI_COARSE));
    size_t first = cai_load_relaxed(&view->units[cai_unit_of_granule(CAI_COARSE, granule)].head);
    return cai_load_relaxed(&view->units[first].kind) == CAI_UNIT_SLAB &&
           put_of(CAI_COARSE, state, granule, address, family, is_stated, stated);
}

CAI_INLINE bool put(void *address, enum cai_family family, bool is_stated, size_t stated)
{
    size_t granule;
    uint8_t *state = cai_find_state(PLACE, CAI_FINE, address, &granule);

    __builtin_prefetch((char *)address - 1,
                       1); /* all of it is needed, and so far no load that would lead there is done */
    __builtin_prefetch(address, 1);
    if (CAI_TOOLS || CAI_UNLIKELY(state == NULL))
        return put_coarse(address, family, is_stated, stated);
    return put_of(CAI_FINE, state, granule, address, family, is_stated, stated);
}

bool cai_hardened_put(void *address, enum cai_family family)
{
    return put(address, family, false, 0);
}

bool cai_hardened_put_stated(void *address, enum cai_family family, size_t bytes)
{
    return put(address, family, true, bytes);
}
