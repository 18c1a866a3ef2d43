/* The short ways of malloc's doors in the hardened library (hardened.h): a small block of the thread's own bin, and
 * one that goes where it goes. What is not as simple, or not as it should be, has changed nothing here: the long
 * ways (hardened.c, free.c) look again, and tell.
 */
#include "heaps/hardened.h"

#include "base/tools.h"
#include "blocks/exact.h"
#include "core/tagging.h"
#include "harden/canary.h"
#include "harden/still.h"
#include "harden/tag.h"
#include "heaps/free.h"

#include <string.h>

#define PLACE CAI_PLACE_ordinary

/* The shortest ways are those of the checks that are on unless switched off, and of slots whose slack is short,
 * whatever of them is asked for (blocks/sizeclass.h): the record is one byte, the canary needs no loop, and nothing is
 * called, for which registers would have to be saved. */
enum {
    SHORT_CHECKS = CAI_CHECK_canary | CAI_CHECK_zero | CAI_CHECK_delay,
    SHORT_BUT = CAI_TAGS ? CAI_CHECK_mte : 0, /* which takes the others' way */
    SHORT_SLOT_MAX = 512
};
_Static_assert(SHORT_SLOT_MAX / 16 <= (size_t)CAI_CANARY_SHORT && CAI_CANARY_SHORT <= (size_t)CAI_RECORD_ONE_MAX,
               "a class is an eighth of the doubling below it longer than the one before at most");

CAI_INLINE bool has(uint32_t checks, enum cai_check check)
{
    return (checks & check) != 0;
}

CAI_INLINE bool has_short(uint32_t checks)
{
    return (checks & (SHORT_CHECKS | SHORT_BUT)) == SHORT_CHECKS;
}

CAI_INLINE bool has_tags(uint32_t checks)
{
    return CAI_TAGS && has(checks, CAI_CHECK_mte);
}

/* Live blocks of the class; NULL: there are none that are as simple. */
CAI_INLINE void *take_of(size_t size_class, enum cai_grain grain, bool is_short, size_t bytes, bool zeroed,
                         enum cai_family family)
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
    void **ahead = (void **)cai_max((uintptr_t)top - 2 * sizeof *top, (uintptr_t)bin->base);
    __builtin_prefetch(*ahead, 1); /* what waited has left the cache */
    uint8_t *state = view->state + (((uintptr_t)block - view->origin) >> cai_grain_shift(grain));
    uint8_t before = cai_load_relaxed(state);
    bool was_zero = (before & CAI_STATE_ZERO) != 0;
    if (CAI_UNLIKELY(!cai_state_is_cached(before)) ||
        (was_zero && (is_short || has(checks, CAI_CHECK_zero)) &&
         CAI_UNLIKELY(!(is_short ? cai_is_zero(block, slot) : cai_is_still_zero(block, slot, zeroed)))))
        return NULL;

    /* Live, and not yet a block of such a door: in the child of a fork that stops another thread here it stays so. */
    cai_store_relaxed(state, (uint8_t)size_class);
    cai_fence_for_compiler();
    if (zeroed)
        cai_cache_zero(heap, block, bytes, was_zero);
    if (is_short)
        cai_store_relaxed(&state[1], (uint8_t)(CAI_RECORD | (slot - bytes)));
    else
        cai_exact_record(state, (unsigned)size_class, bytes);
    if (is_short)
        cai_canary_begin_short(block + slot, slot - bytes, cai_canary_of(block));
    else if (has(checks, CAI_CHECK_canary))
        cai_canary_begin(block, bytes, slot - bytes);
    bin->top = top;
    if (!is_short && has_tags(checks))
        block = cai_tag_begin(block, bytes, slot);
    cai_store_release(state, (uint8_t)(CAI_STATE_HARDENED + family));
    return block;
}

/* As cai_class_table (blocks/sizeclass.h) says, but for the shortest: CAI_HARDENED_SLOT_MIN costs no instruction. */
static const uint8_t short_classes[SHORT_SLOT_MAX / 16 + 1] = {
    2,  2,  2,  3,  4,  5,  6,  7,  8,                              /* to 128 by 16 */
    9,  10, 11, 12, 13, 14, 15, 16,                                 /* to 256 by 16 */
    17, 17, 18, 18, 19, 19, 20, 20, 21, 21, 22, 22, 23, 23, 24, 24, /* to 512 by 32 */
};

