/* The heap's own form: shrinking, growing and looking at blocks. Written once with the place as an argument; the four
 * types are names for it.
 */
#include "api/own.h"

#include "heap/branch.h"
#include "heap/clear.h"
#include "heap/heap.h"
#include "heap/large.h"

#include <string.h>

static cai_result shrink(enum cai_place place, void *address, size_t bytes, ca_layout layout, const char *function)
{
    if (!ca_layout_is_valid(layout) || layout.size > bytes || ((uintptr_t)address & (layout.align - 1)) != 0)
        return cai_failure(CA_ERROR_LAYOUT);
    if (bytes == 0)
        return cai_success(address, 0);
    struct cai_judged judged = cai_judge(place, address, bytes, false);
    if (judged.verdict != CAI_AUTHENTIC)
        return cai_failure(cai_judged_report(place, address, judged, CAI_TO_USE, function));
    if (layout.size == 0) {
        cai_heap_free_slow(place, address, function);
        return cai_success((void *)layout.align, 0);
    }
    if (judged.live.size_class == 0) {
        cai_large_resize(place, judged.live.granule, layout.size);
        return cai_success(address, layout.size);
    }
    /* To the end of the slot: an overflow may have dirtied what lies behind the block. */
    if (cai_place_zeroes(place))
        cai_clear((char *)address + layout.size, cai_live_usable(place, judged.live) - layout.size);
    cai_own_record(place, judged.live, layout.size);
    return cai_success(address, layout.size);
}

/* The node of the authority that a live block is charged to. */
static uint32_t payer_of(enum cai_place place, struct cai_live live)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, live.grain));

    return cai_branch_node_of_owner(cai_load_acquire(&view->owner[cai_unit_of_granule(live.grain, live.granule)]));
}

/* A large block of the default heap, whose pages may move unless somebody must be asked first. */
static void *grow_large(enum cai_place place, void *address, struct cai_live live, size_t bytes, bool may_move)
{
    if (may_move)
        return cai_large_resize(place, live.granule, bytes);
    return cai_large_grow_in_place(place, live.granule, bytes) ? address : NULL;
}

/* Where the block lies now, when that is possible without copying it to another block. NULL: it is not. */
static void *grow_in_place(const struct cai_grant *grant, enum cai_place place, void *address, struct cai_live live,
                           ca_layout layout, bool may_move)
{
    if (((uintptr_t)address & (layout.align - 1)) != 0)
        return NULL;
    if (live.size_class != 0)
        return layout.size <= cai_live_usable(place, live) ? address : NULL;
    if (grant->node != CAI_NODE_DEFAULT)
        return cai_branch_grow_large(grant, place, live.granule, layout.size) ? address : NULL;
    bool own = payer_of(place, live) == CAI_NODE_DEFAULT;
    return own && layout.align <= CAI_UNIT_BYTES ? grow_large(place, address, live, layout.size, may_move) : NULL;
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

/* Another block with the same content, the old one given back. NULL: *error says why, nothing changed. */
static void *move(const struct cai_grant *grant, enum cai_place place, void *address, size_t bytes, ca_layout layout,
                  cai_ready ready, const char *function, ca_error *error)
{
    void *moved = cai_own_allocate_for(grant, place, layout, false, error);

    if (moved == NULL)
        return NULL;
    if (ready != NULL && !ready(moved, bytes)) {
        cai_heap_free_slow(place, moved, function);
        *error = CA_ERROR_OUT_OF_MEMORY;
        return NULL;
    }
    memcpy(moved, address, bytes);
    cai_heap_free_slow(place, address, function); /* clears it where the place wants that */
    return moved;
}

static cai_result grow(ca_authority authority, enum cai_place place, void *address, size_t bytes, ca_layout layout,
                       bool zeroed, cai_ready ready, const char *function)
{
    struct cai_grant grant;
    ca_error error;

    if (!cai_heap_start() || !cai_authority_find(authority, &grant) || (grant.rights & CA_RIGHT_GROW) == 0)
        return cai_failure(CA_ERROR_NOT_PERMITTED);
    if (!ca_layout_is_valid(layout) || layout.size < bytes)
        return cai_failure(CA_ERROR_LAYOUT);
    zeroed = zeroed || cai_place_zeroes(place);
    if (bytes == 0) /* anybody can name a block of size 0: this is an allocation, and needs the right to it */
        return cai_own_allocate(authority, layout, place, zeroed);
    struct cai_judged judged = cai_judge(place, address, bytes, false);
    if (judged.verdict != CAI_AUTHENTIC || address == NULL)
        return cai_failure(cai_judged_report(place, address, judged, CAI_TO_USE, function));
    if (cai_authority_heap(grant.node) != cai_authority_heap(payer_of(place, judged.live)))
        return cai_failure(CA_ERROR_NOT_PERMITTED);
    size_t slot = cai_own_slot(place, judged.live);
    void *grown = grow_in_place(&grant, place, address, judged.live, layout, ready == NULL);
    if (grown == NULL) {
        slot = 0;
        grown = move(&grant, place, address, bytes, layout, ready, function, &error);
        if (grown == NULL)
            return cai_failure(error);
    }
    if (zeroed)
        zero_added(place, grown, bytes, layout.size, slot);
    cai_own_record(place, cai_find_live(place, grown), layout.size);
    return cai_success(grown, layout.size);
}

cai_result cai_own_shrink(enum cai_place place, void *address, size_t bytes, ca_layout layout, const char *function)
{
    return shrink(place, address, bytes, layout, function);
}

cai_result cai_own_grow(ca_authority authority, enum cai_place place, void *address, size_t bytes, ca_layout layout,
                        cai_ready ready, const char *function)
{
    return grow(authority, place, address, bytes, layout, false, ready, function);
}

static ca_error check(enum cai_place place, const void *address, size_t bytes)
{
    return bytes == 0 ? CA_OK : cai_judged_error(cai_judge(place, address, bytes, false).verdict);
}

/* --- the four types --- */

#define FOR_TYPE(type, place)                                                                                          \
    CAI_EXPORT type##_result type##_shrink(type block, ca_layout layout)                                               \
    {                                                                                                                  \
        cai_result done = shrink(CAI_PLACE_##place, block.ptr, block.size, layout, "ca_shrink");                       \
        return CAI_AS(type, done);                                                                                     \
    }                                                                                                                  \
    CAI_EXPORT type##_result type##_grow(ca_authority authority, type block, ca_layout layout)                         \
    {                                                                                                                  \
        cai_result done = grow(authority, CAI_PLACE_##place, block.ptr, block.size, layout, false, NULL, "ca_grow");   \
        return CAI_AS(type, done);                                                                                     \
    }                                                                                                                  \
    CAI_EXPORT type##_result type##_grow_zeroed(ca_authority authority, type block, ca_layout layout)                  \
    {                                                                                                                  \
        cai_result done =                                                                                              \
            grow(authority, CAI_PLACE_##place, block.ptr, block.size, layout, true, NULL, "ca_grow_zeroed");           \
        return CAI_AS(type, done);                                                                                     \
    }                                                                                                                  \
    CAI_EXPORT ca_error type##_check(type block)                                                                       \
    {                                                                                                                  \
        return check(CAI_PLACE_##place, block.ptr, block.size);                                                        \
    }
FOR_TYPE(ca_block, ordinary)
FOR_TYPE(ca_nocaps, nocaps)
FOR_TYPE(ca_mustzero, mustzero)
FOR_TYPE(ca_secret, secret)
