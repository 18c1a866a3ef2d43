/* The heap's own form: capabilities in the sense of the address. An intention becomes a place here and nowhere below.
 *
 * Every function comes in four types; what they share is written once, with the place as a constant, and inlined into
 * each. A block that comes back is authentic when its state byte says live, in the place of its type, with the recorded
 * size; only then anything is done with it.
 */
#include <capalloc/heap.h>
#undef ca_allocate /* the function itself is defined here */

#include "api/authentic.h"
#include "api/authority.h"
#include "base/compiler.h"
#include "core/violation.h"
#include "heap/branch.h"
#include "heap/clear.h"
#include "heap/find.h"
#include "heap/heap.h"
#include "heap/large.h"
#include "heap/record.h"

#include <stdint.h>
#include <string.h>

/* The four types look alike to the machine. */
typedef ca_block_result result;

static result success(void *address, size_t bytes)
{
    return (result){.ptr = address, .size_or_error = bytes};
}

static result failure(ca_error error)
{
    return (result){.ptr = NULL, .size_or_error = (size_t)error};
}

/* The exact size of a block, recorded. */
static void record(enum cai_place place, struct cai_live live, size_t bytes)
{
    if (live.size_class == 0)
        *cai_large_exact(place, live.granule) = bytes;
    else
        cai_record_set(live.state, live.size_class, bytes);
}

static size_t recorded(enum cai_place place, struct cai_live live)
{
    return live.size_class == 0 ? *cai_large_exact(place, live.granule)
                                : cai_record_bytes(live.state, live.live, live.size_class);
}

/* --- allocation --- */

enum form { PLAIN, ZEROED, AT_LEAST };

/* NULL: *error says why. */
static void *allocate_for(const struct cai_grant *grant, enum cai_place place, ca_layout layout, bool zeroed,
                          ca_error *error)
{
    *error = CA_ERROR_OUT_OF_MEMORY;
    if (grant->node == CAI_NODE_DEFAULT)
        return cai_heap_allocate_aligned(place, layout.size, layout.align, zeroed);
    return cai_branch_allocate(grant, place, layout.size, layout.align, zeroed, error);
}

static CAI_NOINLINE result allocate_slow(ca_authority authority, ca_layout layout, enum cai_place place, enum form form)
{
    struct cai_grant grant;
    ca_error error = CA_ERROR_OUT_OF_MEMORY;

    if (!cai_heap_start())
        return failure(error);
    if (!cai_authority_find(authority, &grant) || (grant.rights & CA_RIGHT_ALLOCATE) == 0)
        return failure(CA_ERROR_NOT_PERMITTED);
    if (!ca_layout_is_valid(layout))
        return failure(CA_ERROR_LAYOUT);
    if (layout.size == 0)
        return success((void *)layout.align, 0);
    void *address = allocate_for(&grant, place, layout, form == ZEROED, &error);
    if (address == NULL)
        return failure(error);
    struct cai_live live = cai_find_live(place, address);
    size_t bytes = form == AT_LEAST ? cai_live_usable(place, live) : layout.size;
    record(place, live, bytes);
    return success(address, bytes);
}

/* Alignments up to 16 as a set of bits. */
static bool is_small_alignment(size_t align)
{
    return align <= 16 && (0x10116u >> align & 1) != 0;
}

/* The fast path of one grain: a slot, and the exact size recorded behind its state. */
CAI_INLINE void *take(struct cai_thread *heap, enum cai_place place, enum cai_grain grain, size_t bytes, enum form form,
                      size_t *got)
{
    size_t size_class = grain == CAI_FINE ? cai_class_of_fine(bytes) : cai_class_of_coarse(bytes);
    size_t exact = form == AT_LEAST ? cai_class_sizes[size_class] : bytes;
    void *address = cai_cache_take_from(heap, place, grain, size_class, form == ZEROED, exact);

    if (CAI_UNLIKELY(address == NULL))
        return NULL;
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    uint8_t *state = view->state + (((uintptr_t)address - view->origin) >> cai_grain_shift(grain));
    if (grain == CAI_FINE && CAI_LIKELY(size_class != 1))
        cai_record_set_fine(state, size_class, exact);
    else
        cai_record_set(state, (unsigned)size_class, exact);
    *got = exact;
    return address;
}

