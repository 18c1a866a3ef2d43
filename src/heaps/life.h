/* The life of the library, its threads and its process: start, attach, exit, fork. Everything else of this room is
 * below.
 */
#ifndef CAI_HEAPS_LIFE_H
#define CAI_HEAPS_LIFE_H

#include "heaps/registry.h"
#include "os/os.h"
#include "os/process.h"

/* Starts the library; called by whoever comes first, any number of times. False: no addresses for the places. */
bool cai_life_start(void);

/* Before the start, and while the process has one thread: the settings are known, and the library need not start for
 * that. Afterwards as above. */
bool cai_life_prepare(void);

/* The calling thread with a heap of its own: it has one, adopts one, or gets a new one. NULL: out of memory, or the
 * thread is ending. */
struct cai_thread *cai_life_attach_slow(void);
CAI_INLINE struct cai_thread *cai_life_attach(void)
{
    struct cai_thread *thread = cai_self;

    cai_process_notice();
    return CAI_LIKELY(cai_thread_has_heap(thread)) ? thread : cai_life_attach_slow();
}

#endif
