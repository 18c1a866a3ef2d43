/* See stale.h. */
#include "blocks/stale.h"

#include "base/atomic.h"
#include "base/wipe.h"

static uint64_t stale_bytes; /* atomic */

uint64_t cai_stale_bytes(void)
{
    return cai_load_relaxed(&stale_bytes);
}

CAI_COLD void cai_stale_clear(char *address, size_t bytes)
{
    cai_add_relaxed(&stale_bytes, bytes);
    cai_wipe(address, bytes);
}
