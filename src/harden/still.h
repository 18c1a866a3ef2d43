/* What was zero when it was freed, and is to be handed out, should be zero still. All of a short slot is looked at; of
 * a longer one, unless all of it has to be zero, the first line, the last eighth, in which the blocks of a class end,
 * and a line in between.
 */
#ifndef CAI_HARDEN_STILL_H
#define CAI_HARDEN_STILL_H

#include "base/zero.h"
#include "pages/place.h"

struct cai_unit;

enum { CAI_STILL_WHOLE_MAX = 1024 };

/* slot: > CAI_STILL_WHOLE_MAX. */
bool cai_is_still_zero_in_part(const char *block, size_t slot);

CAI_INLINE bool cai_is_still_zero(const char *block, size_t slot, bool whole)
{
    return whole || slot <= CAI_STILL_WHOLE_MAX ? cai_is_zero(block, slot) : cai_is_still_zero_in_part(block, slot);
}

/* Of a slot that waits, or is free and known to be zero, all of it: what was written there is noted (finding.h), once.
 * Other slots are passed over. With the quarantine's lock. */
void cai_still_look(enum cai_place place, uint8_t *state, char *block, size_t slot);

/* The same of every slot of a slab. */
void cai_still_look_at_slab(const struct cai_unit *slab);

#endif
