/* Blocks of malloc's doors in the hardened library (core/mode.h): their exact size is on record, which
 * malloc_usable_size tells, a canary stands behind them, and their state says by which family of doors they came.
 */
#ifndef CAI_HEAPS_HARDENED_H
#define CAI_HEAPS_HARDENED_H

#include "blocks/find.h"

enum cai_family { CAI_FAMILY_malloc, CAI_FAMILY_new, CAI_FAMILY_new_array };

/* A block of the process's own heap. align: a power of two. NULL: out of memory. */
void *cai_hardened_allocate(enum cai_place place, size_t bytes, size_t align, bool zeroed, enum cai_family family);

/* realloc of such a block, found live. NULL: out of memory, nothing changed; or refused and reported. */
void *cai_hardened_resize(enum cai_place place, void *address, struct cai_live live, size_t bytes,
                          const char *function);

/* Before a block is given back or resized by a door of this family: reports the wrong one (mismatched-delete). False: a
 * handler refused the call. What is no such block is for others to judge. */
bool cai_hardened_family(enum cai_place place, const void *address, enum cai_family family, const char *function);

/* Likewise before a block is given back with its size and alignment: both are what was asked for. */
bool cai_hardened_stated(enum cai_place place, const void *address, size_t bytes, size_t align, const char *function);

/* At exit: what was written behind any live block, and into any block that waits. No lock is held. */
void cai_hardened_look_at_all(void);

/* Reports what was written behind the block, or behind the one before it in its slab. No lock is held. */
void cai_hardened_look(enum cai_place place, const void *address, struct cai_live live, const char *function);

#endif
