/* See remote.h. */
#include "heaps/remote.h"

#include "blocks/cache.h"

void cai_remote_tell(struct cai_unit *slab, uint32_t count)
{
    uint32_t number = cai_load_relaxed(&cai_view_of(slab->zone)->owner[cai_unit_number(slab)]);
    struct cai_owner *owner = cai_registry_owner(number);

    cai_slab_remote_free(slab, count, owner == NULL ? NULL : &owner->heap);
}

void cai_remote_publish(struct cai_thread *thread)
{
    if (thread->pending != 0)
        cai_remote_tell(thread->pending_slab, thread->pending);
    thread->pending = 0;
    thread->pending_slab = NULL;
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
