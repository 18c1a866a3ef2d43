/* The life of the library, its threads and its process: start, attach, exit, fork. Everything else of this room is
 * below.
 */
#ifndef CAI_HEAPS_LIFE_H
#define CAI_HEAPS_LIFE_H

#include "heaps/registry.h"

/* Starts the library; called by whoever comes first, any number of times. False: no addresses for the places. */
bool cai_life_start(void);

/* The calling thread with a heap of its own: it has one, adopts one, or gets a new one. NULL: out of memory, or the
 * thread is ending. */
struct cai_thread *cai_life_attach(void);

#endif
