/* See key.h: giving keys and taking them away. */
#include "heap/key.h"

#include "os/os.h"

static struct {
    bool asked, fast; /* whether the kernel has the barrier */
    uint64_t nobody;  /* second word of a shut branch's key: no authority has it */
} keys;

void cai_key_start(struct cai_thread *branch)
{
    if (!keys.asked) {
        keys.asked = true;
        keys.fast = cai_os_barrier_start();
        keys.nobody = cai_os_random();
    }
    branch->key[1] = keys.nobody;
}

void cai_key_after_fork_in_child(void)
{
    if (keys.fast)
        keys.fast = cai_os_barrier_start();
}

unsigned cai_key_known(ca_authority authority)
{
    return (unsigned)(authority.opaque[0] % CAI_BRANCHES_KNOWN);
}

void cai_key_open(struct cai_thread *branch)
{
    struct cai_thread *keeper = branch->keeper;

    if (!keys.fast || keeper == NULL || (branch->grant.rights & CA_RIGHT_ALLOCATE) == 0)
        return;
    cai_store_relaxed(&branch->key[1], branch->grant.authority.opaque[1]);
    cai_store_release(&branch->key[0], branch->grant.authority.opaque[0]);
    if (keeper == cai_self) {
        cai_store_relaxed(&keeper->branches[cai_key_known(branch->grant.authority)], branch);
        cai_store_relaxed(&keeper->recent, (uintptr_t)branch - (uintptr_t)keeper);
    }
}

/* Whatever this thread stored, the keeper sees from its next entering on, and it has left. */
static void await(struct cai_thread *keeper)
{
    if (keeper == cai_self || !keys.fast)
        return;
    cai_os_barrier();
    while (cai_load_acquire(&keeper->inside) != 0)
        cai_os_yield();
}

static void take_key(struct cai_thread *branch)
{
    cai_store_relaxed(&branch->key[1], keys.nobody);
    cai_store_seq_cst(&branch->key[0], 0);
}

void cai_key_shut(struct cai_thread *branch)
{
    if (branch->key[0] == 0)
        return;
    take_key(branch);
    await(branch->keeper);
}

/* Twice awaited: before, the keeper may be about to remember a branch whose key it has seen; after, to look at the key of
 * one that it has forgotten, which may be somebody else's by then. */
void cai_key_part(struct cai_thread *branch)
{
    struct cai_thread *keeper = branch->keeper;
    struct cai_thread *expected = branch;

    if (keeper == NULL)
        return;
    take_key(branch);
    await(keeper);
    uintptr_t recent = (uintptr_t)branch - (uintptr_t)keeper;
    cai_swap_strong_acq_rel(&keeper->recent, &recent, 0);
    cai_swap_strong_acq_rel(&keeper->branches[cai_key_known(branch->grant.authority)], &expected, NULL);
    await(keeper);
    cai_store_relaxed(&branch->keeper, NULL);
}

bool cai_branch_switch(ca_authority authority)
{
    struct cai_thread *thread = cai_self;
    bool switched = false;

    const struct cai_thread *recent = cai_branch_step_inside(thread);
    const struct cai_thread *branch = cai_load_relaxed(&thread->branches[cai_key_known(authority)]);
    if (branch != NULL && branch != recent && cai_load_acquire(&branch->key[0]) == authority.opaque[0] &&
        cai_load_relaxed(&branch->key[1]) == authority.opaque[1]) {
        cai_store_relaxed(&thread->recent, (uintptr_t)branch - (uintptr_t)thread);
        switched = true;
    }
    cai_branch_leave(thread);
    return switched;
}
