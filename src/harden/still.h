/* What was zero when it was freed, and is to be handed out, should be zero still. All of a short slot is looked at; of
 * a longer one, unless all of it has to be zero, the first line, the last eighth, in which the blocks of a class end,
 * and a line in between.
 */
#ifndef CAI_HARDEN_STILL_H
#define CAI_HARDEN_STILL_H

#include "base/zero.h"

enum { CAI_STILL_WHOLE_MAX = 1024 };

/* slot: > CAI_STILL_WHOLE_MAX. */
bool cai_is_still_zero_in_part(const char *block, size_t slot);

CAI_INLINE bool cai_is_still_zero(const char *block, size_t slot, bool whole)
{
    return whole || slot <= CAI_STILL_WHOLE_MAX ? cai_is_zero(block, slot) : cai_is_still_zero_in_part(block, slot);
}

#endif
