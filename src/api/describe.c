/* From an address to what is known of its block. What it says of sizes it has from the state bytes alone, so it says
 * only what no block of malloc's can have left there (blocks/exact.h).
 */
#include <capalloc/describe.h>

#include "core/mode.h"
#include "heaps/heaps.h"

#include <string.h>

static enum cai_place place_of(struct cai_live live)
{
    return (enum cai_place)(live.zone / CAI_GRAINS);
}

/* Whether its record was written for it: doors of malloc write none, and hand out slots of the process's own heap. */
static bool is_recorded(struct cai_live live, uint32_t owner)
{
    if (live.size_class == 0 || cai_live_is_guarded(live) || cai_is_account(owner) ||
        cai_place_zeroes(place_of(live)) || (CAI_HARDENS && cai_state_is_hardened(live.byte)))
        return true;
    if (live.size_class == 1)
        return cai_state_short_bytes(live.byte) != 16;
    return place_of(live) == CAI_PLACE_nocaps;
}

static void describe_live(struct cai_lookup there, ca_block_info *info)
{
    struct cai_live live = cai_find_live(there.place, (const void *)there.start);

    uint32_t owner = cai_find_owner(there.place, (const void *)there.start);

    info->state = CA_BLOCK_STATE_LIVE;
    info->heap = cai_authority_heap(cai_account_node(owner));
    info->exact_bytes = SIZE_MAX;
    if (live.state == NULL) /* a call is about to change or end it */
        return;
    size_t exact = is_recorded(live, owner) ? cai_exact_bytes(live) : 0;
    info->slot_bytes = cai_slot_bytes(live);
    if (exact != 0 && exact <= info->slot_bytes)
        info->exact_bytes = exact;
}

CAI_EXPORT ca_error ca_describe(const void *address, ca_block_info *out)
{
    ca_block_info info = CA_BLOCK_INFO_INIT;

    if (out == NULL || out->struct_size < sizeof info)
        return CA_ERROR_INVALID;
    if (!cai_life_start())
        return CA_ERROR_OUT_OF_MEMORY;
    struct cai_lookup there = cai_find_any(cai_tags_off(address));

    info.struct_size = out->struct_size;
    info.place = cai_place_name(there.place);
    info.block = there.bytes != 0 ? (const void *)there.start : NULL;
    info.slot_bytes = there.bytes;
    if (there.found == CAI_FOUND_FREED || there.found == CAI_FOUND_INSIDE_FREED)
        info.state = CA_BLOCK_STATE_FREED;
    else if (there.found != CAI_FOUND_FOREIGN && there.found != CAI_FOUND_UNUSED)
        describe_live(there, &info);
    if (CAI_TAGS && info.block != NULL) /* with the tag that the caller's pointer has */
        info.block = (const char *)address - ((uintptr_t)cai_tags_off(address) - there.start);
    memcpy(out, &info, sizeof info);
    return CA_OK;
}
