/* Blocks by their heap, and by an address in them, for the forms of it that there are: integers, capabilities, and
 * pointers that stand for those. The right to it is asked here.
 */
#ifndef CAI_API_WALK_H
#define CAI_API_WALK_H

#include "heaps/heaps.h"

#include <capalloc/walk.h>

/* The next block that the authority may see; *at is where to go on. At the end *ended is true. Not OK: it has no right
 * to, which was reported under the name of the function called. */
ca_error cai_walk_on(ca_authority authority, ca_walk *at, struct cai_walked *found, bool *ended, const char *function);

/* The block that an address lies in, if the authority may see it: CA_ERROR_INVALID where there is none. What is not of
 * its heap is reported as well as having no right to any; to who guesses it is no block. */
enum cai_asker { CAI_KNOWS, CAI_GUESSES };
ca_error cai_walk_to(ca_authority authority, uintptr_t address, enum cai_asker asker, struct cai_walked *found,
                     const char *function);

#endif
