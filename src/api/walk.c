/* See walk.h; and the form of it that tells integers. */
#include "api/walk.h"

#include "core/violation.h"

#include <string.h>

static CAI_COLD ca_error deny(uintptr_t address, const char *found, const char *function)
{
    cai_violation_report((ca_violation){.kind = CA_VIOLATION_DENIED,
                                        .function = function,
                                        .address = (const void *)address,
                                        .place = cai_place_name(cai_place_of((const void *)address)),
                                        .stated = "a block of the authority's",
                                        .found = found});
    return CA_ERROR_NOT_PERMITTED;
}

static bool may_walk(ca_authority authority, struct cai_grant *grant)
{
    return cai_life_start() && cai_authority_find(authority, grant) && (grant->rights & CA_RIGHT_WALK) != 0;
}

ca_error cai_walk_on(ca_authority authority, ca_walk *at, struct cai_walked *found, bool *ended, const char *function)
{
    struct cai_grant grant;

    if (!may_walk(authority, &grant))
        return deny(0, "no right to see it", function);
    struct cai_walk_at there = {(unsigned)cai_min(at->opaque[0], CAI_ZONES), at->opaque[1]};
    *ended = !cai_walk_next(&there, grant.node, found);
    if (!cai_authority_is(&grant)) /* it ended meanwhile, and its node may be another's */
        return deny(0, "no right to see it", function);
    *at = (ca_walk){{there.zone, there.offset}};
    return CA_OK;
}

ca_error cai_walk_to(ca_authority authority, uintptr_t address, enum cai_asker asker, struct cai_walked *found,
                     const char *function)
{
    struct cai_grant grant;

    if (!may_walk(authority, &grant))
        return deny(address, "no right to see it", function);
    if (!cai_walk_find(address, found))
        return CA_ERROR_INVALID;
    bool is_within = cai_authority_is_within(found->node, grant.node);
    if (!cai_authority_is(&grant)) /* it ended meanwhile, and its node may be another's */
        return deny(address, "no right to see it", function);
    if (is_within)
        return CA_OK;
    return asker == CAI_GUESSES ? CA_ERROR_INVALID : deny(address, "a block of another's", function);
}

CAI_EXPORT ca_error ca_walk_next(ca_authority authority, ca_walk *at, ca_block_info *out)
{
    ca_block_info info = CA_BLOCK_INFO_INIT;
    struct cai_walked found;
    bool ended;

    if (at == NULL || out == NULL || out->struct_size < sizeof info)
        return CA_ERROR_INVALID;
    ca_error error = cai_walk_on(authority, at, &found, &ended, "ca_walk_next");
    if (error != CA_OK)
        return error;
    info.struct_size = out->struct_size;
    info.place = cai_place_name(CAI_PLACE_none);
    if (!ended) {
        info.state = CA_BLOCK_STATE_LIVE;
        info.heap = cai_authority_heap(found.node);
        info.place = cai_place_name(found.place);
        info.block = (const void *)found.block;
        info.slot_bytes = found.slot_bytes;
        info.exact_bytes = found.exact != 0 ? found.exact : SIZE_MAX;
    }
    memcpy(out, &info, sizeof info);
    return CA_OK;
}