static CAI_NOINLINE void *take_long(size_t bytes, bool zeroed, enum cai_family family)
{
    size_t least = cai_hardened_least(bytes);

    if (CAI_TOOLS || bytes - 1 >= CAI_SMALL_BYTES_MAX || least > CAI_SMALL_BYTES_MAX)
        return NULL;
    return least <= CAI_FINE_BYTES_MAX ? take_of(cai_class_of_fine(least), CAI_FINE, false, bytes, zeroed, family)
                                       : take_of(cai_class_of_coarse(least), CAI_COARSE, false, bytes, zeroed, family);
}

CAI_INLINE void *take(size_t bytes, bool zeroed, enum cai_family family)
{
    if (CAI_TOOLS || CAI_UNLIKELY(bytes - 1 >= SHORT_SLOT_MAX - 1) || CAI_UNLIKELY(!has_short(cai_settings->checks)))
        return take_long(bytes, zeroed, family);
    return take_of(short_classes[(bytes + cai_canary_least(bytes) + 15) / 16], CAI_FINE, true, bytes, zeroed, family);
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
    unsigned size_class =
        CAI_TOOLS || bytes - 1 >= CAI_SMALL_BYTES_MAX ? 0 : cai_class_for(cai_hardened_least(bytes), align);

    if (size_class == 0)
        return NULL;
    return cai_class_grain(size_class) == CAI_FINE ? take_of(size_class, CAI_FINE, false, bytes, false, family)
                                                   : take_of(size_class, CAI_COARSE, false, bytes, false, family);
}

/* --- back --- */

/* A live block of such a door that is as it should be, and what it takes to end it. */
struct simple {
    struct cai_thread *thread;
    uint8_t *state;
    char *block;
    size_t granule, slot, bytes;
    unsigned size_class;
    uint32_t checks;
    uint8_t byte;
    enum cai_grain grain;
};

CAI_INLINE size_t exact_of(enum cai_grain grain, const uint8_t *state, unsigned size_class)
{
    return grain == CAI_COARSE ? cai_exact_recorded_coarse(state, size_class)
                               : cai_exact_recorded_fine(state, size_class);
}

CAI_INLINE bool is_whole(const struct simple *it, bool is_short)
{
    if (is_short)
        return cai_canary_is_whole_short(it->block + it->slot, it->slot - it->bytes, cai_canary_of(it->block));
    return cai_canary_overflow(it->block, it->bytes, it->slot - it->bytes) == 0;
}

/* A slot of so many granules is the first of its slab: it lies less than that behind where a unit begins, which is that
 * where the slab does. */
CAI_INLINE bool is_first_of(const struct cai_view *view, enum cai_grain grain, size_t granule, size_t granules)
{
    size_t unit = cai_unit_of_granule(grain, granule);
    size_t in_unit = granule % ((size_t)1 << (CAI_UNIT_SHIFT - cai_grain_shift(grain)));

    return in_unit < granules && cai_load_relaxed(&view->units[unit].head) == unit;
}

/* Of a block that may be live. */
CAI_NO_TSAN static inline uint8_t byte_at(const char *address)
{
    cai_tags_pass();
    uint8_t byte = (uint8_t)*address;
    cai_tags_mind();
    return byte;
}

/* The last byte of the slot before, which is a canary's however long the block there is; the first slot of a slab has
 * none. It may be under the hands of another thread: a difference is a reason to look closer, and no more. */
CAI_NO_TSAN static inline bool is_whole_before(const char *block, const uint8_t *before, size_t slot)
{
    return !cai_state_is_hardened(cai_load_relaxed(before)) || byte_at(block - 1) == cai_canary_of(block - slot) >> 56;
}

/* state: of the granule where the address points to, in the zone. `is_short`: by the shortest way, if it is a block at
 * all. False: it is not as simple, or not as it should be. */
