/* Who may allocate. There is one authority so far, the process's own, recognised by a secret of this run of the program. */
#ifndef CAI_API_AUTHORITY_H
#define CAI_API_AUTHORITY_H

#include "base/compiler.h"
#include "core/settings.h"

#include <capalloc/heap.h>

/* False before the library has started, whatever the authority. */
CAI_INLINE bool cai_authority_is_default(ca_authority authority)
{
    return authority.opaque[0] == cai_settings->secret && authority.opaque[0] != 0;
}

#endif
