/* The default authority, recognised by a secret of this run of the program: what the fast paths ask first. */
#ifndef CAI_API_AUTHORITY_H
#define CAI_API_AUTHORITY_H

#include "base/compiler.h"
#include "heaps/heaps.h"

#include <capalloc/heap.h>

/* Before the library has started the answer means nothing: there is no slot to take either, and the slow path asks
 * again after starting. */
CAI_INLINE bool cai_authority_is_default(ca_authority authority)
{
    return authority.opaque[1] == 0 && authority.opaque[0] == cai_sealed.secret;
}

/* Half of the question, which sends all others another way at once. */
CAI_INLINE bool cai_authority_may_be_default(ca_authority authority)
{
    return authority.opaque[1] == 0;
}

#endif
