/* Authorities below the public interface: made, and found as those who hold them find them.
 */
#ifndef TESTS_SUPPORT_GRANTS_H
#define TESTS_SUPPORT_GRANTS_H

#include "heaps/authority.h"
#include "support/child.h"

static inline struct cai_grant grant_of(ca_authority authority)
{
    struct cai_grant grant;

    require(cai_authority_find(authority, &grant));
    return grant;
}

static inline struct cai_grant grant_default(void)
{
    return grant_of((ca_authority){{cai_sealed.secret, 0}});
}

/* Below this one; NULL: a heap of its own. */
static inline struct cai_grant grant_below(const struct cai_grant *parent, unsigned rights, size_t quota)
{
    ca_authority made;

    require(cai_authority_add(parent, rights, quota, "test", &made) == CA_OK);
    return grant_of(made);
}

static inline struct cai_grant grant_new(size_t quota)
{
    return grant_below(NULL, CA_RIGHT_ALL, quota);
}

#endif
