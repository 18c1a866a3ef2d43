/* Charges: what is charged to which authority.
 *
 * A charge counts at its node and at every node above, so that what a node has charged is always the sum of its
 * subtree, and taking a node out hands its charges to the parent by itself. The default authority has no quota, and
 * nothing is counted.
 */
#ifndef CAI_HEAPS_CHARGE_H
#define CAI_HEAPS_CHARGE_H

#include "heaps/registry.h"

/* Charges bytes to the node on behalf of an account of it. CA_ERROR_QUOTA; CA_ERROR_NOT_PERMITTED: killed meanwhile. */
ca_error cai_charge(struct cai_account *account, const struct cai_grant *grant, size_t bytes);

/* Takes back what the account has given back; returns the bytes. */
size_t cai_charge_settle(struct cai_account *account);

/* How often anything was taken back from anybody: who compares two answers knows whether there is more room now. */
uint64_t cai_charge_settled(void);

/* Everything the account was charged is taken back: it has no blocks any more. */
void cai_charge_clear(struct cai_account *account);

/* What `from` was charged is another account's now: its blocks are. The nodes above know no difference. */
void cai_charge_transfer(struct cai_account *from, struct cai_account *to);

/* The least quota from this node upwards; SIZE_MAX: none. */
size_t cai_charge_quota(uint32_t node);

/* What the authority can still take; 0 when it ended meanwhile. */
size_t cai_charge_remaining(const struct cai_grant *grant);

/* The first struct_size bytes of *out. False: it ended meanwhile, nothing is written. */
bool cai_charge_describe(const struct cai_grant *grant, ca_authority_info *out);

/* In the child of a fork: the account has so many bytes, and whatever else it was charged is on its way back. */
void cai_charge_correct(struct cai_account *account, size_t bytes);

/* The same for the tree whose lock was lost (cai_authority_repair): each node is charged what its accounts are; the
 * lock is free afterwards. */
void cai_charge_repair(void);

/* Credit of an account: what lies in its bins or is on its way back. */
size_t cai_charge_credit(const struct cai_account *account);

#endif
