/* Allocation for an authority: from the account that it has in the calling thread, charged.
 */
#ifndef CAI_HEAPS_ALLOCATE_FOR_H
#define CAI_HEAPS_ALLOCATE_FOR_H

#include "blocks/find.h"
#include "heaps/registry.h"

/* A block for an authority that was found, the default one too. NULL: *error says why (OUT_OF_MEMORY, QUOTA,
 * NOT_PERMITTED). align: a power of two. */
void *cai_allocate_for(const struct cai_grant *grant, enum cai_place place, size_t bytes, size_t align, bool zeroed,
                       ca_error *error);

/* Grows a live large block in place, charged to the authority; false: not possible, or not this authority's. */
bool cai_grow_for(const struct cai_grant *grant, struct cai_live live, size_t bytes);

#endif