CAI_INLINE bool look_at(struct simple *it, enum cai_grain grain, bool is_short, uint8_t *state, size_t granule,
                        char *block, enum cai_family family)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(PLACE, grain));
    uint8_t byte = (uint8_t)(CAI_STATE_HARDENED + family);

    if (CAI_UNLIKELY(cai_load_relaxed(state) != byte))
        return false;
    struct cai_thread *thread = cai_self;
    uint32_t checks = cai_settings->checks;
    if (CAI_UNLIKELY(!cai_thread_has_heap(thread)) || CAI_UNLIKELY(cai_process_is_new()) ||
        CAI_UNLIKELY(thread->claim.block != 0))
        return false;
    unsigned size_class = cai_load_relaxed(&view->owner[cai_unit_of_granule(grain, granule)].size_class);
    size_t slot = cai_class_sizes[size_class];
    size_t granules = slot >> cai_grain_shift(grain);
    size_t bytes =
        is_short ? slot - ((size_t)cai_load_relaxed(&state[1]) - CAI_RECORD) : exact_of(grain, state, size_class);
    *it = (struct simple){thread, state, block, granule, slot, bytes, size_class, checks, byte, grain};
    if (is_short && CAI_UNLIKELY(slot > SHORT_SLOT_MAX)) /* not by this way: who asked looks at the slot first */
        return true;
    return (!is_short && !has(checks, CAI_CHECK_canary)) ||
           (CAI_LIKELY(is_whole(it, is_short)) && (is_first_of(view, grain, granule, granules) ||
                                                   CAI_LIKELY(is_whole_before(block, state - granules, slot))));
}

/* The record of the claim is claim.h's, and ends with `end_claim`. */
CAI_INLINE bool begin_claim(const struct simple *it)
{
    uint8_t byte = it->byte;

    it->thread->claim.block = cai_claim_of(it->state, byte);
    cai_fence_for_compiler();
    return cai_is_alone() ? cai_alone_swap(it->state, &byte, CAI_STATE_CLAIMED)
                          : cai_swap_strong_acq_rel(it->state, &byte, CAI_STATE_CLAIMED);
}

CAI_INLINE void end_claim(const struct simple *it)
{
    cai_fence_for_compiler();
    it->thread->claim.block = 0;
}

CAI_INLINE void clear(struct cai_heap *heap, char *block, size_t slot, bool is_short)
{
    if (is_short || slot <= CAI_CLEAR_SHORT)
        cai_clear_slot(heap, block, slot);
    else
        cai_clear_small(heap, block, slot);
}

static CAI_NOINLINE bool tell(bool put)
{
    cai_free_told();
    return put;
}

/* False: it is somebody else's to end, or not as simple; nothing changed. */
CAI_INLINE bool end(const struct simple *it, bool is_short)
{
    struct cai_thread *thread = it->thread;
    struct cai_bin *bin = &thread->owner.heap.bins[PLACE][it->size_class];

    if (!is_short && !has(it->checks, CAI_CHECK_delay) &&
        (!cai_cache_owns(&thread->owner.heap, PLACE, it->grain, it->granule) || bin->top == bin->end))
        return false;
    bool claimed = begin_claim(it);
    if (CAI_LIKELY(claimed)) {
        if (!is_short && has_tags(it->checks))
            cai_tag_end(it->block, it->slot);
        if (is_short || has(it->checks, CAI_CHECK_zero))
            clear(&thread->owner.heap, it->block, it->slot, is_short);
        if (is_short || has(it->checks, CAI_CHECK_delay)) {
            cai_store_release(it->state, CAI_STATE_QUARANTINED);
            cai_quarantine_note(cai_is_alone(), cai_zone_number(PLACE, it->grain), it->state);
            thread->untold += it->slot;
        } else {
            cai_bin_push(bin, PLACE, it->state, it->block);
            if (has(it->checks, CAI_CHECK_zero))
                cai_store_relaxed(it->state, CAI_STATE_CACHED | CAI_STATE_ZERO);
        }
    }
    end_claim(it);
    return CAI_UNLIKELY(thread->untold >= CAI_UNTOLD_MAX) ? tell(claimed) : claimed;
}

/* The granule lies in a slab: a large block is the long way's. */
CAI_INLINE bool is_in_slab(size_t granule)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(PLACE, CAI_COARSE));
    size_t first = cai_load_relaxed(&view->units[cai_unit_of_granule(CAI_COARSE, granule)].head);

    return cai_load_relaxed(&view->units[first].kind) == CAI_UNIT_SLAB;
}

