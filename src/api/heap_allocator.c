/* The heap as a trait object: each method of the trait is one of the heap's own functions, which needs less than it is
 * given. What the layouts on the way back say is checked by the heap's records.
 */
#include <capalloc/heap.h>

#include "api/authority.h"
#include "core/settings.h"
#include "core/violation.h"
#include "heaps/heaps.h"

#include <string.h>

/* self is this object for the default authority, the token of any other, NULL for one that allows nothing. */
static const char default_heap;

static ca_authority authority_of(const void *self)
{
    ca_authority none = {{0, 0}};

    if (CAI_LIKELY(self == &default_heap))
        return ca_default_authority();
    return cai_authority_of_token((uintptr_t)self, &none) ? none : (ca_authority){{0, 0}};
}

/* The block is the allocator's heap's; what is no block at all is for the heap to say. */
static bool is_ours(const void *self, enum cai_place place, const void *address)
{
    uint32_t node = cai_account_node(cai_find_owner(place, address));
    struct cai_grant grant;

    if (self == &default_heap && CAI_LIKELY(node == CAI_NODE_DEFAULT))
        return true;
    /* When its authority has ended, blocks go back as before, whoever has them now. */
    if (!cai_authority_find(authority_of(self), &grant))
        return self != NULL;
    return cai_authority_heap(grant.node) == cai_authority_heap(node);
}

/* The block is as long as its slot, and the slot is the one that this layout gets: ca_allocate_at_least may have handed
 * it out for that. */
static bool is_roomy(const void *address, enum cai_place place, size_t bytes, ca_layout layout)
{
    struct cai_live live = cai_find_live(place, address);

    if (live.state == NULL || layout.size > bytes || bytes != cai_usable_bytes(live))
        return false;
    return live.size_class != 0 ? cai_class_for(layout.size, layout.align) == live.size_class
                                : cai_round_up(layout.size, cai_settings->page_bytes) == bytes;
}

/* The heap's blocks are as long as they were asked for, or as long as their slots. */
static bool fits(const void *address, enum cai_place place, size_t bytes, ca_layout layout, const char *function)
{
    if (CAI_LIKELY(layout.size == bytes) || (place == CAI_PLACE_ordinary && is_roomy(address, place, bytes, layout)))
        return true;
    cai_violation_report((ca_violation){.kind = CA_VIOLATION_SIZE_MISMATCH,
                                        .function = function,
                                        .address = address,
                                        .size = bytes,
                                        .place = cai_place_name(place),
                                        .stated = "a layout of another size",
                                        .found = "a block"});
    return false;
}

static bool may_deallocate(const void *self, enum cai_place place, const void *address, size_t bytes, ca_layout layout)
{
    if (!fits(address, place, bytes, layout, "ca_allocator_deallocate"))
        return false;
    if (bytes == 0 || is_ours(self, place, address))
        return true;
    cai_violation_report((ca_violation){.kind = CA_VIOLATION_DENIED,
                                        .function = "ca_allocator_deallocate",
                                        .address = address,
                                        .size = bytes,
                                        .place = cai_place_name(place),
                                        .stated = "a block of this allocator's heap",
                                        .found = "another heap's block"});
    return false;
}

static ca_block_result allocate(void *self, ca_layout layout)
{
    return ca_allocate(authority_of(self), layout);
}

static ca_block_result allocate_zeroed(void *self, ca_layout layout)
{
    return ca_allocate_zeroed(authority_of(self), layout);
}

static ca_block_result allocate_at_least(void *self, ca_layout layout)
{
    return ca_allocate_at_least(authority_of(self), layout);
}

static void deallocate(void *self, ca_block block, ca_layout layout)
{
    if (may_deallocate(self, CAI_PLACE_ordinary, block.ptr, block.size, layout))
        ca_block_deallocate(block);
}

/* Of a block that is longer than its layout says nothing is lost when it grows to less than it has; it is then as long
 * as the new layout says. */
static ca_block_result grow_to(ca_authority authority, ca_block block, ca_layout layout)
{
    ca_layout longer = {.size = cai_max(layout.size, block.size), .align = layout.align};
    ca_block_result grown = ca_block_grow(authority, block, longer);

    if (grown.ptr == NULL || longer.size == layout.size)
        return grown;
    return ca_block_shrink((ca_block){.ptr = grown.ptr, .size = longer.size}, layout);
}

static ca_block_result grow(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    if (!fits(block.ptr, CAI_PLACE_ordinary, block.size, old_layout, "ca_allocator_grow"))
        return (ca_block_result){.ptr = NULL, .size_or_error = CA_ERROR_INVALID};
    return grow_to(authority_of(self), block, new_layout);
}

static ca_block_result grow_zeroed(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    if (!fits(block.ptr, CAI_PLACE_ordinary, block.size, old_layout, "ca_allocator_grow_zeroed"))
        return (ca_block_result){.ptr = NULL, .size_or_error = CA_ERROR_INVALID};
    if (CAI_LIKELY(old_layout.size == block.size))
        return ca_block_grow_zeroed(authority_of(self), block, new_layout);
    ca_block_result grown = grow_to(authority_of(self), block, new_layout);
    if (grown.ptr != NULL)
        memset((char *)grown.ptr + old_layout.size, 0, grown.size_or_error - old_layout.size);
    return grown;
}

