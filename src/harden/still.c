/* See still.h. */
#include "harden/still.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "core/settings.h"

enum { LINE = 64 };

/* Which line of a long slot is looked at. */
static uint64_t turn; /* atomic; a lost update does no harm */

bool cai_is_still_zero_in_part(const char *block, size_t slot)
{
    size_t lines = slot / LINE;
    size_t ends = cai_round_down(slot - slot / 8, LINE);
    uint64_t next = (cai_load_relaxed(&turn) + cai_settings->secret) * UINT64_C(0x9e3779b97f4a7c15);

    cai_store_relaxed(&turn, next);
    return cai_is_zero(block, LINE) && cai_is_zero(block + ends, slot - ends) &&
           cai_is_zero(block + (next >> 40) % lines * LINE, LINE);
}
