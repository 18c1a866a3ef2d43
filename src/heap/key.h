/* Keys: entering a branch without a lock, and taking it away from who may do so. The protocol is told in branch.h.
 */
#ifndef CAI_HEAP_KEY_H
#define CAI_HEAP_KEY_H

#include "heap/thread.h"

CAI_INLINE void cai_branch_leave(struct cai_thread *thread)
{
    cai_store_release(&thread->inside, 0);
}

/* The thread is inside, and gets the branch it used last. None: itself, which has no key. */
CAI_INLINE struct cai_thread *cai_branch_step_inside(struct cai_thread *thread)
{
    cai_store_relaxed(&thread->inside, 1);
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* for other processors: the barrier of whoever takes the key away */
    return (struct cai_thread *)((uintptr_t)thread + cai_load_acquire_in_place(&thread->recent));
}

/* The branch the calling thread used last, when the authority of these two words opens it; its bins may be used until
 * cai_branch_leave. NULL: the slow path has it, no leaving. The second word is not 0: a thread's own key is. */
CAI_INLINE struct cai_thread *cai_branch_enter(struct cai_thread *thread, uint64_t first, uint64_t second)
{
    struct cai_thread *branch = cai_branch_step_inside(thread);

    if (CAI_LIKELY(cai_load_acquire_in_place(&branch->key[0]) == first &&
                   cai_load_acquire_in_place(&branch->key[1]) == second)) {
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        return branch;
    }
    cai_branch_leave(thread);
    return NULL;
}

/* What opened the branch that the thread is inside: from memory, so that the fast path need not keep it. */
CAI_INLINE ca_authority cai_branch_opened_by(const struct cai_thread *thread)
{
    uintptr_t recent = cai_load_relaxed_in_place(&thread->recent);

    return ((const struct cai_thread *)((uintptr_t)thread + recent))->grant.authority;
}

/* The same for giving a block back: when the branch has this number. */
CAI_INLINE struct cai_thread *cai_branch_enter_owner(struct cai_thread *thread, uint32_t owner)
{
    struct cai_thread *branch = cai_branch_step_inside(thread);

    if (CAI_LIKELY(branch->id == owner && cai_load_acquire_in_place(&branch->key[0]) != 0)) {
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        return branch;
    }
    cai_branch_leave(thread);
    return NULL;
}

/* The calling thread's branch for this authority, when it is at hand, becomes the one used last. False: it is not. */
bool cai_branch_switch(ca_authority authority);

/* --- by whoever holds the branch's `use` --- */

/* A new branch has no key. The first asks the kernel for the barrier; not by two threads at once. */
void cai_key_start(struct cai_thread *branch);

/* Its keeper may enter, if its authority may allocate. */
void cai_key_open(struct cai_thread *branch);

/* Its keeper does not use the bins from here on. */
void cai_key_shut(struct cai_thread *branch);

/* It forgets its keeper, which forgets it. */
void cai_key_part(struct cai_thread *branch);

/* Where a thread remembers its branch for an authority. */
unsigned cai_key_known(ca_authority authority);

/* Before any of these in a child of fork. */
void cai_key_after_fork_in_child(void);

#endif
