/* See remote.h. */
#include "heaps/remote.h"

#include "blocks/cache.h"

void cai_remote_tell(struct cai_unit *slab, uint32_t count)
{
    uint32_t number = cai_load_relaxed(&cai_view_of(slab->zone)->owner[cai_unit_number(slab)].id);
    struct cai_owner *owner = cai_registry_owner(number);

    cai_slab_remote_free(slab, count, owner == NULL ? NULL : &owner->heap);
}

static CAI_COLD void count_anew(struct cai_pending *pending)
{
    struct cai_unit *slab = pending->slab;
    struct cai_owner *owner = cai_registry_owner(cai_view_of(slab->zone)->owner[cai_unit_number(slab)].id);

    pending->uncertain = false;
    if (owner == NULL)
        return;
    cai_lock_take(&owner->heap.lock);
    cai_cache_recount(&owner->heap, slab, NULL);
    cai_lock_give(&owner->heap.lock);
}

void cai_remote_publish_one(struct cai_thread *thread, struct cai_pending *pending)
{
    if (pending->count != 0) {
        thread->telling = pending->slab;
        cai_fence_for_compiler();
        cai_remote_tell(pending->slab, pending->count);
        cai_fence_for_compiler();
        thread->telling = NULL;
    }
    pending->count = 0;
    cai_fence_for_compiler();
    if (CAI_UNLIKELY(pending->uncertain))
        count_anew(pending);
    pending->slab = NULL;
}

void cai_remote_publish(struct cai_thread *thread)
{
    for (unsigned i = 0; i < CAI_CLASSES; i++)
        if (thread->pending[i].slab != NULL)
            cai_remote_publish_one(thread, &thread->pending[i]);
}

void cai_remote_counted(const struct cai_heap *heap)
{
    for (unsigned i = 0; i < CAI_CLASSES; i++) {
        struct cai_pending *pending = &cai_self->pending[i];
        struct cai_unit *slab = pending->slab;
        if (slab == NULL || cai_view_of(slab->zone)->owner[cai_unit_number(slab)].id != heap->id)
            continue;
        pending->count = 0;
        pending->uncertain = true;
    }
}

void cai_remote_forward(struct cai_heap *heap)
{
    for (struct cai_unit *slab = cai_cache_strays(heap); slab != NULL;) {
        struct cai_unit *next = cai_load_relaxed(&slab->next_returned);
        cai_store_seq_cst(&slab->returned, 0);
        if (cai_load_seq_cst(&slab->remote) != 0)
            cai_remote_tell(slab, 0);
        slab = next;
    }
}
