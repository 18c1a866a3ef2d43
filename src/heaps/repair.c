/* See repair.h. */
#include "heaps/repair.h"

#include "blocks/cache.h"
#include "blocks/exact.h"
#include "blocks/large.h"
#include "cap/tags.h"
#include "heaps/account.h"
#include "heaps/authority.h"
#include "heaps/charge.h"
#include "heaps/claim.h"
#include "heaps/registry.h"
#include "pages/meta.h"
#include "pages/policy.h"
#include "pages/repair.h"

/* Remote frees that the thread had not told: the slab they are in is counted anew. */
static void settle_pending(struct cai_thread *thread)
{
    struct cai_unit *slab = thread->pending_slab;

    thread->pending = 0;
    thread->pending_slab = NULL;
    if (slab == NULL)
        return;
    struct cai_owner *owner = cai_registry_owner(cai_view_of(slab->zone)->owner[cai_unit_number(slab)]);
    if (owner != NULL)
        cai_cache_recount(&owner->heap, slab);
}

static void repair_lost_threads(void)
{
    struct cai_thread *thread;

    for (struct cai_owner *after = NULL; (thread = cai_registry_next_lost(after)) != NULL; after = &thread->owner) {
        if (cai_lock_inherit(&thread->owner.heap.lock) == CAI_LOCK_LOST)
            cai_cache_rebuild(&thread->owner.heap, false);
        else
            cai_cache_salvage(&thread->owner.heap);
        cai_large_salvage(&thread->owner.heap);
        cai_registry_orphan(thread, false, 0);
    }
    /* After all heaps are in order: the slab may be any heap's. */
    for (struct cai_owner *owner = cai_registry_first(); owner != NULL; owner = owner->next)
        if (!cai_is_account(owner->heap.id) && (struct cai_thread *)owner != cai_self)
            settle_pending((struct cai_thread *)owner);
}

/* Heaps whose threads are there, or nobody's: somebody may have been collecting for them. */
static void repair_other_heaps(void)
{
    for (struct cai_owner *owner = cai_registry_first(); owner != NULL; owner = owner->next)
        if (!cai_is_account(owner->heap.id) && cai_lock_inherit(&owner->heap.lock) == CAI_LOCK_LOST)
            cai_cache_rebuild(&owner->heap, owner == &cai_self->owner);
}

/* A block whose content never arrived goes back. */
static void discard(enum cai_place place, const void *address)
{
    struct cai_live live = cai_find_live(place, address);

    if (live.state == NULL)
        return; /* it had not become one */
    uint32_t number = *cai_live_owner(live);
    struct cai_account *account = cai_registry_account(number);
    if (account != NULL)
        cai_account_credit(account, cai_slot_bytes(live));
    cai_cache_discard(&cai_registry_owner(number)->heap, live);
}

/* Blocks that were claimed are live again. Last: heaps are in order. */
static void return_claims(void)
{
    for (struct cai_owner *owner = cai_registry_first(); owner != NULL; owner = owner->next) {
        enum cai_place place;
        void *to = NULL;
        if (!cai_is_account(owner->heap.id) && owner != &cai_self->owner)
            to = cai_claim_repair((struct cai_thread *)owner, &place);
        if (to != NULL)
            discard(place, to);
    }
}

void cai_repair(void)
{
    cai_policy_after_fork_in_child(); /* first: whatever comes may look at the blocks */
    cai_meta_repair();
    cai_tags_repair();
    cai_registry_repair();
    cai_zones_repair(cai_registry_next_lost(NULL) != NULL);
    bool tree_lost = cai_authority_repair();
    repair_lost_threads();
    repair_other_heaps();
    cai_account_repair();
    if (tree_lost)
        cai_charge_repair();
    return_claims();
}