/* Any that starts there, by a pointer that has its tag. */
CAI_INLINE bool find(struct simple *it, void *pointer, enum cai_family family)
{
    void *address = (void *)cai_tags_off(pointer);
    size_t granule;
    uint8_t *state = cai_find_state(PLACE, CAI_FINE, address, &granule);
    bool found = false;

    if (state != NULL) {
        found = look_at(it, CAI_FINE, false, state, granule, address, family);
    } else {
        state = cai_find_state(PLACE, CAI_COARSE, address, &granule);
        found = state != NULL && is_in_slab(granule) && look_at(it, CAI_COARSE, false, state, granule, address, family);
    }
    return found && (!CAI_TAGS || cai_tags_pointer(address) == pointer);
}

static CAI_NOINLINE bool put_long(void *address, enum cai_family family, bool is_stated, size_t stated)
{
    struct simple it;

    if (address == NULL)
        return true;
    return !CAI_TOOLS && find(&it, address, family) && (!is_stated || stated == it.bytes) && end(&it, false);
}

CAI_INLINE bool put(void *address, enum cai_family family, bool is_stated, size_t stated)
{
    size_t granule;
    uint8_t *state = cai_find_state(PLACE, CAI_FINE, address, &granule);
    struct simple it;

    __builtin_prefetch((char *)address - 1,
                       1); /* all of it is needed, and so far no load that would lead there is done */
    __builtin_prefetch(address, 1);
    if (CAI_TOOLS || CAI_UNLIKELY(state == NULL))
        return put_long(address, family, is_stated, stated);
    uint8_t lacks = (uint8_t)(cai_load_relaxed(&state[1]) - CAI_RECORD);
    if (CAI_UNLIKELY((uint8_t)(lacks - 1) >= CAI_CANARY_SHORT) || CAI_UNLIKELY(!has_short(cai_settings->checks)))
        return put_long(address, family, is_stated, stated);
    if (!look_at(&it, CAI_FINE, true, state, granule, address, family))
        return false;
    if (CAI_UNLIKELY(it.slot > SHORT_SLOT_MAX))
        return put_long(address, family, is_stated, stated);
    if (is_stated && CAI_UNLIKELY(stated != it.bytes))
        return false;
    return end(&it, true);
}

bool cai_hardened_put(void *address, enum cai_family family)
{
    return put(address, family, false, 0);
}

bool cai_hardened_put_stated(void *address, enum cai_family family, size_t bytes)
{
    return put(address, family, true, bytes);
}

/* --- longer, or shorter --- */

/* Where it is, while it fills half of its slot. */
CAI_INLINE bool resize_here(const struct simple *it, size_t bytes)
{
    bool claimed = begin_claim(it);

    if (CAI_LIKELY(claimed)) {
        cai_exact_record(it->state, it->size_class, bytes);
        if (has(it->checks, CAI_CHECK_canary))
            cai_canary_write(it->block, bytes, it->slot - bytes);
        if (has_tags(it->checks))
            cai_tag_fit(it->block, bytes, it->slot);
        cai_store_release(it->state, it->byte);
    }
    end_claim(it);
    return claimed;
}

/* The new slot lay in a bin of this thread; until the old block is claimed nothing has changed but that, and in the
 * child of a fork it is one which a thread that is not there had in its hand. */
void *cai_hardened_resize_near(void *address, size_t bytes)
{
    struct simple it;

    if (CAI_TOOLS || CAI_UNLIKELY(bytes - 1 >= CAI_SMALL_BYTES_MAX - 1) || !find(&it, address, CAI_FAMILY_malloc))
        return NULL;
    if (cai_hardened_least(bytes) <= it.slot && bytes >= it.slot / 2)
        return resize_here(&it, bytes) ? address : NULL;
    void *moved = take(bytes, false, CAI_FAMILY_malloc);
    if (CAI_UNLIKELY(moved == NULL))
        return NULL;
    cai_tags_pass();
    memcpy(moved, address, cai_min(bytes, it.bytes));
    cai_tags_mind();
    if (CAI_LIKELY(end(&it, false)))
        return moved;
    /* Somebody gave the block back: the long way finds out. */
    cai_free_slow(PLACE, (void *)cai_tags_off(moved), "realloc");
    return NULL;
}
