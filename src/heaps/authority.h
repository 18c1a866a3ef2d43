/* Authorities: made, recognised, killed, and how they hang together. What is charged to them: charge.h.
 */
#ifndef CAI_HEAPS_AUTHORITY_H
#define CAI_HEAPS_AUTHORITY_H

#include "heaps/registry.h"

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

/* Still the authority that was found. While the list of accounts is held, its node stays its own. */
bool cai_authority_is(const struct cai_grant *grant);

/* Every node that was killed and has no account left makes room for others. */
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

/* The words of a living node; false: it is none. */
bool cai_authority_of_node(uint32_t node, struct cai_grant *grant);

/* In the child of a fork. True: a thread that is not there was at work on the tree, whose charges are to be counted
 * anew; the lock is the calling thread's until then. */
bool cai_authority_repair(void);

#endif
