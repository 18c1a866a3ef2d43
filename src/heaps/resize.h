/* realloc for blocks of the process's own heap, and what malloc_usable_size asks.
 */
#ifndef CAI_HEAPS_RESIZE_H
#define CAI_HEAPS_RESIZE_H

#include "blocks/find.h"

/* A live block of the place: usable bytes, or 0 after a report when the address is none. */
size_t cai_usable(enum cai_place place, const void *address, const char *function);

/* realloc, for places whose free memory need not be zero: the block holds at least `bytes` afterwards, at the returned
 * address. NULL: out of memory or refused, nothing changed. address is not NULL. */
void *cai_resize(enum cai_place place, void *address, size_t bytes, const char *function);

/* Makes a claimed large block `bytes` long, in place or, when it may move, in the calling thread's heap; keeps an
 * alignment of CAI_UNIT_BYTES only. It is no account's, or does not grow. Returns its new address, the claim being at
 * an end; NULL: not possible, it still is claimed. */
void *cai_resize_large(struct cai_live live, size_t bytes, bool may_move);

#endif
