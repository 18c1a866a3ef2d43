/* The default authority. */
#include "api/authority.h"

#include "heap/heap.h"

CAI_EXPORT ca_authority ca_default_authority(void)
{
    ca_authority authority = {{0, 0}};

    if (cai_heap_start())
        authority.opaque[0] = cai_sealed.secret;
    return authority;
}
