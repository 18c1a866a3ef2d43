/* Remote frees: telling the heap that owns a slab what others freed in it. The slots themselves are free already, by
 * their state bytes; what goes home is their number.
 */
#ifndef CAI_HEAPS_REMOTE_H
#define CAI_HEAPS_REMOTE_H

#include "blocks/slab.h"
#include "heaps/registry.h"

/* Frees in one slab are told together, at most so many, by the next one; those of long slots at once, as their memory
 * waits for it, for ever where the thread does nothing more. */
enum { CAI_PENDING_MAX = 16 };

/* Tells what the thread has not told yet; of one slab. */
void cai_remote_publish(struct cai_thread *thread);
void cai_remote_publish_one(struct cai_thread *thread, struct cai_pending *pending);

CAI_INLINE struct cai_pending *cai_remote_pending(struct cai_thread *thread, unsigned size_class)
{
    return &thread->pending[size_class];
}

/* `thread` is about to free a slot of the slab. So that in the child of a fork that stops it in between, the slab is
 * counted anew. */
CAI_INLINE bool cai_remote_is_prepared(const struct cai_pending *pending, const struct cai_unit *slab)
{
    return pending->slab == slab && pending->count < CAI_PENDING_MAX;
}
CAI_INLINE void cai_remote_prepare(struct cai_thread *thread, struct cai_pending *pending, struct cai_unit *slab)
{
    /* Of no slab nothing is told, even where the child of such a fork has called the entry uncertain. */
    if (pending->slab != NULL && !cai_remote_is_prepared(pending, slab))
        cai_remote_publish_one(thread, pending);
    pending->slab = slab;
    cai_fence_for_compiler();
}

/* It has; it is told with others of the same slab, later. True: now. */
CAI_INLINE bool cai_remote_note(struct cai_pending *pending, enum cai_grain grain)
{
    pending->count++;
    return grain == CAI_COARSE;
}

/* In the child of a fork: slabs of this heap have been counted anew, with what the calling thread freed in them. A
 * handler that forks may have interrupted it anywhere between freeing in one and telling, and it goes on: so when it
 * has told of one, that is counted once more. */
void cai_remote_counted(const struct cai_heap *heap);

/* The slab that a handler which forks has interrupted the calling thread in telling of, or NULL: it may be about to
 * enter it in the list. */
CAI_INLINE const struct cai_unit *cai_remote_telling(void)
{
    return cai_self->telling;
}

/* So many slots at once. */
void cai_remote_tell(struct cai_unit *slab, uint32_t count);

/* Sends on what came to the wrong heap: slabs that became another's meanwhile. */
void cai_remote_forward(struct cai_heap *heap);

#endif
