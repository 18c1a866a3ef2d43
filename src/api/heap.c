/* The heap's own form: capabilities in the sense of the address. An intention becomes a place here and nowhere below.
 *
 * Every function comes in four types; what they share is written once, with the place as a constant, and inlined into
 * each. Here they are allocated and given back; resize.c has what happens to them in between.
 */
#include <capalloc/heap.h>
#undef ca_allocate /* the function itself is defined here */

#include "api/authority.h"
#include "api/own.h"
#include "core/violation.h"
#include "heap/branch.h"
#include "heap/exact.h"
#include "heap/heap.h"

#include <string.h>

/* --- allocation --- */

enum form { PLAIN, ZEROED, AT_LEAST };

void *cai_own_allocate_for(const struct cai_grant *grant, enum cai_place place, ca_layout layout, bool zeroed,
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

/* The most frequent layouts. */
static bool is_fine(ca_layout layout)
{
    return cai_has_stamp(layout.size) && is_small_alignment(layout.align);
}

/* A block with a fine layout of so many bytes, or NULL. */
CAI_INLINE void *take_fine(struct cai_thread *heap, enum cai_place place, size_t bytes, enum form form, size_t *got)
{
    *got = form == AT_LEAST ? cai_class_sizes[cai_class_of_fine(bytes)] : bytes;
    return cai_exact_take(heap, place, cai_stamp_of(*got), form == ZEROED, *got);
}

/* A block of 513 to 32 Ki bytes, or NULL, also for other layouts. */
CAI_INLINE void *take_coarse(struct cai_thread *heap, enum cai_place place, ca_layout layout, enum form form,
                             size_t *got)
{
    if (CAI_UNLIKELY(layout.size <= CAI_FINE_BYTES_MAX || layout.size > CAI_SMALL_BYTES_MAX ||
                     !is_small_alignment(layout.align)))
        return NULL;
    size_t size_class = cai_class_of_coarse(layout.size);
    const struct cai_view *view = cai_view_of(cai_zone_number(place, CAI_COARSE));
    *got = form == AT_LEAST ? cai_class_sizes[size_class] : layout.size;
    void *address = cai_cache_take_from(heap, place, CAI_COARSE, size_class, form == ZEROED, *got);
    if (CAI_LIKELY(address != NULL))
        cai_record_set(view->state + cai_granule_of(view, CAI_COARSE, address), (unsigned)size_class, *got);
    return address;
}

/* From the branch that an authority opens, or NULL. The block is whole before anyone may take the branch away. */
CAI_INLINE void *take_from_branch(ca_authority authority, enum cai_place place, ca_layout layout, enum form form,
                                  size_t *got)
{
    struct cai_thread *thread = cai_self;
    struct cai_thread *branch = cai_branch_enter(thread, authority.opaque[0], authority.opaque[1]);

    if (CAI_UNLIKELY(branch == NULL))
        return NULL;
    void *address = is_fine(layout) ? take_fine(branch, place, layout.size, form, got)
                                    : take_coarse(branch, place, layout, form, got);
    cai_branch_leave(thread);
    return address;
}

static CAI_NOINLINE cai_result allocate_slow(ca_authority authority, ca_layout layout, enum cai_place place,
                                             enum form form)
{
    struct cai_grant grant;
    ca_error error = CA_ERROR_OUT_OF_MEMORY;

    if (!cai_heap_start())
        return cai_failure(error);
    if (!cai_authority_may_be_default(authority)) {
        size_t got;
        void *taken = take_from_branch(authority, place, layout, form, &got);
        if (taken == NULL && cai_branch_switch(authority))
            taken = take_from_branch(authority, place, layout, form, &got);
        if (taken != NULL)
            return cai_success(taken, got);
    }
    if (!cai_authority_find(authority, &grant) || (grant.rights & CA_RIGHT_ALLOCATE) == 0)
        return cai_failure(CA_ERROR_NOT_PERMITTED);
    if (!ca_layout_is_valid(layout))
        return cai_failure(CA_ERROR_LAYOUT);
    if (layout.size == 0)
        return cai_success((void *)layout.align, 0);
    void *address = cai_own_allocate_for(&grant, place, layout, form == ZEROED, &error);
    if (address == NULL)
        return cai_failure(error);
    struct cai_live live = cai_find_live(place, address);
    size_t bytes = form == AT_LEAST ? cai_live_usable(place, live) : layout.size;
    cai_own_record(place, live, bytes);
    return cai_success(address, bytes);
}

cai_result cai_own_allocate(ca_authority authority, ca_layout layout, enum cai_place place, bool zeroed)
{
    return allocate_slow(authority, layout, place, zeroed ? ZEROED : PLAIN);
}

/* --- giving back --- */

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
    struct cai_judged judged = cai_judge(place, address, bytes, true);

    if (judged.verdict != CAI_AUTHENTIC || is_zero(address, cai_own_slot(place, judged.live)))
        return false;
    cai_violation_report((ca_violation){.kind = CA_VIOLATION_NOT_WIPED,
                                        .function = "ca_deallocate",
                                        .address = address,
                                        .size = cai_own_slot(place, judged.live),
                                        .place = cai_place_name(place),
                                        .stated = "a wiped block",
                                        .found = "a dirty block"});
    return true;
}

