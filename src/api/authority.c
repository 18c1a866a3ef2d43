/* Authorities and heaps as the program sees them: rights are checked here, on the way in. */
#include "api/authority.h"

#include "core/checks.h"
#include "core/settings.h"
#include "heaps/heaps.h"

/* No version will have longer options. */
enum { STRUCT_SIZE_MAX = 4096 };

CAI_EXPORT ca_authority ca_default_authority(void)
{
    ca_authority authority = {{0, 0}};

    if (cai_life_start())
        authority.opaque[0] = cai_sealed.secret;
    return authority;
}

/* False: no authority, or one that lacks one of these rights. */
static bool find(ca_authority authority, unsigned rights, struct cai_grant *grant)
{
    return cai_life_start() && cai_authority_find(authority, grant) && (grant->rights & rights) == rights;
}

/* Options of a later version are understood while what they add is zero. */
static bool is_understood(const ca_heap_options *options)
{
    const char *bytes = (const char *)options;

    if (options->struct_size < sizeof *options || options->struct_size > STRUCT_SIZE_MAX)
        return false;
    for (size_t i = sizeof *options; i < options->struct_size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static bool has_policy(ca_heap_policy policy)
{
    uint32_t wanted = CAI_CHECK_zero | CAI_CHECK_delay;

    if (policy == CA_HEAP_POLICY_HARDENED)
        return CAI_HARDENS && cai_life_start() && (cai_settings->checks & wanted) == wanted;
    return policy == CA_HEAP_POLICY_DEFAULT || policy == CA_HEAP_POLICY_STANDARD;
}

CAI_EXPORT ca_error ca_heap_create(const ca_heap_options *options, ca_authority *root)
{
    static const ca_heap_options defaults = CA_HEAP_OPTIONS_INIT;

    if (options == NULL)
        options = &defaults;
    if (!is_understood(options) || !has_policy(options->policy))
        return CA_ERROR_INVALID;
    if (!cai_life_start())
        return CA_ERROR_OUT_OF_MEMORY;
    return cai_authority_add(NULL, CAI_RIGHTS_OF_ROOT, options->quota_bytes, options->name, root);
}

CAI_EXPORT ca_error ca_heap_destroy(ca_authority root)
{
    struct cai_grant grant;

    if (!find(root, CA_RIGHT_DESTROY, &grant) || cai_authority_heap(grant.node) != grant.node ||
        !cai_authority_kill(&grant, true))
        return CA_ERROR_NOT_PERMITTED;
    cai_reap();
    return CA_OK;
}

CAI_EXPORT ca_error ca_free_all(ca_authority authority)
{
    struct cai_grant grant;

    if (!find(authority, CA_RIGHT_DESTROY, &grant) || !cai_reap_blocks(&grant))
        return CA_ERROR_NOT_PERMITTED;
    return CA_OK;
}

CAI_EXPORT ca_error ca_sweep(ca_authority authority)
{
    struct cai_grant grant;

    if (!find(authority, CA_RIGHT_SWEEP, &grant))
        return CA_ERROR_NOT_PERMITTED;
    return CAI_QUARANTINES && cai_settings->revoke && cai_quarantine_sweep() ? CA_OK : CA_ERROR_INVALID;
}

CAI_EXPORT ca_error ca_authority_derive(ca_authority parent, unsigned rights, size_t quota_bytes, ca_authority *out)
{
    struct cai_grant grant;

    if (!find(parent, CA_RIGHT_DERIVE, &grant) || (rights & ~grant.rights) != 0)
        return CA_ERROR_NOT_PERMITTED;
    if (quota_bytes != SIZE_MAX && quota_bytes > cai_charge_quota(grant.node))
        return CA_ERROR_QUOTA;
    return cai_authority_add(&grant, rights, quota_bytes, NULL, out);
}

CAI_EXPORT ca_error ca_authority_revoke(ca_authority authority)
{
    struct cai_grant grant;

    if (!find(authority, 0, &grant) || !cai_authority_kill(&grant, false))
        return CA_ERROR_NOT_PERMITTED;
    cai_reap();
    return CA_OK;
}

CAI_EXPORT size_t ca_authority_quota_remaining(ca_authority authority)
{
    struct cai_grant grant;

    return find(authority, 0, &grant) ? cai_charge_remaining(&grant) : 0;
}

CAI_EXPORT ca_error ca_authority_describe(ca_authority authority, ca_authority_info *out)
{
    struct cai_grant grant;

    return find(authority, 0, &grant) && cai_charge_describe(&grant, out) ? CA_OK : CA_ERROR_NOT_PERMITTED;
}
