/* See allocate_for.h. */
#include "heaps/allocate_for.h"

#include "blocks/large.h"
#include "heaps/account.h"
#include "heaps/allocate.h"
#include "heaps/authority.h"
#include "heaps/charge.h"
#include "heaps/life.h"
#include "heaps/quarantine.h"
#include "heaps/requests.h"

/* Large blocks are charged one by one. */
static void *take_large(struct cai_account *account, const struct cai_wanted *wanted)
{
    size_t charge = cai_large_run_bytes(wanted->bytes);

    account->refused = charge == 0 ? CA_ERROR_OUT_OF_MEMORY : cai_charge(account, &account->grant, charge);
    if (account->refused != CA_OK)
        return NULL;
    void *block = cai_allocate_from(&account->owner, account, wanted, NULL);
    if (block == NULL)
        cai_account_credit(account, charge);
    return block;
}

static void *take(const struct cai_grant *grant, const struct cai_wanted *wanted, ca_error *error)
{
    struct cai_account *account = cai_account_use(grant, cai_life_attach());
    void *twice = NULL;

    *error = CA_ERROR_OUT_OF_MEMORY;
    if (account == NULL)
        return NULL;
    account->refused = CA_OK;
    void *block = wanted->size_class != 0 ? cai_allocate_from(&account->owner, account, wanted, &twice)
                                          : take_large(account, wanted);
    if (block != NULL)
        cai_bias_grant(account);
    else if (account->refused != CA_OK)
        *error = account->refused;
    if (block == NULL && account->charged == 0 && !cai_authority_is(grant))
        cai_account_retire(account); /* revoked before this account was there: nobody else will come for it */
    cai_account_return(account);
    if (twice == NULL)
        return block;
    cai_allocate_report_twice(wanted, twice);
    return take(grant, wanted, error);
}

/* A call was refused its charge, and there may be room yet: who is refused for good finds no unused credit of anybody,
 * and nobody has given back since `settled` was read, before the call. */
static bool may_have_room(const struct cai_grant *grant, uint64_t settled)
{
    if (CAI_QUARANTINES)
        cai_quarantine_release(); /* what waits is charged */
    return cai_account_reclaim(grant->node) || cai_charge_settled() != settled;
}

void *cai_allocate_for(const struct cai_grant *grant, enum cai_place place, size_t bytes, size_t align, bool zeroed,
                       ca_error *error)
{
    const struct cai_wanted wanted = cai_want(place, bytes, align, zeroed);

    *error = CA_ERROR_OUT_OF_MEMORY;
    if (grant->node == CAI_NODE_DEFAULT)
        return cai_allocate_aligned(place, bytes, align, zeroed);
    void *block;
    bool again;
    do {
        uint64_t settled = cai_charge_settled();
        block = take(grant, &wanted, error);
        again = block == NULL && *error == CA_ERROR_QUOTA && may_have_room(grant, settled);
    } while (again);
    if (block == NULL)
        cai_requests_refused();
    return block;
}

static bool grow(const struct cai_grant *grant, struct cai_live live, size_t bytes, ca_error *error)
{
    struct cai_account *account = cai_account_of(cai_live_owner(live));
    bool grown = false;

    *error = CA_ERROR_NOT_PERMITTED;
    if (account == NULL)
        return false;
    size_t before = cai_slot_bytes(live);
    size_t after = cai_large_run_bytes(bytes);
    size_t more = after > before ? after - before : 0;
    if (after != 0 && account->grant.authority.opaque[0] == grant->authority.opaque[0])
        *error = cai_charge(account, grant, more);
    if (*error == CA_OK) {
        grown = cai_large_grow(live, bytes);
        if (!grown)
            cai_account_credit(account, more);
    }
    cai_account_return(account);
    return grown;
}

bool cai_grow_for(const struct cai_grant *grant, struct cai_live live, size_t bytes)
{
    ca_error error;
    bool grown, again;

    do {
        uint64_t settled = cai_charge_settled();
        grown = grow(grant, live, bytes, &error);
        again = !grown && error == CA_ERROR_QUOTA && may_have_room(grant, settled);
    } while (again);
    return grown;
}
