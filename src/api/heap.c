/* The heap's own form: capabilities in the sense of the address. An intention becomes a place here and nowhere below.
 *
 * Every function comes in four types; what they share is written once, with the place as a constant, and inlined into
 * each. A block that comes back is authentic when its state byte says live, in the place of its type, with the recorded
 * size; only then anything is done with it.
 */
#include <capalloc/heap.h>
#undef ca_allocate /* the function itself is defined here */

#include "api/authority.h"
#include "base/compiler.h"
#include "core/violation.h"
#include "heap/branch.h"
#include "heap/exact.h"
#include "heap/find.h"
#include "heap/heap.h"
#include "heap/large.h"

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

/* Alignments up to 16 as a set of bits. */
static bool is_small_alignment(size_t align)
{
    return align <= 16 && (0x10116u >> align & 1) != 0;
}

/* A block of 17 to 512 bytes, or NULL. */
CAI_INLINE void *take_fine(struct cai_thread *heap, enum cai_place place, size_t bytes, enum form form, size_t *got)
{
    *got = form == AT_LEAST ? cai_class_sizes[cai_class_of_fine(bytes)] : bytes;
    return cai_exact_take(heap, place, cai_stamp_of(*got), form == ZEROED, *got);
}

/* A block of 513 to 32 Ki bytes, or NULL. */
CAI_INLINE void *take_coarse(struct cai_thread *heap, enum cai_place place, size_t bytes, enum form form, size_t *got)
{
    size_t size_class = cai_class_of_coarse(bytes);
    const struct cai_view *view = cai_view_of(cai_zone_number(place, CAI_COARSE));

    *got = form == AT_LEAST ? cai_class_sizes[size_class] : bytes;
    void *address = cai_cache_take_from(heap, place, CAI_COARSE, size_class, form == ZEROED, *got);
    if (CAI_LIKELY(address != NULL))
        cai_record_set(view->state + cai_granule_of(view, CAI_COARSE, address), (unsigned)size_class, *got);
    return address;
}

/* A block of *got bytes, or NULL: the slow path must be asked. */
CAI_INLINE void *take_small(struct cai_thread *heap, enum cai_place place, ca_layout layout, enum form form,
                            size_t *got)
{
    if (CAI_UNLIKELY(!is_small_alignment(layout.align)))
        return NULL;
    if (CAI_LIKELY(cai_has_stamp(layout.size)))
        return take_fine(heap, place, layout.size, form, got);
    return layout.size > CAI_FINE_BYTES_MAX && layout.size <= CAI_SMALL_BYTES_MAX
               ? take_coarse(heap, place, layout.size, form, got)
               : NULL;
}

/* The same from the branch that an authority opens. The block is whole before anyone may take the branch away. */
CAI_INLINE void *take_from_branch(ca_authority authority, enum cai_place place, ca_layout layout, enum form form,
                                  size_t *got)
{
    struct cai_thread *thread = cai_self;
    struct cai_thread *branch = cai_branch_enter(thread, authority.opaque[0], authority.opaque[1]);

    if (CAI_UNLIKELY(branch == NULL))
        return NULL;
    void *address = take_small(branch, place, layout, form, got);
    cai_branch_leave(thread);
    return address;
}

static CAI_NOINLINE result allocate_slow(ca_authority authority, ca_layout layout, enum cai_place place, enum form form)
{
    struct cai_grant grant;
    ca_error error = CA_ERROR_OUT_OF_MEMORY;

    if (!cai_heap_start())
        return failure(error);
    if (!cai_authority_may_be_default(authority)) {
        size_t got;
        void *taken = take_from_branch(authority, place, layout, form, &got);
        if (taken == NULL && cai_branch_switch(authority))
            taken = take_from_branch(authority, place, layout, form, &got);
        if (taken != NULL)
            return success(taken, got);
    }
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

/* A small block of this grain, whatever its record. In must-zero places the whole slot is cleared first. False: it is
 * none of this size, nothing has changed. */
CAI_INLINE bool put_small(enum cai_place place, enum cai_grain grain, void *address, size_t bytes)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    size_t granule = cai_granule_of(view, grain, address);

    if (CAI_UNLIKELY(granule >= view->granules))
        return false;
    uint8_t *state = view->state + granule;
    uint8_t live = cai_load_relaxed(state);
    /* Class 1 has records in its states; blocks that short are rare. */
    if (CAI_UNLIKELY(live < 2 || live > CAI_CLASS_LAST || cai_record_bytes(state, live, live) != bytes))
        return false;
    if (cai_place_zeroes(place))
        cai_clear(address, cai_class_sizes[live]);
    return CAI_LIKELY(cai_cache_push(place, grain, granule, live, address)) ||
           cai_cache_put_slow(place, live, live, address);
}