static CAI_NOINLINE void deallocate_slow(enum cai_place place, void *address, size_t bytes, bool wiped,
                                         const char *function)
{
    struct cai_judged judged = cai_judge(place, address, bytes, wiped);

    if (judged.verdict != CAI_AUTHENTIC)
        cai_judged_report(place, address, judged, CAI_TO_GIVE_BACK, function);
    else
        cai_heap_free_slow(place, address, function);
}

/* A small block of this grain, whatever its record. In must-zero places the whole slot is cleared first. False: it is
 * none of this size, nothing has changed. */
CAI_INLINE bool put_small(enum cai_place place, enum cai_grain grain, void *address, size_t bytes)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    size_t granule = cai_granule_of(view, grain, address);

    if (CAI_UNLIKELY(granule >= cai_load_relaxed_in_place(&view->granules)))
        return false;
    uint8_t *state = view->state + granule;
    uint8_t live = cai_load_relaxed(state);
    /* Class 1 has records in its states; blocks that short are rare. */
    if (CAI_UNLIKELY(live < 2 || live > CAI_CLASS_LAST || !cai_record_is(state, live, bytes)))
        return false;
    if (cai_place_zeroes(place))
        cai_clear_small(address, cai_class_sizes[live]);
    return CAI_LIKELY(cai_cache_push(place, grain, granule, state, live, address)) ||
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
        struct cai_judged judged = cai_judge(place, *address, *bytes, false);
        if (judged.verdict != CAI_AUTHENTIC) {
            cai_judged_report(place, *address, judged, CAI_TO_USE, function);
            return (ca_wiped){.ptr = NULL, .size = 0};
        }
        cai_clear(*address, cai_own_slot(place, judged.live));
        cai_store_release(judged.live.state, CAI_STATE_WIPED);
    }
    *address = NULL;
    *bytes = 0;
    return wiped;
}

/* --- the four types --- */

/* What is not the most frequent case is a function with the same arguments: the fast path ends in a jump and needs no
 * stack. That of branches is for fine layouts only. */
#define FOR_ALLOCATION(name, type, place, form)                                                                        \
    static CAI_NOINLINE type##_result name##_slow(ca_authority authority, ca_layout layout)                            \
    {                                                                                                                  \
        cai_result done = allocate_slow(authority, layout, CAI_PLACE_##place, form);                                   \
        return CAI_AS(type, done);                                                                                     \
    }                                                                                                                  \
    static CAI_NOINLINE type##_result name##_from_branch(uint64_t first, uint64_t second, ca_layout layout)            \
    {                                                                                                                  \
        struct cai_thread *thread = cai_self;                                                                          \
        struct cai_thread *branch = NULL;                                                                              \
        size_t bytes;                                                                                                  \
        if (CAI_LIKELY(is_fine(layout)))                                                                               \
            branch = cai_branch_enter(thread, first, second);                                                          \
        if (CAI_UNLIKELY(branch == NULL))                                                                              \
            return name##_slow((ca_authority){{first, second}}, layout);                                               \
        void *address = take_fine(branch, CAI_PLACE_##place, layout.size, form, &bytes);                               \
        ca_authority authority = {{0, 0}};                                                                             \
        if (CAI_UNLIKELY(address == NULL))                                                                             \
            authority = cai_branch_opened_by(thread);                                                                  \
        cai_branch_leave(thread);                                                                                      \
        layout.align = 16; /* as slots are aligned: a register less to keep */                                         \
        if (CAI_UNLIKELY(address == NULL))                                                                             \
            return name##_slow(authority, layout);                                                                     \
        return (type##_result){.ptr = address, .size_or_error = bytes};                                                \
    }                                                                                                                  \
    static CAI_NOINLINE type##_result name##_coarse(ca_authority authority, ca_layout layout)                          \
    {                                                                                                                  \
        size_t bytes;                                                                                                  \
        if (CAI_LIKELY(cai_authority_is_default(authority))) {                                                         \
            void *address = take_coarse(cai_self, CAI_PLACE_##place, layout, form, &bytes);                            \
            if (CAI_LIKELY(address != NULL))                                                                           \
                return (type##_result){.ptr = address, .size_or_error = bytes};                                        \
        }                                                                                                              \
        return name##_slow(authority, layout);                                                                         \
    }                                                                                                                  \
    CAI_EXPORT type##_result name(ca_authority authority, ca_layout layout)                                            \
    {                                                                                                                  \
        size_t bytes;                                                                                                  \
        if (CAI_UNLIKELY(!cai_authority_may_be_default(authority)))                                                    \
            return name##_from_branch(authority.opaque[0], authority.opaque[1], layout);                               \
        if (CAI_UNLIKELY(!is_fine(layout) || !cai_authority_is_default(authority)))                                    \
            return name##_coarse(authority, layout);                                                                   \
        void *address = take_fine(cai_self, CAI_PLACE_##place, layout.size, form, &bytes);                             \
        if (CAI_LIKELY(address != NULL))                                                                               \
            return (type##_result){.ptr = address, .size_or_error = bytes};                                            \
        authority.opaque[1] = 0; /* as it is, and as slots are aligned: two registers less to keep */                  \
        layout.align = 16;                                                                                             \
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
