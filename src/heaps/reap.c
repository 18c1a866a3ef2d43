/* See reap.h. */
#include "heaps/reap.h"

#include "blocks/cache.h"
#include "heaps/account.h"
#include "heaps/authority.h"
#include "heaps/charge.h"
#include "heaps/owned.h"
#include "heaps/quarantine.h"

/* `use` is held and the bias revoked. */
static void discard(struct cai_account *account)
{
    if (CAI_QUARANTINES)
        cai_account_credit(account, cai_cache_flush_all(&account->owner.heap));
    cai_owned_discard(&account->owner.heap);
    if (!CAI_QUARANTINES)
        cai_charge_clear(account);
}

bool cai_reap_blocks(const struct cai_grant *grant)
{
    cai_account_list_take();
    /* A node that ended may be another heap's by now; while the list is held it stays what it is. */
    bool alive = cai_authority_is(grant);
    CAI_FOR_ACCOUNTS(account)
    if (alive && cai_account_is_within(account, grant->node)) {
        cai_lock_take(&account->use);
        cai_bias_revoke(account);
        discard(account);
        cai_bias_grant(account);
        cai_lock_give(&account->use);
    }
    cai_account_list_give();
    return alive;
}

static void transfer(struct cai_account *from, struct cai_heap *heir)
{
    cai_account_credit(from, cai_cache_flush_all(&from->owner.heap));
    cai_owned_transfer(&from->owner.heap, heir);
}

/* What waits there has nobody to pay for it any more. */
static bool bequeath_to_all(struct cai_account *account)
{
    struct cai_thread *shared = cai_registry_borrow(true);

    if (shared == NULL)
        return false;
    if (CAI_QUARANTINES)
        cai_lock_take(cai_quarantine_lock());
    transfer(account, &shared->owner.heap);
    cai_charge_clear(account);
    if (CAI_QUARANTINES)
        cai_lock_give(cai_quarantine_lock());
    cai_registry_return();
    return true;
}

/* The blocks of a dead node's account go to an account of the heir, or to the heap that threads share. Nobody's bins:
 * what is freed there goes straight to the slab, and few slots do not keep many slabs. False: there is no memory for
 * one, and it stays as it is, with its node, until the next time. */
static bool bequeath(struct cai_account *account)
{
    struct cai_grant grant;

    if (!cai_authority_heir(account->node, &grant))
        return bequeath_to_all(account);
    struct cai_account *heir = cai_account_use_listed(&grant);
    if (heir == NULL)
        return false;
    if (CAI_QUARANTINES)
        cai_lock_take(cai_quarantine_lock());
    transfer(account, &heir->owner.heap);
    cai_charge_transfer(account, heir);
    if (CAI_QUARANTINES)
        cai_lock_give(cai_quarantine_lock());
    cai_account_return(heir);
    return true;
}

/* All that are dead, whoever killed them: each as it was killed. */
void cai_reap(void)
{
    cai_account_list_take();
    CAI_FOR_ACCOUNTS(account)
    if (!cai_authority_is_alive(cai_load_relaxed(&account->node))) {
        cai_lock_take(&account->use);
        bool destroyed = cai_authority_is_destroyed(account->node);
        cai_bias_end(account);
        if (destroyed)
            discard(account);
        if (destroyed ? !CAI_QUARANTINES || bequeath_to_all(account) : bequeath(account))
            cai_account_retire(account);
        cai_lock_give(&account->use);
    }
    cai_authority_drop();
    cai_account_list_give();
}
