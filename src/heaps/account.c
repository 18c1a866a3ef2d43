/* See account.h. */
#include "heaps/account.h"

#include "blocks/cache.h"
#include "blocks/large.h"
#include "heaps/authority.h"
#include "heaps/charge.h"
#include "heaps/owned.h"
#include "heaps/remote.h"

/* Who serves whom; a holder needs it not for its own account. */
static struct cai_lock list_lock = CAI_LOCK_INIT(CAI_RANK_ACCOUNTS);

void cai_account_list_take(void)
{
    cai_lock_take(&list_lock);
}

void cai_account_list_give(void)
{
    cai_lock_give(&list_lock);
}

uint32_t cai_account_node(uint32_t owner)
{
    const struct cai_account *account = cai_registry_account(owner);

    return account == NULL ? CAI_NODE_DEFAULT : cai_load_relaxed(&account->node);
}

/* --- whom it serves; `use` is held --- */

/* Its first word is looked at by those who search, without the lock. */
static void set_grant(struct cai_account *account, const struct cai_grant *grant)
{
    cai_store_relaxed(&account->node, grant->node);
    account->grant.node = grant->node;
    account->grant.rights = grant->rights;
    cai_store_relaxed(&account->grant.authority.opaque[0], grant->authority.opaque[0]);
    account->grant.authority.opaque[1] = grant->authority.opaque[1];
}

void cai_account_retire(struct cai_account *account)
{
    cai_bias_end(account);
    set_grant(account, &(struct cai_grant){0, 0, {{0, 0}}});
}

/* --- finding it --- */

static bool is_for(const struct cai_account *account, const struct cai_grant *grant, const struct cai_thread *holder)
{
    return cai_load_relaxed(&account->grant.authority.opaque[0]) == grant->authority.opaque[0] &&
           cai_load_relaxed(&account->holder) == holder;
}

/* One that this holder can use for the authority, or one that serves nobody. The list is held. */
static struct cai_account *find(const struct cai_grant *grant, const struct cai_thread *holder)
{
    struct cai_account *spare = NULL;
    struct cai_account *orphan = NULL;

    CAI_FOR_ACCOUNTS(account)
    {
        if (is_for(account, grant, holder))
            return account;
        if (is_for(account, grant, NULL))
            orphan = account;
        else if (cai_load_relaxed(&account->node) == CAI_NODE_DEFAULT && cai_load_relaxed(&account->holder) == NULL)
            spare = account;
    }
    return orphan != NULL ? orphan : spare;
}

/* The list is held. */
static struct cai_account *find_or_create(const struct cai_grant *grant, struct cai_thread *holder)
{
    struct cai_account *account = find(grant, holder);

    if (account == NULL) {
        account = cai_registry_create_account();
        if (account == NULL)
            return NULL;
        cai_bias_start(account);
    }
    return account;
}

/* `use` is held. */
static void assign(struct cai_account *account, const struct cai_grant *grant, struct cai_thread *holder)
{
    set_grant(account, grant);
    cai_store_relaxed(&account->holder, holder);
}

struct cai_account *cai_account_use(const struct cai_grant *grant, struct cai_thread *holder)
{
    struct cai_account **known = holder != NULL ? &holder->known[cai_bias_known(grant->authority)] : NULL;
    struct cai_account *account = known != NULL ? cai_load_relaxed(known) : NULL;

    if (account != NULL) {
        cai_lock_take(&account->use);
        if (is_for(account, grant, holder))
            return account;
        cai_lock_give(&account->use);
    }
    cai_lock_take(&list_lock);
    account = find_or_create(grant, holder);
    if (account != NULL) {
        cai_lock_take(&account->use);
        assign(account, grant, holder);
        if (known != NULL)
            cai_store_relaxed(known, account);
    }
    cai_lock_give(&list_lock);
    return account;
}

struct cai_account *cai_account_use_listed(const struct cai_grant *grant)
{
    struct cai_account *account = find_or_create(grant, NULL);

    if (account != NULL) {
        cai_lock_take_beside(&account->use); /* from child to parent */
        assign(account, grant, NULL);
    }
    return account;
}

void cai_account_return(struct cai_account *account)
{
    cai_lock_give(&account->use);
}

struct cai_account *cai_account_use_owner(const uint32_t *owner)
{
    for (;;) {
        uint32_t number = cai_load_acquire(owner);
        struct cai_account *account = cai_registry_account(number);
        if (account == NULL)
            return NULL;
        cai_lock_take(&account->use);
        if (cai_load_acquire(owner) == number)
            return account;
        cai_lock_give(&account->use); /* handed over meanwhile */
    }
}

/* --- credit --- */

uint32_t cai_account_charge_slots(struct cai_account *account, uint32_t want, size_t slot_bytes)
{
    for (account->refused = CA_OK; want != 0; want /= 2) {
        account->refused = cai_charge(account, &account->grant, want * slot_bytes);
        if (account->refused != CA_ERROR_QUOTA)
            break;
    }
    return account->refused == CA_OK ? want : 0;
}

void cai_account_credit(struct cai_account *account, size_t bytes)
{
    cai_add_release(&account->uncharged, bytes);
}

