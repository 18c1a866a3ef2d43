/* Everything a branch owns, found by its number in the tables of owners: for those who take branches apart.
 *
 * `use` of the branches is held, and no keeper is inside.
 */
#ifndef CAI_HEAP_OWNED_H
#define CAI_HEAP_OWNED_H

#include "heap/thread.h"

/* Every block goes back; must-zero ones are cleared first. */
void cai_owned_discard(struct cai_thread *branch);

/* Every slab and large block becomes another heap's: a branch's, or a thread's own. */
void cai_owned_hand_over(struct cai_thread *from, struct cai_thread *to);

#endif
