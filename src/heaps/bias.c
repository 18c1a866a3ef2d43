/* See bias.h. */
#include "heaps/bias.h"

#include "os/os.h"
#include "os/process.h"

static struct {
    bool asked, fast; /* whether the kernel has the barrier */
    uint64_t nobody;  /* second word of the key of a revoked bias: no authority has it */
} biases;

void cai_bias_start(struct cai_account *account)
{
    if (!biases.asked) {
        biases.asked = true;
        biases.fast = cai_os_barrier_start();
        biases.nobody = cai_os_random();
    }
    account->owner.key[1] = biases.nobody;
    account->is_shut = true;
}

void cai_bias_after_fork_in_child(void)
{
    if (biases.fast)
        biases.fast = cai_os_barrier_start();
}

unsigned cai_bias_known(ca_authority authority)
{
    return (unsigned)(authority.opaque[0] % CAI_ACCOUNTS_KNOWN);
}

static uintptr_t distance(const struct cai_thread *from, const struct cai_account *to)
{
    return (uintptr_t)to - (uintptr_t)from;
}

void cai_bias_grant(struct cai_account *account)
{
    struct cai_thread *holder = account->holder;
    ca_authority authority = account->grant.authority;

    if (!biases.fast || holder == NULL || (account->grant.rights & CA_RIGHT_ALLOCATE) == 0)
        return;
    account->is_shut = false;
    cai_fence_for_compiler(); /* a child of fork that finds the key finds it open */
    cai_store_relaxed(&account->owner.key[1], authority.opaque[1]);
    cai_store_release(&account->owner.key[0], authority.opaque[0]);
    if (holder == cai_self) {
        cai_store_relaxed(&holder->known[cai_bias_known(authority)], account);
        cai_store_relaxed(&holder->owner.recent, distance(holder, account));
    }
}

/* Whatever this thread stored, the holder sees from its next entering on, and it has left. */
static void await(struct cai_thread *holder)
{
    if (holder == cai_self || !biases.fast)
        return;
    cai_os_barrier();
    while (cai_load_acquire(&holder->owner.inside) != 0) {
        cai_process_notice(); /* in the child of a fork it may never leave */
        cai_os_yield();
    }
}

static void take_key(struct cai_account *account)
{
    cai_store_relaxed(&account->owner.key[1], biases.nobody);
    cai_store_seq_cst(&account->owner.key[0], 0);
}

/* The holder was waited for: from here on the bins are those of who holds `use`. */
static void shut(struct cai_account *account)
{
    cai_fence_for_compiler();
    account->is_shut = true;
    cai_fence_for_compiler();
}

void cai_bias_revoke(struct cai_account *account)
{
    if (account->is_shut)
        return;
    take_key(account);
    await(account->holder);
    shut(account);
}

/* Twice awaited: before, the holder may be about to remember an account whose key it has seen; after, to look at the
 * key of one that it has forgotten, which may be somebody else's by then. */
void cai_bias_end(struct cai_account *account)
{
    struct cai_thread *holder = account->holder;
    struct cai_account *expected = account;

    if (holder == NULL)
        return;
    take_key(account);
    await(holder);
    uintptr_t recent = distance(holder, account);
    cai_swap_strong_acq_rel(&holder->owner.recent, &recent, 0);
    cai_swap_strong_acq_rel(&holder->known[cai_bias_known(account->grant.authority)], &expected, NULL);
    await(holder);
    shut(account);
    cai_store_relaxed(&account->holder, NULL);
}

bool cai_bias_switch(ca_authority authority)
{
    struct cai_thread *thread = cai_self;
    bool switched = false;

    const struct cai_owner *recent = cai_bias_step_inside(thread);
    const struct cai_account *account = cai_load_relaxed(&thread->known[cai_bias_known(authority)]);
    if (account != NULL && &account->owner != recent &&
        cai_load_acquire(&account->owner.key[0]) == authority.opaque[0] &&
        cai_load_relaxed(&account->owner.key[1]) == authority.opaque[1]) {
        cai_store_relaxed(&thread->owner.recent, distance(thread, account));
        switched = true;
    }
    cai_bias_leave(thread);
    return switched;
}

bool cai_bias_enter_account(struct cai_thread *thread, const struct cai_account *account)
{
    if (!cai_thread_has_heap(thread) || cai_load_relaxed(&account->holder) != thread)
        return false;
    cai_bias_step_inside(thread);
    if (cai_load_acquire(&account->owner.key[0]) != 0 && cai_load_relaxed(&account->holder) == thread)
        return true;
    cai_bias_leave(thread);
    return false;
}