CAI_INLINE void *take_small(struct cai_thread *heap, enum cai_place place, ca_layout layout, enum form form,
                            size_t *got)
{
    if (CAI_UNLIKELY(!is_small_alignment(layout.align) || layout.size - 1 >= CAI_SMALL_BYTES_MAX))
        return NULL;
    return layout.size <= CAI_FINE_BYTES_MAX ? take(heap, place, CAI_FINE, layout.size, form, got)
                                             : take(heap, place, CAI_COARSE, layout.size, form, got);
}

/* The fast path of an authority that is not the default one. The block is whole before anyone may take the branch
 * away. */
CAI_INLINE result allocate_from_branch(ca_authority authority, ca_layout layout, enum cai_place place, enum form form)
{
    struct cai_thread *thread = cai_self;
    struct cai_thread *branch = cai_branch_enter(thread, authority);
    size_t bytes = 0;

    if (CAI_LIKELY(branch != NULL)) {
        void *address = take_small(branch, place, layout, form, &bytes);
        cai_branch_leave(thread);
        if (CAI_LIKELY(address != NULL))
            return success(address, bytes);
    }
    return allocate_slow(authority, layout, place, form);
}

CAI_INLINE result allocate(ca_layout layout, enum cai_place place, enum form form, ca_authority authority)
{
    size_t bytes = 0;
    void *address = take_small(cai_self, place, layout, form, &bytes);

    return CAI_LIKELY(address != NULL) ? success(address, bytes) : allocate_slow(authority, layout, place, form);
}

/* --- authenticity --- */

enum verdict { AUTHENTIC, STALE, NO_BLOCK, WRONG_TYPE, WRONG_SIZE };

struct judged {
    enum verdict verdict;
    struct cai_live live;
};

static struct judged judge(enum cai_place place, const void *address, size_t bytes, bool wiped)
{
    struct judged judged = {.live = cai_find_live(place, address)};

    if (judged.live.state == NULL) {
        struct cai_lookup there = cai_find_any(address);
        judged.verdict = there.found == CAI_FOUND_FREED                          ? STALE
                         : there.found == CAI_FOUND_LIVE && there.place != place ? WRONG_TYPE
                                                                                 : NO_BLOCK;
    } else if ((judged.live.live == CAI_STATE_WIPED) != wiped) {
        judged.verdict = WRONG_TYPE;
    } else {
        /* A wiped block in a slot of 16 bytes has lost its record with its state. */
        bool unknown = wiped && judged.live.size_class == 1 && bytes <= 16;
        judged.verdict = unknown || recorded(place, judged.live) == bytes ? AUTHENTIC : WRONG_SIZE;
    }
    return judged;
}

static ca_error error_of(enum verdict verdict)
{
    return verdict == AUTHENTIC ? CA_OK : verdict == STALE ? CA_ERROR_STALE : CA_ERROR_INVALID;
}

static CAI_COLD ca_error report(enum cai_place place, const void *address, struct judged judged, const char *function)
{
    static const ca_violation_kind kinds[] = {[STALE] = CA_VIOLATION_DOUBLE_FREE,
                                              [NO_BLOCK] = CA_VIOLATION_INVALID_FREE,
                                              [WRONG_TYPE] = CA_VIOLATION_WRONG_DEALLOCATOR,
                                              [WRONG_SIZE] = CA_VIOLATION_SIZE_MISMATCH};
    if (judged.verdict == WRONG_SIZE || (judged.verdict == WRONG_TYPE && judged.live.state != NULL))
        cai_violation_report((ca_violation){
            .kind = kinds[judged.verdict],
            .function = function,
            .address = address,
            .size = recorded(place, judged.live),
            .place = cai_place_name(place),
            .stated = judged.verdict == WRONG_SIZE ? "a block of another size" : "a block of another type",
            .found = "a live block",
        });
    else
        cai_find_report(place, address, function);
    return error_of(judged.verdict);
}

/* --- giving back --- */

/* The room a block was cut from: what must be zero when it goes back. */
static size_t slot_of(enum cai_place place, struct cai_live live)
{
    return live.size_class == 0 ? cai_large_run_bytes(place, live.granule) : cai_class_sizes[live.size_class];
}

/* Costs more than clearing. */
#if defined(CAI_DEBUG) && CAI_DEBUG
enum { WIPED_IS_CHECKED = true };
#else
enum { WIPED_IS_CHECKED = false };
#endif