static ca_block_result shrink(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    if (!fits(block.ptr, CAI_PLACE_ordinary, block.size, old_layout, "ca_allocator_shrink"))
        return (ca_block_result){.ptr = NULL, .size_or_error = CA_ERROR_INVALID};
    if (block.size != 0 && !is_ours(self, CAI_PLACE_ordinary, block.ptr))
        return (ca_block_result){.ptr = NULL, .size_or_error = CA_ERROR_NOT_PERMITTED};
    return ca_block_shrink(block, new_layout);
}

static ca_nocaps_result allocate_nocaps(void *self, ca_layout layout)
{
    return ca_allocate_nocaps(authority_of(self), layout);
}

static void deallocate_nocaps(void *self, ca_nocaps block, ca_layout layout)
{
    if (may_deallocate(self, CAI_PLACE_nocaps, block.ptr, block.size, layout))
        ca_nocaps_deallocate(block);
}

static ca_mustzero_result allocate_mustzero(void *self, ca_layout layout)
{
    return ca_allocate_mustzero(authority_of(self), layout);
}

static void deallocate_zeroed(void *self, ca_mustzero block, ca_layout layout)
{
    if (may_deallocate(self, CAI_PLACE_mustzero, block.ptr, block.size, layout))
        ca_mustzero_deallocate_zeroed(block);
}

static ca_secret_result allocate_secret(void *self, ca_layout layout)
{
    return ca_allocate_secret(authority_of(self), layout);
}

static void deallocate_secret(void *self, ca_secret block, ca_layout layout)
{
    if (may_deallocate(self, CAI_PLACE_secret, block.ptr, block.size, layout))
        ca_secret_deallocate_zeroed(block);
}

#define FOR_TYPE(type, suffix, place)                                                                                  \
    static type##_result grow_##suffix(void *self, type block, ca_layout old_layout, ca_layout new_layout)             \
    {                                                                                                                  \
        if (!fits(block.ptr, CAI_PLACE_##place, block.size, old_layout, "ca_allocator_grow_" #suffix))                 \
            return (type##_result){.ptr = NULL, .size_or_error = CA_ERROR_INVALID};                                    \
        return type##_grow(authority_of(self), block, new_layout);                                                     \
    }                                                                                                                  \
    static type##_result shrink_##suffix(void *self, type block, ca_layout old_layout, ca_layout new_layout)           \
    {                                                                                                                  \
        if (!fits(block.ptr, CAI_PLACE_##place, block.size, old_layout, "ca_allocator_shrink_" #suffix))               \
            return (type##_result){.ptr = NULL, .size_or_error = CA_ERROR_INVALID};                                    \
        if (block.size != 0 && !is_ours(self, CAI_PLACE_##place, block.ptr))                                           \
            return (type##_result){.ptr = NULL, .size_or_error = CA_ERROR_NOT_PERMITTED};                              \
        return type##_shrink(block, new_layout);                                                                       \
    }
FOR_TYPE(ca_nocaps, nocaps, nocaps)
FOR_TYPE(ca_mustzero, mustzero, mustzero)
FOR_TYPE(ca_secret, secret, secret)

static const ca_allocator_vtable heap_vtable = {
    .struct_size = sizeof(ca_allocator_vtable),
    .promises = CA_PROMISE_NOCAPS_PLACE | CA_PROMISE_MUSTZERO_PLACE | CA_PROMISE_VALIDATES | CA_PROMISE_THREAD_SAFE,
    .allocate = allocate,
    .deallocate = deallocate,
    .allocate_zeroed = allocate_zeroed,
    .grow = grow,
    .grow_zeroed = grow_zeroed,
    .shrink = shrink,
    .allocate_nocaps = allocate_nocaps,
    .deallocate_nocaps = deallocate_nocaps,
    .allocate_mustzero = allocate_mustzero,
    .deallocate_zeroed = deallocate_zeroed,
    .allocate_secret = allocate_secret,
    .deallocate_secret = deallocate_secret,
    .allocate_at_least = allocate_at_least,
    .grow_nocaps = grow_nocaps,
    .shrink_nocaps = shrink_nocaps,
    .grow_mustzero = grow_mustzero,
    .shrink_mustzero = shrink_mustzero,
    .grow_secret = grow_secret,
    .shrink_secret = shrink_secret,
};

CAI_EXPORT ca_allocator ca_heap_allocator(ca_authority authority)
{
    ca_allocator allocator = {.vtable = &heap_vtable, .self = NULL};
    struct cai_grant grant;

    if (!cai_life_start())
        return allocator;
    if (cai_authority_is_default(authority))
        allocator.self = (void *)(uintptr_t)&default_heap;
    else if (cai_authority_find(authority, &grant))
        allocator.self = (void *)cai_authority_token(&grant);
    return allocator;
}
