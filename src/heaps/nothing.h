/* Blocks of no bytes in the hardened library: addresses of their own, each different, that cannot be touched. They lie
 * in no place; a byte for each says which family of doors handed it out.
 */
#ifndef CAI_HEAPS_NOTHING_H
#define CAI_HEAPS_NOTHING_H

#include "heaps/hardened.h"

/* align: a power of two. NULL: there are no such addresses left, or none that is aligned so far. */
void *cai_nothing_allocate(size_t align, enum cai_family family);

/* An address of that region, whatever it is now. */
bool cai_nothing_is(const void *address);

bool cai_nothing_is_live(const void *address);

/* Of the blocks that were handed out, live or freed, the one that begins nearest before an address of that region, or
 * there; NULL: none within a page. Async-signal-safe. */
const void *cai_nothing_nearest(const void *address);

/* The family of a live block of no bytes; false: there is no such block. */
bool cai_nothing_family(const void *address, enum cai_family *family);

/* Gives it back, or reports what is wrong with it. */
void cai_nothing_free(const void *address, const char *function);

#endif
