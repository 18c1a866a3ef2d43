/* The tree of authorities: rights, quotas, and what is charged to whom.
 *
 * A charge counts at its node and at every node above, so that what a node has charged is always the sum of its
 * subtree, and taking a node out hands its charges to the parent by itself. Node 0 is the default authority: no quota,
 * nothing counted. Everything is protected by one lock, which the fast paths never take.
 */
#ifndef CAI_HEAP_AUTHORITY_H
#define CAI_HEAP_AUTHORITY_H

#include "heap/thread.h"

/* False: made up, altered or revoked. */
bool cai_authority_find(ca_authority authority, struct cai_grant *grant);

/* An authority in one word, for those who have room for no more: 44 of its random bits and its node. */
uintptr_t cai_authority_token(const struct cai_grant *grant);

/* Back again; false: no authority ever had this token. Whether it was revoked is for cai_authority_find. */
bool cai_authority_of_token(uintptr_t token, ca_authority *out);

/* Below `parent`, or a heap of its own when parent is NULL. CA_ERROR_OUT_OF_MEMORY; CA_ERROR_NOT_PERMITTED: the parent
 * was revoked meanwhile. */
ca_error cai_authority_add(const struct cai_grant *parent, unsigned rights, size_t quota, const char *name,
                           ca_authority *out);

/* Nobody is recognised by the node or those below it any more; their charges stay where they are until
 * cai_authority_drop. `with_blocks`: their blocks end with them; else heirs get those. False: it was revoked
 * already. */
bool cai_authority_kill(const struct cai_grant *grant, bool with_blocks);

/* It was killed with its blocks. */
bool cai_authority_is_destroyed(uint32_t node);

/* Still the authority that was found. While branches.lock is held, its node stays its own. */
bool cai_authority_is(const struct cai_grant *grant);

/* Every node that was killed and has no branch left makes room for others. */
void cai_authority_drop(void);

bool cai_authority_is_alive(uint32_t node);

/* The nearest node from this one upwards that was not killed; false: the default one. */
bool cai_authority_heir(uint32_t node, struct cai_grant *heir);

/* The highest node above this one that may have a limit. */
uint32_t cai_authority_top(uint32_t node);

/* The node or one above it is `above`. */
bool cai_authority_is_within(uint32_t node, uint32_t above);

/* The root of the node's tree: which heap it is. */
uint32_t cai_authority_heap(uint32_t node);

/* Charges bytes to the node on behalf of a branch of it. CA_ERROR_QUOTA; CA_ERROR_NOT_PERMITTED: killed meanwhile. */
ca_error cai_authority_charge(struct cai_thread *branch, const struct cai_grant *grant, size_t bytes);

/* Takes back what the branch has given back; returns the bytes. */
size_t cai_authority_settle(struct cai_thread *branch);

/* Everything the branch was charged is taken back: it has no blocks any more. */
void cai_authority_clear(struct cai_thread *branch);

/* What `from` was charged is another branch's now: its blocks are. The nodes above know no difference. */
void cai_authority_hand_over(struct cai_thread *from, struct cai_thread *to);

/* The least quota from this node upwards; SIZE_MAX: none. */
size_t cai_authority_quota(uint32_t node);

/* What the authority can still take; 0 when it ended meanwhile. */
size_t cai_authority_remaining(const struct cai_grant *grant);

/* The first struct_size bytes of *out. False: it ended meanwhile, nothing is written. */
bool cai_authority_describe(const struct cai_grant *grant, ca_authority_info *out);

/* Around fork. */
void cai_authority_lock(void);
void cai_authority_unlock(void);

#endif
