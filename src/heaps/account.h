/* Accounts: what an authority has in each thread, a heap that it pays for.
 *
 * The slabs and large blocks of an account bear its number, so the address of a block tells who is charged for it, out
 * of line. What lies in its bins is charged already: the fast paths count nothing, and that is the credit that others
 * can take back. One thread, the holder, uses it without a lock (bias.h); slow paths hold `use`.
 */
#ifndef CAI_HEAPS_ACCOUNT_H
#define CAI_HEAPS_ACCOUNT_H

#include "heaps/bias.h"

/* The holder's account for the authority, its `use` held until cai_account_return; NULL: out of memory. A holder of
 * NULL: nobody in particular. */
struct cai_account *cai_account_use(const struct cai_grant *grant, struct cai_thread *holder);
void cai_account_return(struct cai_account *account);

/* The same for who holds the list of accounts, to hand blocks to. */
struct cai_account *cai_account_use_listed(const struct cai_grant *grant);

/* Without blocks and without credit it serves nobody from here on; `use` is held. */
void cai_account_retire(struct cai_account *account);

/* For refilling a bin: charges up to `want` slots, and says how many; 0: none, and account->refused says why. `use` is
 * held. */
uint32_t cai_account_charge_slots(struct cai_account *account, uint32_t want, size_t slot_bytes);

/* Bytes that were charged and are not used: they go back to the authority with its next charge. */
void cai_account_credit(struct cai_account *account, size_t bytes);

/* The account that owns the unit with this entry in the table of owners, its `use` held: the owner stays what it is.
 * NULL: no account does. */
struct cai_account *cai_account_use_owner(const uint32_t *owner);

CAI_INLINE struct cai_account *cai_account_of(const uint32_t *owner)
{
    return CAI_UNLIKELY(cai_is_account(cai_load_relaxed(owner))) ? cai_account_use_owner(owner) : NULL;
}

/* The node that is charged for a block of the unit with this owner. */
uint32_t cai_account_node(uint32_t owner);

/* Takes the unused credit of every account whose authority has a limit in common with this node's, for whoever is
 * refused for want of it. False: there was none. */
bool cai_account_reclaim(uint32_t node);

/* What lies in bins goes back: of all accounts, or of those that did nothing since the last look. Those in use at the
 * moment are left out. */
void cai_account_flush(bool idle_only);

/* The calling thread ends: its accounts can be held by others. */
void cai_account_detach(struct cai_thread *holder);

/* Nobody else changes who serves whom, or takes accounts apart. */
void cai_account_list_take(void);
void cai_account_list_give(void);

/* The account's authority is this node or below; the list is held: whom it serves may change meanwhile, but only to
 * nobody. */
bool cai_account_is_within(const struct cai_account *account, uint32_t node);

/* In the child of a fork: their lists; and when locks may be taken, the rest: accounts of threads that are not there
 * can be held by others, and what is charged is what they have. What such a thread had in its hand stays charged, like
 * a block that nobody will give back. */
void cai_account_repair(void);
void cai_account_repair_rest(void);

/* Between the two: a thread that is not there may have been about to credit the account with this number, if it is one,
 * for something of this heap. */
void cai_account_lost_credit(uint32_t owner);

#define CAI_FOR_ACCOUNTS(account)                                                                                      \
    for (struct cai_account *account = cai_registry_first_account(); account != NULL; account = account->next_account)

#endif
