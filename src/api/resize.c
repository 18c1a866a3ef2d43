/* The heap's own form: shrinking and growing.
 */
#include "api/own.h"

#include <string.h>

cai_result cai_own_shrink(enum cai_place place, void *address, size_t bytes, ca_layout layout, const char *function)
{
    if (!ca_layout_is_valid(layout) || layout.size > bytes || ((uintptr_t)address & (layout.align - 1)) != 0)
        return cai_failure(CA_ERROR_LAYOUT);
    if (bytes == 0)
        return cai_success(address, 0);
    struct cai_judged judged = cai_judge(place, address, bytes, false);
    if (judged.verdict != CAI_AUTHENTIC)
        return cai_failure(cai_judged_report(place, address, judged, CAI_TO_USE, function));
    if (layout.size == 0) {
        cai_free_slow(place, address, function);
        return cai_success((void *)layout.align, 0);
    }
    if (judged.live.size_class == 0) {
        cai_resize_large(judged.live, layout.size, false); /* never fails: it does not grow */
        return cai_success(address, layout.size);
    }
    /* To the end of the slot: an overflow may have dirtied what lies behind the block. */
    if (cai_place_zeroes(place))
        cai_clear(cai_self_heap(), (char *)address + layout.size, cai_usable_bytes(judged.live) - layout.size);
    cai_exact_set(judged.live, layout.size);
    return cai_success(address, layout.size);
}

/* Where the block lies now, when that is possible without copying it to another block. NULL: it is not. A large block
 * of the default heap may have its pages moved, unless somebody must be asked first. */
static void *grow_in_place(const struct cai_grant *grant, void *address, struct cai_live live, ca_layout layout,
                           bool may_move)
{
    if (((uintptr_t)address & (layout.align - 1)) != 0)
        return NULL;
    if (live.size_class != 0)
        return layout.size <= cai_usable_bytes(live) ? address : NULL;
    if (grant->node != CAI_NODE_DEFAULT)
        return cai_grow_for(grant, live, layout.size) ? address : NULL;
    if (cai_is_account(cai_load_acquire(cai_live_owner(live))) || layout.align > CAI_UNIT_BYTES)
        return NULL;
    return cai_resize_large(live, layout.size, may_move);
}

/* Makes [from, to) zero. Where free memory is zero, only what was already in the block's slot may not be (0: the block
 * is a new one): an overflow may have got there. */
static void zero_added(enum cai_place place, char *block, size_t from, size_t to, size_t slot)
{
    size_t unknown = cai_place_zeroes(place) ? cai_max(from, cai_min(to, slot)) : to;

    cai_clear(cai_self_heap(), block + from, unknown - from);
    if (cai_self_heap()->id != 0)
        cai_self_heap()->bytes_clear_skipped += to - unknown;
}

/* Another block with the same content. NULL: *error says why, nothing changed. */
static void *copy(const struct cai_grant *grant, enum cai_place place, const void *address, size_t bytes,
                  ca_layout layout, ca_error *error)
{
    void *moved = cai_allocate_for(grant, place, layout.size, layout.align, false, error);

    return moved != NULL ? memcpy(moved, address, bytes) : NULL;
}

cai_result cai_own_grow(ca_authority authority, enum cai_place place, void *address, size_t bytes, ca_layout layout,
                        bool zeroed, void **old, const char *function)
{
    struct cai_grant grant;
    ca_error error;

    if (old != NULL)
        *old = NULL;
    if (!cai_life_start() || !cai_authority_find(authority, &grant) || (grant.rights & CA_RIGHT_GROW) == 0)
        return cai_failure(CA_ERROR_NOT_PERMITTED);
    if (!ca_layout_is_valid(layout) || layout.size < bytes)
        return cai_failure(CA_ERROR_LAYOUT);
    zeroed = zeroed || cai_place_zeroes(place);
    if (bytes == 0) /* anybody can name a block of size 0: this is an allocation, and needs the right to it */
        return cai_own_allocate_rest(authority, layout, place, zeroed ? CAI_ZEROED : CAI_PLAIN);
    struct cai_judged judged = cai_judge(place, address, bytes, false);
    if (judged.verdict != CAI_AUTHENTIC || address == NULL)
        return cai_failure(cai_judged_report(place, address, judged, CAI_TO_USE, function));
    if (cai_authority_heap(grant.node) !=
        cai_authority_heap(cai_account_node(cai_load_acquire(cai_live_owner(judged.live)))))
        return cai_failure(CA_ERROR_NOT_PERMITTED);
    size_t slot = cai_slot_bytes(judged.live);
    void *grown = grow_in_place(&grant, address, judged.live, layout, old == NULL);
    if (grown == NULL) {
        slot = 0;
        grown = copy(&grant, place, address, bytes, layout, &error);
        if (grown == NULL)
            return cai_failure(error);
        if (old != NULL)
            *old = address;
        else
            cai_free_slow(place, address, function); /* clears it where the place wants that */
    }
    if (zeroed)
        zero_added(place, grown, bytes, layout.size, slot);
    cai_exact_set(cai_find_live(place, grown), layout.size);
    return cai_success(grown, layout.size);
}
