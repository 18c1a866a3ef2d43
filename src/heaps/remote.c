/* See remote.h. */
#include "heaps/remote.h"

#include "blocks/cache.h"

void cai_remote_tell(struct cai_unit *slab, uint32_t count)
{
    uint32_t number = cai_load_relaxed(&cai_view_of(slab->zone)->owner[cai_unit_number(slab)].id);
    struct cai_owner *owner = cai_registry_owner(number);

    cai_slab_remote_free(slab, count, owner == NULL ? NULL : &owner->heap);
}

static CAI_COLD void count_anew(struct cai_thread *thread)
{
    struct cai_unit *slab = thread->uncertain;
    struct cai_owner *owner = cai_registry_owner(cai_view_of(slab->zone)->owner[cai_unit_number(slab)].id);

    thread->uncertain = NULL;
    if (owner == NULL)
        return;
    cai_lock_take(&owner->heap.lock);
    cai_cache_recount(&owner->heap, slab, NULL);
    cai_lock_give(&owner->heap.lock);
}

void cai_remote_publish(struct cai_thread *thread)
{
    if (thread->pending != 0) {
        thread->telling = thread->pending_slab;
        cai_fence_for_compiler();
        cai_remote_tell(thread->pending_slab, thread->pending);
        cai_fence_for_compiler();
        thread->telling = NULL;
    }
    thread->pending = 0;
    thread->pending_slab = NULL;
    cai_fence_for_compiler();
    if (CAI_UNLIKELY(thread->uncertain != NULL))
        count_anew(thread);
}

void cai_remote_counted(const struct cai_heap *heap)
{
    struct cai_thread *thread = cai_self;
    struct cai_unit *slab = thread->pending_slab;

    if (slab == NULL || cai_view_of(slab->zone)->owner[cai_unit_number(slab)].id != heap->id)
        return;
    thread->pending = 0;
    thread->uncertain = slab;
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