static bool is_zero(const void *address, size_t bytes)
{
    const char *text = address;

    return text[0] == 0 && memcmp(text, text + 1, bytes - 1) == 0;
}

static bool was_written_after_wiping(enum cai_place place, const void *address, size_t bytes)
{
    struct judged judged = judge(place, address, bytes, true);

    if (judged.verdict != AUTHENTIC || is_zero(address, slot_of(place, judged.live)))
        return false;
    cai_violation_report((ca_violation){.kind = CA_VIOLATION_NOT_WIPED,
                                        .function = "ca_deallocate",
                                        .address = address,
                                        .size = slot_of(place, judged.live),
                                        .place = cai_place_name(place),
                                        .stated = "a wiped block",
                                        .found = "a block that is not all zero,"});
    return true;
}

static CAI_NOINLINE void deallocate_slow(enum cai_place place, void *address, size_t bytes, bool wiped,
                                         const char *function)
{
    struct judged judged = judge(place, address, bytes, wiped);

    if (judged.verdict != AUTHENTIC)
        report(place, address, judged, function);
    else
        cai_heap_free_slow(place, address, function);
}

CAI_INLINE void deallocate(enum cai_place place, void *address, size_t bytes, const char *function)
{
    if (CAI_LIKELY(cai_authentic(place, CAI_FINE, address, bytes) != NULL &&
                   cai_cache_put(place, CAI_FINE, address) == CAI_PUT_DONE))
        return;
    if (CAI_LIKELY(cai_authentic(place, CAI_COARSE, address, bytes) != NULL &&
                   cai_cache_put(place, CAI_COARSE, address) == CAI_PUT_DONE))
        return;
    if (bytes != 0)
        deallocate_slow(place, address, bytes, false, function);
}

/* Clears the whole slot, then gives it back. */
CAI_INLINE bool clear_and_put(enum cai_place place, enum cai_grain grain, void *address, size_t bytes)
{
    uint8_t *state = cai_authentic(place, grain, address, bytes);

    if (CAI_UNLIKELY(state == NULL))
        return false;
    uint8_t live = cai_load_relaxed(state);
    cai_clear(address, cai_class_sizes[live]);
    return CAI_LIKELY(cai_cache_put(place, grain, address) == CAI_PUT_DONE) ||
           cai_cache_put_slow(place, live, live, address);
}

CAI_INLINE void deallocate_zeroed(enum cai_place place, void *address, size_t bytes, const char *function)
{
    if (CAI_LIKELY(clear_and_put(place, CAI_FINE, address, bytes) || clear_and_put(place, CAI_COARSE, address, bytes)))
        return;
    if (bytes != 0)
        deallocate_slow(place, address, bytes, false, function);
}

static ca_wiped wipe(enum cai_place place, void **address, size_t *bytes, const char *function)
{
    ca_wiped wiped = {.ptr = *address, .size = *bytes};

    if (*bytes != 0) {
        struct judged judged = judge(place, *address, *bytes, false);
        if (judged.verdict != AUTHENTIC) {
            report(place, *address, judged, function);
            return (ca_wiped){.ptr = NULL, .size = 0};
        }
        cai_clear(*address, slot_of(place, judged.live));
        cai_store_release(judged.live.state, CAI_STATE_WIPED);
    }
    *address = NULL;
    *bytes = 0;
    return wiped;
}

/* --- shrinking and growing --- */

static result shrink(enum cai_place place, void *address, size_t bytes, ca_layout layout, const char *function)
{
    if (!ca_layout_is_valid(layout) || layout.size > bytes || ((uintptr_t)address & (layout.align - 1)) != 0)
        return failure(CA_ERROR_LAYOUT);
    if (bytes == 0)
        return success(address, 0);
    struct judged judged = judge(place, address, bytes, false);
    if (judged.verdict != AUTHENTIC)
        return failure(report(place, address, judged, function));
    if (layout.size == 0) {
        cai_heap_free_slow(place, address, function);
        return success((void *)layout.align, 0);
    }
    if (judged.live.size_class == 0) {
        cai_large_resize(place, judged.live.granule, layout.size);
        return success(address, layout.size);
    }
    /* To the end of the slot: an overflow may have dirtied what lies behind the block. */
    if (cai_place_zeroes(place))
        cai_clear((char *)address + layout.size, cai_live_usable(place, judged.live) - layout.size);
    record(place, judged.live, layout.size);
    return success(address, layout.size);
}