/* Any block, or none. */
CAI_INLINE void deallocate_any(enum cai_place place, void *address, size_t bytes, const char *function)
{
    if (CAI_LIKELY(bytes > CAI_FINE_BYTES_MAX ? put_small(place, CAI_COARSE, address, bytes)
                                              : put_small(place, CAI_FINE, address, bytes)))
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

/* The slow halves have the arguments of the fast ones, which so end in a jump and need no stack; so do branches, whose
 * fast path is for the frequent sizes only. */
#define FOR_ALLOCATION(name, type, place, form)                                                                        \
    static CAI_NOINLINE type##_result name##_slow(ca_authority authority, ca_layout layout)                            \
    {                                                                                                                  \
        result done = allocate_slow(authority, layout, CAI_PLACE_##place, form);                                       \
        return AS(type, done);                                                                                         \
    }                                                                                                                  \
    static CAI_NOINLINE type##_result name##_from_branch(uint64_t first, uint64_t second, ca_layout layout)            \
    {                                                                                                                  \
        struct cai_thread *thread = cai_self;                                                                          \
        struct cai_thread *branch = NULL;                                                                              \
        size_t bytes;                                                                                                  \
        if (CAI_LIKELY(cai_has_stamp(layout.size) && is_small_alignment(layout.align)))                                \
            branch = cai_branch_enter(thread, first, second);                                                          \
        if (CAI_UNLIKELY(branch == NULL))                                                                              \
            return name##_slow((ca_authority){{first, second}}, layout);                                               \
        void *address = take_fine(branch, CAI_PLACE_##place, layout.size, form, &bytes);                               \
        ca_authority authority = {{0, 0}};                                                                             \
        if (CAI_UNLIKELY(address == NULL))                                                                             \
            authority = branch->grant.authority; /* the same: from here, so that it need not be kept */                \
        cai_branch_leave(thread);                                                                                      \
        if (CAI_UNLIKELY(address == NULL))                                                                             \
            return name##_slow(authority, layout);                                                                     \
        return (type##_result){.ptr = address, .size_or_error = bytes};                                                \
    }                                                                                                                  \
    CAI_EXPORT type##_result name(ca_authority authority, ca_layout layout)                                            \
    {                                                                                                                  \
        size_t bytes;                                                                                                  \
        if (CAI_UNLIKELY(!cai_authority_may_be_default(authority)))                                                    \
            return name##_from_branch(authority.opaque[0], authority.opaque[1], layout);                               \
        if (CAI_LIKELY(cai_authority_is_default(authority))) {                                                         \
            void *address = take_small(cai_self, CAI_PLACE_##place, layout, form, &bytes);                             \
            if (CAI_LIKELY(address != NULL))                                                                           \
                return (type##_result){.ptr = address, .size_or_error = bytes};                                        \
        }                                                                                                              \
        return name##_slow(authority, layout);                                                                         \
    }
FOR_ALLOCATION(ca_allocate, ca_block, ordinary, PLAIN)
FOR_ALLOCATION(ca_allocate_zeroed, ca_block, ordinary, ZEROED)
FOR_ALLOCATION(ca_allocate_at_least, ca_block, ordinary, AT_LEAST)
FOR_ALLOCATION(ca_allocate_nocaps, ca_nocaps, nocaps, PLAIN)
FOR_ALLOCATION(ca_allocate_nocaps_zeroed, ca_nocaps, nocaps, ZEROED)
FOR_ALLOCATION(ca_allocate_mustzero, ca_mustzero, mustzero, ZEROED)
FOR_ALLOCATION(ca_allocate_secret, ca_secret, secret, ZEROED)

#define FOR_DEALLOCATION(name, type, place, function)                                                                  \
    static CAI_NOINLINE void name##_any(type block)                                                                    \
    {                                                                                                                  \
        deallocate_any(CAI_PLACE_##place, block.ptr, block.size, function);                                            \
    }                                                                                                                  \
    CAI_EXPORT void name(type block)                                                                                   \
    {                                                                                                                  \
        if (CAI_UNLIKELY(!cai_exact_may_put(CAI_PLACE_##place, block.size) ||                                          \
                         !cai_exact_put(CAI_PLACE_##place, cai_stamp_of(block.size), block.ptr)))                      \
            name##_any(block);                                                                                         \
    }
FOR_DEALLOCATION(ca_block_deallocate, ca_block, ordinary, "ca_deallocate")
FOR_DEALLOCATION(ca_nocaps_deallocate, ca_nocaps, nocaps, "ca_deallocate")
FOR_DEALLOCATION(ca_mustzero_deallocate_zeroed, ca_mustzero, mustzero, "ca_deallocate_zeroed")
FOR_DEALLOCATION(ca_secret_deallocate_zeroed, ca_secret, secret, "ca_deallocate_zeroed")

CAI_EXPORT void ca_wiped_deallocate(ca_wiped block)
{
    enum cai_place place = cai_place_of(block.ptr) == CAI_PLACE_secret ? CAI_PLACE_secret : CAI_PLACE_mustzero;

    if (block.size != 0 && !(WIPED_IS_CHECKED && was_written_after_wiping(place, block.ptr, block.size)))
        deallocate_slow(place, block.ptr, block.size, true, "ca_deallocate");
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
