/* The blocks of a heap as whole capabilities, one after the other or by an address: what who holds the heap's authority
 * may have of them at any time. */
#include "api/cap_mint.h"
#include "api/walk.h"

/* Its capability as it was handed out. False: none goes back as one: it was wiped, its size is not on record, or, as it
 * was not handed out as a capability, no bounds are exactly it. */
static bool mint_whole(const struct cai_walked *found, ca_cap *out)
{
    size_t mask = cai_concentrate_cram(found->exact);

    if (found->exact == 0 || found->wiped || cai_concentrate_crrl(found->exact) != found->exact ||
        (found->block & mask) != found->block)
        return false;
    *out = cai_mint(found->place, found->block, found->exact);
    return true;
}

CAI_EXPORT ca_error ca_cap_walk_next(ca_authority authority, ca_walk *at, ca_cap *out)
{
    struct cai_walked found;
    bool ended = false;
    ca_cap cap = ca_cap_null();

    do {
        ca_error error = cai_walk_on(authority, at, &found, &ended, "ca_cap_walk_next");
        if (error != CA_OK)
            return error;
    } while (!ended && !mint_whole(&found, &cap));
    *out = cap;
    return CA_OK;
}

static ca_cap_result whole(ca_authority authority, size_t address, enum cai_asker asker, const char *function)
{
    struct cai_walked found;
    ca_cap cap;
    ca_error error = cai_walk_to(authority, address, asker, &found, function);

    if (error == CA_OK && !mint_whole(&found, &cap))
        error = CA_ERROR_INVALID;
    return error == CA_OK ? cai_minted(cap) : cai_not_minted(error);
}

CAI_EXPORT ca_cap_result ca_cap_whole(ca_authority authority, size_t address)
{
    return whole(authority, address, CAI_KNOWS, "ca_cap_whole");
}

CAI_EXPORT ca_cap_result ca_cap_guess(ca_authority authority, size_t address)
{
    return whole(authority, address, CAI_GUESSES, "ca_cap_guess");
}