/* The node of the authority that a live block is charged to. */
static uint32_t payer_of(enum cai_place place, struct cai_live live)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, live.grain));

    return cai_branch_node_of_owner(cai_load_acquire(&view->owner[cai_unit_of_granule(live.grain, live.granule)]));
}

/* Where the block lies now, when that is possible without moving its first byte to another block. NULL: it is not. */
static void *grow_in_place(const struct cai_grant *grant, enum cai_place place, void *address, struct cai_live live,
                           ca_layout layout)
{
    if (((uintptr_t)address & (layout.align - 1)) != 0)
        return NULL;
    if (live.size_class != 0)
        return layout.size <= cai_live_usable(place, live) ? address : NULL;
    if (grant->node != CAI_NODE_DEFAULT)
        return cai_branch_grow_large(grant, place, live.granule, layout.size) ? address : NULL;
    bool own = payer_of(place, live) == CAI_NODE_DEFAULT;
    return own && layout.align <= CAI_UNIT_BYTES ? cai_large_resize(place, live.granule, layout.size) : NULL;
}

/* Makes [from, to) zero. Where free memory is zero, only what was already in the block's slot may not be (0: the block
 * is a new one): an overflow may have got there. */
static void zero_added(enum cai_place place, char *block, size_t from, size_t to, size_t slot)
{
    size_t unknown = cai_place_zeroes(place) ? cai_max(from, cai_min(to, slot)) : to;

    cai_clear(block + from, unknown - from);
    if (cai_self->id != 0)
        cai_self->bytes_clear_skipped += to - unknown;
}

static result grow(ca_authority authority, enum cai_place place, void *address, size_t bytes, ca_layout layout,
                   bool zeroed, const char *function)
{
    struct cai_grant grant;
    ca_error error;

    if (!cai_heap_start() || !cai_authority_find(authority, &grant) || (grant.rights & CA_RIGHT_GROW) == 0)
        return failure(CA_ERROR_NOT_PERMITTED);
    if (!ca_layout_is_valid(layout) || layout.size < bytes)
        return failure(CA_ERROR_LAYOUT);
    zeroed = zeroed || cai_place_zeroes(place);
    if (bytes == 0) /* anybody can name a block of size 0: this is an allocation, and needs the right to it */
        return allocate_slow(authority, layout, place, zeroed ? ZEROED : PLAIN);
    struct judged judged = judge(place, address, bytes, false);
    if (judged.verdict != AUTHENTIC || address == NULL)
        return failure(report(place, address, judged, function));
    if (cai_authority_heap(grant.node) != cai_authority_heap(payer_of(place, judged.live)))
        return failure(CA_ERROR_NOT_PERMITTED);
    size_t slot = slot_of(place, judged.live);
    void *grown = grow_in_place(&grant, place, address, judged.live, layout);
    if (grown == NULL) {
        slot = 0;
        grown = allocate_for(&grant, place, layout, false, &error);
        if (grown == NULL)
            return failure(error);
        memcpy(grown, address, bytes);
        cai_heap_free_slow(place, address, function); /* clears it where the place wants that */
    }
    if (zeroed)
        zero_added(place, grown, bytes, layout.size, slot);
    record(place, cai_find_live(place, grown), layout.size);
    return success(grown, layout.size);
}

static ca_error check(enum cai_place place, const void *address, size_t bytes)
{
    return bytes == 0 ? CA_OK : error_of(judge(place, address, bytes, false).verdict);
}

/* --- the four types --- */

#define AS(type, value) ((type##_result){.ptr = (value).ptr, .size_or_error = (value).size_or_error})

