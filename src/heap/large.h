/* Large blocks: above 32 KiB, one run of units each, in the coarse zone of their place. They grow and shrink in place
 * where the neighbours allow, and are moved by moving their pages.
 */
#ifndef CAI_HEAP_LARGE_H
#define CAI_HEAP_LARGE_H

#include "heap/thread.h"

/* align: a power of two. NULL: out of memory. With `zeroed`, the whole block is zero. */
void *cai_large_take(enum cai_place place, size_t bytes, size_t align, bool zeroed);

/* The same for a branch, which is its owner then. */
void *cai_large_take_for(struct cai_thread *branch, enum cai_place place, size_t bytes, size_t align, bool zeroed);

/* What a large block of so many bytes takes from a quota; 0: no block is so long. */
size_t cai_large_charge(size_t bytes);

/* The number of the branch that owns a large block; 0: none does. */
const uint32_t *cai_large_owner(enum cai_place place, size_t granule);

/* False: its neighbour is not free. What is added may hold anything. */
bool cai_large_grow_in_place(enum cai_place place, size_t granule, size_t bytes);

/* Gives a live block back for its branch, which takes care of the charge. */
void cai_large_discard(struct cai_unit *run);

/* Gives a large block back whose state byte was `live` (LARGE or WIPED); false when another thread was faster. In
 * must-zero places the whole run is cleared, unless it was wiped. */
bool cai_large_put(enum cai_place place, size_t granule, uint8_t live);

/* Usable bytes of a live large block: the exact size, rounded up to pages. */
size_t cai_large_bytes(enum cai_place place, size_t granule);

/* The whole run of a live large block, past what the program may use: an overflow may have got there. */
size_t cai_large_run_bytes(enum cai_place place, size_t granule);

/* Where the exact size of a live large block stands. */
uint64_t *cai_large_exact(enum cai_place place, size_t granule);

/* Makes a live large block hold at least `bytes`, more than CAI_SMALL_BYTES_MAX; keeps an alignment of CAI_UNIT_BYTES
 * only. Returns its new address; NULL: out of memory, nothing changed. */
void *cai_large_resize(enum cai_place place, size_t granule, size_t bytes);

/* The same for a heap whose thread vanished in mid-operation. */
void cai_large_salvage(struct cai_thread *thread);

/* The thread's cached blocks go back. */
void cai_large_flush(struct cai_thread *thread);

#endif
