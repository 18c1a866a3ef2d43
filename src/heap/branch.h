/* Branches: a thread's heap for one authority.
 *
 * A branch is a thread heap like any other: its slabs carry its number, so the address of a block tells who is charged
 * for it, out of line. What lies in its bins is charged already: the fast paths count nothing, and that is the credit
 * that others can take back.
 *
 * A branch may be used by its keeper without a lock, and taken apart by anyone who revokes, destroys or needs its
 * credit. The keeper says `inside`, then looks whether the branch's key is the authority in its hand; who wants the
 * branch takes its lock `use`, removes the key, makes every processor see that, and waits until the keeper is not
 * inside. Slow paths hold `use`. Where the kernel lacks the barrier there is never a key, and all paths are slow.
 */
#ifndef CAI_HEAP_BRANCH_H
#define CAI_HEAP_BRANCH_H

#include "heap/authority.h"
#include "heap/cache.h"
#include "heap/key.h"

/* --- slow paths --- */

/* A block, charged to the authority. NULL: *error says why (OUT_OF_MEMORY, QUOTA, NOT_PERMITTED). align: a power of
 * two. */
void *cai_branch_allocate(const struct cai_grant *grant, enum cai_place place, size_t bytes, size_t align, bool zeroed,
                          ca_error *error);

/* Grows a live large block in place, charged to the authority; false: not possible, or not this authority's. */
bool cai_branch_grow_large(const struct cai_grant *grant, enum cai_place place, size_t granule, size_t bytes);

/* For refilling a bin: charges up to `want` slots, and says how many; 0: none, and the branch remembers why. */
uint32_t cai_branch_charge(struct cai_thread *branch, uint32_t want, size_t slot_bytes);

/* Puts a slot of the keeper's own branch into its bin, when that is simple. */
bool cai_branch_put(struct cai_thread *branch, enum cai_place place, unsigned size_class, uint8_t *state,
                    void *address);

/* The branch that owns a unit; NULL: a thread's own heap does, or nobody. */
struct cai_thread *cai_branch_of_owner(uint32_t owner);

/* The branch that owns the unit with this entry in the table of owners, its `use` held: the owner stays what it is.
 * NULL: no branch. */
struct cai_thread *cai_branch_lock_owner(const uint32_t *owner);

/* A block of the unit with this entry went back, past all bins. */
void cai_branch_uncharge(const uint32_t *owner, size_t bytes);

/* The same when it was all there was in the unit: it has no owner from here on. */
void cai_branch_release(uint32_t *owner, size_t bytes);

/* The node that is charged for a block of the unit with this owner. */
uint32_t cai_branch_node_of_owner(uint32_t owner);

/* --- all branches --- */

/* The list only grows. */
struct cai_thread *cai_branch_first(void);

/* Credit in its bins and on its way back. */
size_t cai_branch_credit(const struct cai_thread *branch);

/* Some branch has this node. */
bool cai_branch_serves(uint32_t node);

/* Everything allocated by the authority and those below it goes back, must-zero memory cleared. False: it ended
 * meanwhile. */
bool cai_branch_free_all(const struct cai_grant *grant);

/* After cai_authority_kill: the blocks of dead nodes go back or to their heirs, as they were killed. */
void cai_branch_bury(void);

/* What lies in bins goes back: of all branches, or of those that did nothing since the last look. Those in use at the
 * moment are left out. */
void cai_branch_flush(bool idle_only);

/* The calling thread ends: its branches can be kept by others. */
void cai_branch_detach(struct cai_thread *keeper);

/* Around fork. */
void cai_branch_lock_all(void);
void cai_branch_unlock_all(void);
void cai_branch_after_fork_in_child(void);

#endif
