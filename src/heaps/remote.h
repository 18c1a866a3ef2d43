/* Remote frees: telling the heap that owns a slab what others freed in it. The slots themselves are free already, by
 * their state bytes; what goes home is their number.
 */
#ifndef CAI_HEAPS_REMOTE_H
#define CAI_HEAPS_REMOTE_H

#include "blocks/slab.h"
#include "heaps/registry.h"

/* `thread` is about to free a slot of the slab. So that in the child of a fork that stops it in between, the slab is
 * counted anew. */
void cai_remote_prepare(struct cai_thread *thread, struct cai_unit *slab);

/* It has; it is told with others of the same slab, later. */
void cai_remote_note(struct cai_thread *thread);

/* Tells what the thread has not told yet. */
void cai_remote_publish(struct cai_thread *thread);

/* One slot at once. */
void cai_remote_tell(struct cai_unit *slab);

/* Sends on what came to the wrong heap: slabs that became another's meanwhile. */
void cai_remote_forward(struct cai_heap *heap);

#endif
