/* See charge.h. */
#include "heaps/charge.h"

#include "blocks/cache.h"
#include "heaps/tree.h"

#include <string.h>

static uint64_t settled; /* atomic */

uint64_t cai_charge_settled(void)
{
    return cai_load_acquire(&settled);
}

static void take_back(uint32_t number, size_t bytes)
{
    if (bytes != 0)
        cai_add_release(&settled, 1);
    for (; number != CAI_NODE_DEFAULT; number = cai_node_at(number)->parent)
        cai_node_at(number)->charged -= bytes;
}

/* Never more than was charged: a program that frees while it destroys counts a block twice. */
static size_t settle(struct cai_account *account)
{
    size_t bytes = cai_min(cai_exchange_acquire(&account->uncharged, 0), account->charged);

    account->charged -= bytes;
    take_back(account->node, bytes);
    return bytes;
}

size_t cai_charge_settle(struct cai_account *account)
{
    cai_lock_take(&cai_tree.lock);
    size_t bytes = settle(account);
    cai_lock_give(&cai_tree.lock);
    return bytes;
}

void cai_charge_clear(struct cai_account *account)
{
    cai_lock_take(&cai_tree.lock);
    settle(account);
    take_back(account->node, account->charged);
    account->charged = 0;
    cai_lock_give(&cai_tree.lock);
}

void cai_charge_transfer(struct cai_account *from, struct cai_account *to)
{
    cai_lock_take(&cai_tree.lock);
    settle(from);
    to->charged += from->charged;
    from->charged = 0;
    cai_lock_give(&cai_tree.lock);
}

ca_error cai_charge(struct cai_account *account, const struct cai_grant *grant, size_t bytes)
{
    ca_error error = CA_ERROR_NOT_PERMITTED;

    cai_lock_take(&cai_tree.lock);
    settle(account);
    if (cai_node_is(grant) && account->node == grant->node) {
        error = CA_OK;
        for (uint32_t number = grant->node; number != CAI_NODE_DEFAULT; number = cai_node_at(number)->parent)
            if (bytes > cai_node_at(number)->quota || cai_node_at(number)->charged > cai_node_at(number)->quota - bytes)
                error = CA_ERROR_QUOTA;
        if (error == CA_OK) {
            account->charged += bytes;
            for (uint32_t number = grant->node; number != CAI_NODE_DEFAULT; number = cai_node_at(number)->parent)
                cai_node_at(number)->charged += bytes;
        }
    }
    cai_lock_give(&cai_tree.lock);
    return error;
}

size_t cai_charge_credit(const struct cai_account *account)
{
    return cai_load_relaxed(&account->uncharged) + cai_cache_bytes(&account->owner.heap);
}

/* Charged to the subtree, without the credit that lies unused in the bins of its accounts. */
static size_t charged(uint32_t number)
{
    size_t unused = 0;

    for (const struct cai_account *account = cai_registry_first_account(); account != NULL;
         account = account->next_account)
        if (cai_node_is_within(cai_load_relaxed(&account->node), number)) /* number is not the default one */
            unused += cai_charge_credit(account);
    return cai_node_at(number)->charged - cai_min(unused, cai_node_at(number)->charged);
}

size_t cai_charge_quota(uint32_t node)
{
    size_t least = SIZE_MAX;

    cai_lock_take(&cai_tree.lock);
    for (; node != CAI_NODE_DEFAULT; node = cai_node_at(node)->parent)
        least = cai_min(least, cai_node_at(node)->quota);
    cai_lock_give(&cai_tree.lock);
    return least;
}

size_t cai_charge_remaining(const struct cai_grant *grant)
{
    size_t least = 0;

    cai_lock_take(&cai_tree.lock);
    if (cai_node_is(grant)) {
        least = SIZE_MAX;
        for (uint32_t node = grant->node; node != CAI_NODE_DEFAULT; node = cai_node_at(node)->parent)
            if (cai_node_at(node)->quota != SIZE_MAX)
                least = cai_min(least, cai_node_at(node)->quota - cai_min(charged(node), cai_node_at(node)->quota));
    }
    cai_lock_give(&cai_tree.lock);
    return least;
}

/* The lock is held. */
static void describe(uint32_t number, ca_authority_info *info)
{
    const struct cai_node *node = cai_node_at(number);

    info->rights = node->rights;
    info->quota_bytes = node->quota;
    info->charged_bytes = charged(number);
    if (node->heap != CAI_NODE_DEFAULT)
        memcpy(info->name, cai_node_at(node->heap)->name, sizeof info->name);
}

bool cai_charge_describe(const struct cai_grant *grant, ca_authority_info *out)
{
    ca_authority_info info = {.rights = CAI_RIGHTS_OF_DEFAULT, .quota_bytes = SIZE_MAX};

    info.struct_size = out->struct_size;
    cai_lock_take(&cai_tree.lock);
    bool alive = cai_node_is(grant);
    if (alive && grant->node != CAI_NODE_DEFAULT)
        describe(grant->node, &info);
    cai_lock_give(&cai_tree.lock);
    if (alive)
        memcpy(out, &info, cai_min(out->struct_size, sizeof info));
    return alive;
}

void cai_charge_correct(struct cai_account *account, size_t bytes)
{
    account->uncharged = account->charged - cai_min(bytes, account->charged);
}

/* The tree's lock was found lost. */
void cai_charge_repair(void)
{
    for (uint32_t number = 1; number < cai_tree.count; number++)
        cai_node_at(number)->charged = 0;
    for (const struct cai_account *account = cai_registry_first_account(); account != NULL;
         account = account->next_account)
        for (uint32_t number = account->node; number != CAI_NODE_DEFAULT; number = cai_node_at(number)->parent)
            cai_node_at(number)->charged += account->charged;
    cai_lock_repaired(&cai_tree.lock);
}
