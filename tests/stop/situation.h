/* What the files of scenarios share: bringing the calling thread's heap into a situation. They look into the heap, so
 * that it is the situation that they mean.
 */
#ifndef TESTS_STOP_SITUATION_H
#define TESTS_STOP_SITUATION_H

#include "clock.h"
#include "heaps/registry.h"
#include "kept.h"
#include "scenario.h"
#include "support/child.h"

#include <capalloc/capalloc.h>

/* What the operation returned, and what it works on. */
extern void *volatile result;
extern struct kept *operand;

/* --- bins and slabs of the calling thread's heap --- */

struct cai_bin *bin_for(enum kind kind, size_t size);

/* The next allocation finds the bin empty; a slab has room, or none has. */
void situation_empty_bin(enum kind kind, size_t size);
void situation_no_room(enum kind kind, size_t size);

/* The next free, of the operand, finds the bin full, which can grow, or is as long as it may be. */
void situation_full_bin(enum kind kind, size_t size, bool longest);

/* An operand of free. The next places in the bin do not happen to hold it from before: the first holds a slot that is
 * in the bin already, the second a live block. */
struct kept *situation_in_flight(enum kind kind, size_t size);

/* Free memory with old content: this many bytes in one piece, in the place of blocks of this kind. */
void situation_dirty(enum kind kind, size_t size);

/* The heap keeps no large block. */
void situation_no_large(void);

/* --- other threads --- */

/* Runs this in a thread that ends. */
void situation_in_thread(void (*function)(void));

/* So many threads that ended, each leaving a heap. */
void situation_orphans(unsigned count);

#endif