/* Everything in its bins, settled; `use` is held. Returns the bytes. */
static size_t flush(struct cai_account *account)
{
    cai_bias_revoke(account);
    cai_account_credit(account, cai_cache_flush_all(&account->owner.heap));
    size_t bytes = cai_charge_settle(account);
    cai_bias_grant(account);
    return bytes;
}

bool cai_account_is_within(const struct cai_account *account, uint32_t node)
{
    uint32_t served = cai_load_relaxed(&account->node);

    return served != CAI_NODE_DEFAULT && cai_authority_is_within(served, node);
}

bool cai_account_reclaim(uint32_t node)
{
    uint32_t top = cai_authority_top(node);
    size_t taken = 0;

    cai_lock_take(&list_lock);
    CAI_FOR_ACCOUNTS(account)
    if (cai_account_is_within(account, top)) {
        cai_lock_take(&account->use);
        taken += flush(account);
        cai_lock_give(&account->use);
    }
    cai_lock_give(&list_lock);
    return taken != 0;
}

void cai_account_flush(bool idle_only)
{
    CAI_FOR_ACCOUNTS(account)
    {
        if (cai_load_relaxed(&account->node) == CAI_NODE_DEFAULT || !cai_lock_try(&account->use))
            continue;
        if (!idle_only) {
            flush(account);
        } else if (cai_charge_credit(account) != 0) {
            cai_bias_revoke(account);
            cai_account_credit(account, cai_cache_flush_idle(&account->owner.heap));
            cai_charge_settle(account);
            cai_bias_grant(account);
        }
        cai_lock_give(&account->use);
    }
}

void cai_account_detach(struct cai_thread *holder)
{
    CAI_FOR_ACCOUNTS(account)
    if (cai_load_relaxed(&account->holder) == holder) {
        cai_lock_take(&account->use);
        if (account->holder == holder) {
            cai_account_credit(account, cai_cache_flush_all(&account->owner.heap));
            cai_bias_end(account);
        }
        cai_lock_give(&account->use);
    }
}

/* --- fork --- */

/* Its words are those of the node, which is written first. */
static void repair_grant(struct cai_account *account)
{
    struct cai_grant grant = {account->node, 0, {{0, 0}}};

    if (account->node == CAI_NODE_DEFAULT || cai_authority_of_node(account->node, &grant))
        set_grant(account, &grant);
}

/* Its lists, its holder; the rest is owed. */
static void repair_account(struct cai_account *account, bool list_lost)
{
    enum cai_lock_inherited use = cai_lock_inherit(&account->use);
    enum cai_lock_inherited heap = cai_lock_inherit(&account->owner.heap.lock);
    bool is_own = account->holder != NULL && account->holder == cai_self;
    /* In the middle of a slow path, or of a fast one, where whoever wants the bins waits for this thread to leave. */
    bool keep_bins = use == CAI_LOCK_MINE || (is_own && !account->is_shut);

    if (account->holder != NULL && account->holder->owner.lost) {
        account->holder->owner.inside = 0;
        account->owner.lost = true;
    } else if (is_own && use != CAI_LOCK_MINE) {
        cai_bias_revoke(account); /* granted anew when it is used, if the child has the barrier, too */
    }
    if (use == CAI_LOCK_LOST)
        account->owner.lost = true;
    if (use != CAI_LOCK_MINE && (list_lost || use == CAI_LOCK_LOST))
        repair_grant(account);
    if (use == CAI_LOCK_LOST || heap == CAI_LOCK_LOST) {
        cai_cache_rebuild(&account->owner.heap, keep_bins, cai_remote_telling());
        cai_remote_counted(&account->owner.heap);
    }
    if (heap == CAI_LOCK_LOST)
        cai_lock_repaired(&account->owner.heap.lock);
    if (use == CAI_LOCK_LOST)
        cai_lock_repaired(&account->use);
}

void cai_account_repair(void)
{
    bool list_lost = cai_lock_inherit(&list_lock) == CAI_LOCK_LOST;

    cai_bias_after_fork_in_child();
    CAI_FOR_ACCOUNTS(account)
    repair_account(account, list_lost);
    if (list_lost)
        cai_lock_repaired(&list_lock);
}

void cai_account_lost_credit(uint32_t owner)
{
    struct cai_account *account = cai_registry_account(owner);

    if (account != NULL)
        account->owner.lost = true;
}

void cai_account_repair_rest(void)
{
    CAI_FOR_ACCOUNTS(account)
    if (account->owner.lost) {
        cai_lock_take(&account->use);
        if (account->holder != NULL && account->holder->owner.lost) {
            cai_lock_take(&account->owner.heap.lock);
            cai_cache_salvage(&account->owner.heap);
            cai_lock_give(&account->owner.heap.lock);
            cai_bias_end(account);
        }
        cai_large_salvage(&account->owner.heap); /* a block that went back with the account's others */
        cai_charge_correct(account, cai_owned_bytes(&account->owner.heap));
        account->owner.lost = false;
        cai_lock_give(&account->use);
    }
}