#define FOR_TYPE(type, place)                                                                                          \
    CAI_EXPORT type##_result type##_shrink(type block, ca_layout layout)                                               \
    {                                                                                                                  \
        result done = shrink(CAI_PLACE_##place, block.ptr, block.size, layout, "ca_shrink");                           \
        return AS(type, done);                                                                                         \
    }                                                                                                                  \
    CAI_EXPORT type##_result type##_grow(ca_authority authority, type block, ca_layout layout)                         \
    {                                                                                                                  \
        result done = grow(authority, CAI_PLACE_##place, block.ptr, block.size, layout, false, "ca_grow");             \
        return AS(type, done);                                                                                         \
    }                                                                                                                  \
    CAI_EXPORT type##_result type##_grow_zeroed(ca_authority authority, type block, ca_layout layout)                  \
    {                                                                                                                  \
        result done = grow(authority, CAI_PLACE_##place, block.ptr, block.size, layout, true, "ca_grow_zeroed");       \
        return AS(type, done);                                                                                         \
    }                                                                                                                  \
    CAI_EXPORT ca_error type##_check(type block)                                                                       \
    {                                                                                                                  \
        return check(CAI_PLACE_##place, block.ptr, block.size);                                                        \
    }
FOR_TYPE(ca_block, ordinary)
FOR_TYPE(ca_nocaps, nocaps)
FOR_TYPE(ca_mustzero, mustzero)
FOR_TYPE(ca_secret, secret)

#define FOR_ALLOCATION(name, type, place, form)                                                                        \
    static CAI_NOINLINE type##_result name##_from_branch(ca_authority authority, ca_layout layout)                     \
    {                                                                                                                  \
        result done = allocate_from_branch(authority, layout, CAI_PLACE_##place, form);                                \
        return AS(type, done);                                                                                         \
    }                                                                                                                  \
    CAI_EXPORT type##_result name(ca_authority authority, ca_layout layout)                                            \
    {                                                                                                                  \
        if (CAI_UNLIKELY(!cai_authority_is_default(authority)))                                                        \
            return name##_from_branch(authority, layout);                                                              \
        result done = allocate(layout, CAI_PLACE_##place, form, authority);                                            \
        return AS(type, done);                                                                                         \
    }
FOR_ALLOCATION(ca_allocate, ca_block, ordinary, PLAIN)
FOR_ALLOCATION(ca_allocate_zeroed, ca_block, ordinary, ZEROED)
FOR_ALLOCATION(ca_allocate_at_least, ca_block, ordinary, AT_LEAST)
FOR_ALLOCATION(ca_allocate_nocaps, ca_nocaps, nocaps, PLAIN)
FOR_ALLOCATION(ca_allocate_nocaps_zeroed, ca_nocaps, nocaps, ZEROED)
FOR_ALLOCATION(ca_allocate_mustzero, ca_mustzero, mustzero, ZEROED)
FOR_ALLOCATION(ca_allocate_secret, ca_secret, secret, ZEROED)

CAI_EXPORT void ca_block_deallocate(ca_block block)
{
    deallocate(CAI_PLACE_ordinary, block.ptr, block.size, "ca_deallocate");
}

CAI_EXPORT void ca_nocaps_deallocate(ca_nocaps block)
{
    deallocate(CAI_PLACE_nocaps, block.ptr, block.size, "ca_deallocate");
}

CAI_EXPORT void ca_wiped_deallocate(ca_wiped block)
{
    enum cai_place place = cai_place_of(block.ptr) == CAI_PLACE_secret ? CAI_PLACE_secret : CAI_PLACE_mustzero;

    if (block.size != 0 && !(WIPED_IS_CHECKED && was_written_after_wiping(place, block.ptr, block.size)))
        deallocate_slow(place, block.ptr, block.size, true, "ca_deallocate");
}

CAI_EXPORT void ca_mustzero_deallocate_zeroed(ca_mustzero block)
{
    deallocate_zeroed(CAI_PLACE_mustzero, block.ptr, block.size, "ca_deallocate_zeroed");
}

CAI_EXPORT void ca_secret_deallocate_zeroed(ca_secret block)
{
    deallocate_zeroed(CAI_PLACE_secret, block.ptr, block.size, "ca_deallocate_zeroed");
}

CAI_EXPORT ca_wiped ca_mustzero_wipe(ca_mustzero *block)
{
    return wipe(CAI_PLACE_mustzero, &block->ptr, &block->size, "ca_wipe");
}

CAI_EXPORT ca_wiped ca_secret_wipe(ca_secret *block)
{
    return wipe(CAI_PLACE_secret, &block->ptr, &block->size, "ca_wipe");
}

CAI_EXPORT CAI_COLD void ca_unwrap_failed(ca_error error)
{
    cai_violation_report((ca_violation){.kind = CA_VIOLATION_UNWRAP_ERROR,
                                        .function = "ca_unwrap",
                                        .place = cai_place_name(CAI_PLACE_none),
                                        .stated = "a block",
                                        .found = ca_error_string(error)});
}
