/* Ending what authorities have: accounts are taken apart here, and nowhere else.
 */
#ifndef CAI_HEAPS_REAP_H
#define CAI_HEAPS_REAP_H

#include "heaps/registry.h"

/* Everything allocated by the authority and those below it goes back, must-zero memory cleared. False: it ended
 * meanwhile. */
bool cai_reap_blocks(const struct cai_grant *grant);

/* After cai_authority_kill: the blocks of dead nodes go back or to their heirs, as they were killed. */
void cai_reap(void);

#endif
