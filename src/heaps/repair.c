/* See repair.h. */
#include "heaps/repair.h"

#include "blocks/cache.h"
#include "blocks/exact.h"
#include "blocks/fence.h"
#include "blocks/large.h"
#include "cap/granule.h"
#include "cap/tags.h"
#include "heaps/account.h"
#include "heaps/authority.h"
#include "heaps/charge.h"
#include "heaps/claim.h"
#include "heaps/guarded.h"
#include "heaps/owned.h"
#include "heaps/quarantine.h"
#include "heaps/registry.h"
#include "heaps/remote.h"
#include "pages/meta.h"
#include "pages/policy.h"
#include "pages/repair.h"

/* --- the first half: no lock is taken --- */

/* Of all threads: heaps whose lock was held by one that is not there. What is in the bins of those that are in use by
 * this thread stays. */
static void repair_heaps(void)
{
    for (struct cai_owner *owner = cai_registry_first(); owner != NULL; owner = owner->next) {
        if (cai_is_account(owner->heap.id) || cai_lock_inherit(&owner->heap.lock) != CAI_LOCK_LOST)
            continue;
        bool is_shared = (struct cai_thread *)owner == cai_registry_shared();
        cai_cache_rebuild(&owner->heap, owner == &cai_self->owner || (is_shared && cai_registry_borrows()),
                          cai_remote_telling());
        cai_remote_counted(&owner->heap);
        cai_lock_repaired(&owner->heap.lock);
    }
}

void cai_repair(void)
{
    cai_policy_after_fork_in_child(); /* first: whatever comes may look at the blocks */
    cai_meta_repair();
    cai_tags_repair();
    cai_granules_repair();
    cai_zones_repair(cai_registry_repair());
    cai_stray_repair();
    cai_guarded_child();
    bool tree_lost = cai_authority_repair();
    repair_heaps();
    cai_account_repair();
    if (CAI_QUARANTINES)
        cai_quarantine_repair();
    if (tree_lost)
        cai_charge_repair();
}

/* --- the second half --- */

static void salvage(struct cai_heap *heap)
{
    for (unsigned i = 0; i < CAI_ENDING; i++)
        if (heap->ending[i] != NULL)
            cai_account_lost_credit(cai_view_of(heap->ending[i]->zone)->owner[cai_unit_number(heap->ending[i])].id);
    cai_lock_take(&heap->lock);
    cai_cache_salvage(heap);
    cai_lock_give(&heap->lock);
    cai_large_salvage(heap);
}

/* Remote frees that the thread had not told: the slabs they are in are counted anew. */
static void settle_pending(struct cai_thread *thread)
{
    for (unsigned i = 0; i < CAI_CLASSES; i++) {
        struct cai_unit *slab = thread->pending[i].slab;
        thread->pending[i].count = 0;
        if (slab == NULL)
            continue;
        struct cai_owner *owner = cai_registry_owner(cai_view_of(slab->zone)->owner[cai_unit_number(slab)].id);
        if (owner != NULL) {
            cai_lock_take(&owner->heap.lock);
            cai_cache_recount(&owner->heap, slab, cai_remote_telling());
            cai_remote_counted(&owner->heap);
            cai_lock_give(&owner->heap.lock);
        }
        thread->pending[i].slab = NULL;
    }
}

/* A block whose content never arrived goes back. */
static void discard(enum cai_place place, const void *address)
{
    struct cai_live live = cai_find_live(place, address);

    if (live.state == NULL)
        return; /* it had not become one */
    if (CAI_HARDENS && live.size_class == 0)
        cai_fence_lift(live);
    uint32_t number = *cai_live_owner(live);
    struct cai_account *account = cai_registry_account(number);
    struct cai_heap *heap = &cai_registry_owner(number)->heap;
    if (cai_live_is_guarded(live)) {
        cai_guarded_end(cai_live_run(live), cai_state_freed(place, CAI_STATE_IN_SLAB));
        return;
    }
    if (account != NULL)
        cai_account_credit(account, cai_slot_bytes(live));
    cai_lock_take(&heap->lock);
    cai_cache_discard(heap, live);
    cai_lock_give(&heap->lock);
}

/* A block that was claimed is live again. */
static void return_claim(struct cai_claim *claim)
{
    enum cai_place place;
    void *to = cai_claim_repair(claim, &place);

    if (to != NULL)
        discard(place, to);
}

#define FOR_LOST(thread)                                                                                               \
    for (struct cai_thread *thread = cai_registry_next_lost(NULL); thread != NULL;                                     \
         thread = cai_registry_next_lost(&thread->owner))

static void return_claims(void)
{
    struct cai_claim *claim;

    FOR_LOST(thread)
    if (cai_claim_is_under_way(&thread->claim))
        return_claim(&thread->claim);
    for (claim = cai_stray_next_lost(NULL); claim != NULL; claim = cai_stray_next_lost(claim))
        if (cai_claim_is_under_way(claim))
            return_claim(claim);
    FOR_LOST(thread)
    return_claim(&thread->claim);
    while ((claim = cai_stray_next_lost(NULL)) != NULL) {
        return_claim(claim);
        cai_stray_end_lost(claim);
    }
}

/* The pending frees and the claims come after all heaps are in order: they may be of any. The mark goes before the heap
 * is an orphan: a child that is forked in between finds one without a thread, and marks it again. */
void cai_repair_rest(void)
{
    cai_zones_repair_rest();
    FOR_LOST(thread)
    salvage(&thread->owner.heap);
    FOR_LOST(thread)
    settle_pending(thread);
    if (CAI_QUARANTINES)
        cai_quarantine_repair_rest();
    cai_account_repair_rest();
    return_claims();
    FOR_LOST(thread)
    {
        cai_registry_hold(thread);
        cai_owned_settle_claims(&thread->owner.heap);
        thread->owner.lost = false;
        cai_registry_orphan(thread, false, 0);
    }
}
