/* Biased locking with an asymmetric fence: an account is used by one thread, its holder, without a lock, and taken away
 * from it by anyone who revokes, destroys or needs the credit in its bins.
 *
 * The holder says `inside`, then looks whether the account's key is the authority in its hand. Who wants the account
 * takes its lock `use`, removes the key (revokes the bias), makes every processor see that (membarrier: the fence that
 * costs the holder nothing), and waits until the holder is not inside. A holder that entered before is waited for, one
 * that enters later finds no key. Slow paths hold `use`. Where the kernel lacks the barrier there is never a key, and
 * all paths are slow. The protocol as a model: tests/model/bias.pml.
 */
#ifndef CAI_HEAPS_BIAS_H
#define CAI_HEAPS_BIAS_H

#include "heaps/registry.h"

CAI_INLINE void cai_bias_leave(struct cai_thread *thread)
{
    cai_store_release(&thread->owner.inside, 0);
}

/* The thread is inside, and gets the account it used last. None: itself, which has no key. */
CAI_INLINE struct cai_owner *cai_bias_step_inside(struct cai_thread *thread)
{
    cai_store_relaxed(&thread->owner.inside, 1);
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* for other processors: the barrier of whoever takes the key away */
    return (struct cai_owner *)((uintptr_t)thread + cai_load_fenced_in_place(&thread->owner.recent));
}

/* The heap of the account the calling thread used last, when the authority of these two words opens it; its bins may be
 * used until cai_bias_leave. NULL: the slow path has it, no leaving. The second word is not 0: a thread's own key
 * is. */
CAI_INLINE struct cai_heap *cai_bias_enter(struct cai_thread *thread, uint64_t first, uint64_t second)
{
    struct cai_owner *recent = cai_bias_step_inside(thread);

    if (CAI_LIKELY(cai_load_fenced_in_place(&recent->key[0]) == first &&
                   cai_load_fenced_in_place(&recent->key[1]) == second)) {
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        return &recent->heap;
    }
    cai_bias_leave(thread);
    return NULL;
}

/* The same for giving a block back: when the account has this number. */
CAI_INLINE struct cai_heap *cai_bias_enter_number(struct cai_thread *thread, uint32_t number)
{
    struct cai_owner *recent = cai_bias_step_inside(thread);

    if (CAI_LIKELY(recent->heap.id == number && cai_load_fenced_in_place(&recent->key[0]) != 0)) {
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        return &recent->heap;
    }
    cai_bias_leave(thread);
    return NULL;
}

/* The calling thread's account for this authority, when it is at hand, becomes the one used last. False: it is not. */
bool cai_bias_switch(ca_authority authority);

/* Enters this account: false when the calling thread is not its holder, or its bias was revoked; then no leaving. */
bool cai_bias_enter_account(struct cai_thread *thread, const struct cai_account *account);

/* --- by whoever holds the account's `use` --- */

/* A new account has no bias. The first asks the kernel for the barrier; not by two threads at once. */
void cai_bias_start(struct cai_account *account);

/* Its holder may enter, if its authority may allocate. */
void cai_bias_grant(struct cai_account *account);

/* Its holder does not use the bins from here on. */
void cai_bias_revoke(struct cai_account *account);

/* It forgets its holder, which forgets it. */
void cai_bias_end(struct cai_account *account);

/* Where a thread remembers its account for an authority. */
unsigned cai_bias_known(ca_authority authority);

/* Before any of these in a child of fork. */
void cai_bias_after_fork_in_child(void);

#endif
