/* See branch.h. */
#include "heap/branch.h"

#include "estate/meta.h"
#include "heap/large.h"
#include "heap/owned.h"
#include "os/os.h"

/* Taking credit back may have to be repeated: others take it at the same time. */
enum { RECLAIMS_MAX = 1000 };

static struct {
    struct cai_lock lock;     /* who serves whom; not needed by a keeper for its own branch */
    struct cai_thread *first; /* atomic; only grows */
} branches;

struct cai_thread *cai_branch_first(void)
{
    return cai_load_acquire(&branches.first);
}

#define FOR_BRANCHES(branch)                                                                                           \
    for (struct cai_thread *branch = cai_branch_first(); branch != NULL; branch = branch->next_branch)

struct cai_thread *cai_branch_of_owner(uint32_t owner)
{
    struct cai_thread *thread = cai_thread_of_id(owner);

    return thread != NULL && thread->is_branch ? thread : NULL;
}

bool cai_branch_serves(uint32_t node)
{
    FOR_BRANCHES(branch)
    if (cai_load_relaxed(&branch->node) == node)
        return true;
    return false;
}

CAI_NO_TSAN size_t cai_branch_credit(const struct cai_thread *branch)
{
    size_t bytes = cai_load_relaxed(&branch->uncharged);

    for (unsigned place = 0; place < CAI_PLACES; place++)
        for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++)
            bytes += (size_t)branch->bins[place][size_class].count * cai_class_sizes[size_class];
    return bytes;
}

/* --- whom it serves; `use` is held --- */

/* Its first word is looked at by those who search, without the lock. */
static void set_grant(struct cai_thread *branch, const struct cai_grant *grant)
{
    cai_store_relaxed(&branch->node, grant->node);
    branch->grant.node = grant->node;
    branch->grant.rights = grant->rights;
    cai_store_relaxed(&branch->grant.authority.opaque[0], grant->authority.opaque[0]);
    branch->grant.authority.opaque[1] = grant->authority.opaque[1];
}

/* A branch without blocks and without credit serves nobody. */
static void retire(struct cai_thread *branch)
{
    cai_key_part(branch);
    set_grant(branch, &(struct cai_grant){0, 0, {{0, 0}}});
}

/* --- finding the branch --- */

static bool is_for(const struct cai_thread *branch, const struct cai_grant *grant, const struct cai_thread *keeper)
{
    return cai_load_relaxed(&branch->grant.authority.opaque[0]) == grant->authority.opaque[0] &&
           cai_load_relaxed(&branch->keeper) == keeper;
}

/* A branch that this keeper can use for the authority, or one that serves nobody. branches.lock is held. */
static struct cai_thread *find(const struct cai_grant *grant, const struct cai_thread *keeper)
{
    struct cai_thread *spare = NULL;
    struct cai_thread *orphan = NULL;

    FOR_BRANCHES(branch)
    {
        if (is_for(branch, grant, keeper))
            return branch;
        if (is_for(branch, grant, NULL))
            orphan = branch;
        else if (cai_load_relaxed(&branch->node) == CAI_NODE_DEFAULT && cai_load_relaxed(&branch->keeper) == NULL)
            spare = branch;
    }
    return orphan != NULL ? orphan : spare;
}

static struct cai_thread *create(void)
{
    struct cai_thread *branch = cai_thread_create_branch();

    if (branch == NULL)
        return NULL;
    cai_key_start(branch);
    branch->next_branch = branches.first;
    cai_store_release(&branches.first, branch);
    return branch;
}

/* The keeper's branch for the authority, its `use` held; NULL: out of memory. A keeper of NULL: nobody in particular,
 * every time under the lock. */
static struct cai_thread *take_use(const struct cai_grant *grant, struct cai_thread *keeper)
{
    struct cai_thread *known =
        keeper != NULL ? cai_load_relaxed(&keeper->branches[cai_key_known(grant->authority)]) : NULL;

    if (known != NULL) {
        cai_lock_take(&known->use);
        if (is_for(known, grant, keeper))
            return known;
        cai_lock_give(&known->use);
    }
    cai_lock_take(&branches.lock);
    struct cai_thread *branch = find(grant, keeper);
    if (branch == NULL)
        branch = create();
    if (branch != NULL) {
        cai_lock_take(&branch->use);
        set_grant(branch, grant);
        cai_store_relaxed(&branch->keeper, keeper);
        if (keeper != NULL)
            cai_store_relaxed(&keeper->branches[cai_key_known(grant->authority)], branch);
    }
    cai_lock_give(&branches.lock);
    return branch;
}

static struct cai_thread *own_heap(void)
{
    if (cai_self == &cai_thread_none)
        cai_thread_attach();
    return cai_self->id != 0 ? cai_self : NULL;
}

/* --- credit --- */

uint32_t cai_branch_charge(struct cai_thread *branch, uint32_t want, size_t slot_bytes)
{
    for (branch->refused = CA_OK; want != 0; want /= 2) {
        branch->refused = cai_authority_charge(branch, &branch->grant, want * slot_bytes);
        if (branch->refused != CA_ERROR_QUOTA)
            break;
    }
    return branch->refused == CA_OK ? want : 0;
}

static size_t flush(struct cai_thread *branch)
{
    cai_key_shut(branch);
    cai_cache_flush_all(branch);
    size_t bytes = cai_authority_settle(branch);
    cai_key_open(branch);
    return bytes;
}

/* Whom it serves may change meanwhile, to nobody: branches.lock is held. */
static bool serves_within(const struct cai_thread *branch, uint32_t above)
{
    uint32_t node = cai_load_relaxed(&branch->node);

    return node != CAI_NODE_DEFAULT && cai_authority_is_within(node, above);
}

/* Takes the unused credit of every branch whose authority has a limit in common with this node's. False: there was
 * none. */
static bool reclaim(uint32_t node)
{
    uint32_t top = cai_authority_top(node);
    size_t taken = 0;

    cai_lock_take(&branches.lock);
    FOR_BRANCHES(branch)
    if (serves_within(branch, top)) {
        cai_lock_take(&branch->use);
        taken += flush(branch);
        cai_lock_give(&branch->use);
    }
    cai_lock_give(&branches.lock);
    return taken != 0;
}

struct cai_thread *cai_branch_lock_owner(const uint32_t *owner)
{
    for (;;) {
        uint32_t id = cai_load_acquire(owner);
        struct cai_thread *branch = cai_branch_of_owner(id);
        if (branch == NULL)
            return NULL;
        cai_lock_take(&branch->use);
        if (cai_load_acquire(owner) == id)
            return branch;
        cai_lock_give(&branch->use); /* handed over meanwhile */
    }
}

void cai_branch_uncharge(const uint32_t *owner, size_t bytes)
{
    struct cai_thread *branch = cai_branch_lock_owner(owner);

    if (branch == NULL)
        return;
    cai_add_release(&branch->uncharged, bytes);
    cai_lock_give(&branch->use);
}

/* In one go: who takes the branch apart meanwhile would meet a unit that is no longer a block of it. */
void cai_branch_release(uint32_t *owner, size_t bytes)
{
    struct cai_thread *branch = cai_branch_lock_owner(owner);

    if (branch == NULL)
        return;
    cai_add_release(&branch->uncharged, bytes);
    cai_store_release(owner, 0);
    cai_lock_give(&branch->use);
}

uint32_t cai_branch_node_of_owner(uint32_t owner)
{
    const struct cai_thread *branch = cai_branch_of_owner(owner);

    return branch == NULL ? CAI_NODE_DEFAULT : cai_load_relaxed(&branch->node);
}

/* --- allocation --- */

static void *take_large(struct cai_thread *branch, enum cai_place place, size_t bytes, size_t align, bool zeroed)
{
    size_t charge = cai_large_charge(bytes);

    branch->refused = charge == 0 ? CA_ERROR_OUT_OF_MEMORY : cai_authority_charge(branch, &branch->grant, charge);
    if (branch->refused != CA_OK)
        return NULL;
    void *block = cai_large_take_for(branch, place, bytes, align, zeroed);
    if (block == NULL) {
        branch->refused = CA_ERROR_OUT_OF_MEMORY;
        cai_add_release(&branch->uncharged, charge);
    }
    return block;
}

static void *take(const struct cai_grant *grant, enum cai_place place, size_t bytes, size_t align, bool zeroed,
                  ca_error *error)
{
    unsigned size_class = cai_class_for(bytes, align);
    struct cai_thread *branch = take_use(grant, own_heap());
    void *twice = NULL;

    *error = CA_ERROR_OUT_OF_MEMORY;
    if (branch == NULL)
        return NULL;
    branch->refused = CA_OK;
    void *block = size_class != 0 ? cai_cache_take_for(branch, place, size_class, zeroed, bytes, &twice)
                                  : take_large(branch, place, bytes, align, zeroed);
    if (block != NULL)
        cai_key_open(branch);
    else if (branch->refused != CA_OK)
        *error = branch->refused;
    if (block == NULL && branch->charged == 0 && !cai_authority_is(grant))
        retire(branch); /* the authority was revoked before this branch was there: nobody else will come for it */
    cai_lock_give(&branch->use);
    if (twice == NULL)
        return block;
    cai_cache_report_twice(place, size_class, twice);
    return take(grant, place, bytes, align, zeroed, error);
}

void *cai_branch_allocate(const struct cai_grant *grant, enum cai_place place, size_t bytes, size_t align, bool zeroed,
                          ca_error *error)
{
    void *block = take(grant, place, bytes, align, zeroed, error);

    /* Once more when there was no credit left: another thread may have taken it back, and more than it needed. */
    bool more = true;
    for (unsigned i = 0; block == NULL && *error == CA_ERROR_QUOTA && i < RECLAIMS_MAX && more; i++) {
        more = reclaim(grant->node);
        block = take(grant, place, bytes, align, zeroed, error);
    }
    return block;
}

static bool grow_large(const struct cai_grant *grant, enum cai_place place, size_t granule, size_t bytes,
                       ca_error *error)
{
    struct cai_thread *branch = cai_branch_lock_owner(cai_large_owner(place, granule));
    bool grown = false;

    *error = CA_ERROR_NOT_PERMITTED;
    if (branch == NULL)
        return false;
    size_t before = cai_large_run_bytes(place, granule);
    size_t after = cai_large_charge(bytes);
    size_t more = after > before ? after - before : 0;
    if (after != 0 && branch->grant.authority.opaque[0] == grant->authority.opaque[0])
        *error = cai_authority_charge(branch, grant, more);
    if (*error == CA_OK) {
        grown = cai_large_grow_in_place(place, granule, bytes);
        if (!grown)
            cai_add_release(&branch->uncharged, more);
    }
    cai_lock_give(&branch->use);
    return grown;
}

bool cai_branch_grow_large(const struct cai_grant *grant, enum cai_place place, size_t granule, size_t bytes)
{
    ca_error error;
    bool grown = grow_large(grant, place, granule, bytes, &error);

    return grown ||
           (error == CA_ERROR_QUOTA && reclaim(grant->node) && grow_large(grant, place, granule, bytes, &error));
}

bool cai_branch_put(struct cai_thread *branch, enum cai_place place, unsigned size_class, uint8_t *state, void *address)
{
    struct cai_thread *thread = cai_self;
    struct cai_bin *bin = &branch->bins[place][size_class];
    bool done = false;

    if (thread->id == 0 || cai_load_relaxed(&branch->keeper) != thread)
        return false;
    cai_branch_step_inside(thread);
    if (cai_load_acquire(&branch->key[0]) != 0 && cai_load_relaxed(&branch->keeper) == thread &&
        bin->count < bin->limit) {
        cai_store_relaxed(state, cai_state_freed(place, CAI_STATE_CACHED));
        bin->slots[bin->count++] = address;
        done = true;
    }
    cai_branch_leave(thread);
    return done;
}

/* --- taking branches apart --- */

bool cai_branch_free_all(const struct cai_grant *grant)
{
    cai_lock_take(&branches.lock);
    /* A node that ended may be another heap's by now; while the lock is held it stays what it is. */
    bool alive = cai_authority_is(grant);
    FOR_BRANCHES(branch)
    if (alive && serves_within(branch, grant->node)) {
        cai_lock_take(&branch->use);
        cai_key_shut(branch);
        cai_owned_discard(branch);
        cai_authority_clear(branch);
        cai_key_open(branch);
        cai_lock_give(&branch->use);
    }
    cai_lock_give(&branches.lock);
    return alive;
}

/* Where the blocks of a dead node's branch go: a branch of the heir, its `use` held, or the heap that threads share.
 * Nobody's bins: what is freed there goes straight to the slab, and few slots do not keep many slabs. NULL: there is no
 * memory for one. */
static struct cai_thread *heir_of(const struct cai_thread *branch)
{
    struct cai_grant grant;

    if (!cai_authority_heir(branch->node, &grant))
        return cai_thread_borrow();
    struct cai_thread *heir = find(&grant, NULL);
    if (heir == NULL)
        heir = create();
    if (heir == NULL)
        return NULL;
    cai_lock_take(&heir->use);
    set_grant(heir, &grant);
    return heir;
}

/* False: it stays as it is, with its node, until the next time. */
static bool bequeath(struct cai_thread *branch)
{
    struct cai_thread *heir = heir_of(branch);

    if (heir == NULL)
        return false;
    cai_cache_flush_all(branch);
    cai_owned_hand_over(branch, heir);
    cai_authority_hand_over(branch, heir);
    if (heir->is_branch)
        cai_lock_give(&heir->use);
    else
        cai_thread_return();
    return true;
}

/* All that are dead, whoever killed them: each as it was killed. */
void cai_branch_bury(void)
{
    cai_lock_take(&branches.lock);
    FOR_BRANCHES(branch)
    if (!cai_authority_is_alive(cai_load_relaxed(&branch->node))) {
        cai_lock_take(&branch->use);
        bool free_all = cai_authority_is_destroyed(branch->node);
        cai_key_part(branch);
        if (free_all) {
            cai_owned_discard(branch);
            cai_authority_clear(branch);
        }
        if (free_all || bequeath(branch))
            retire(branch);
        cai_lock_give(&branch->use);
    }
    cai_authority_drop();
    cai_lock_give(&branches.lock);
}

void cai_branch_flush(bool idle_only)
{
    FOR_BRANCHES(branch)
    {
        if (cai_load_relaxed(&branch->node) == CAI_NODE_DEFAULT || !cai_lock_try(&branch->use))
            continue;
        if (!idle_only) {
            flush(branch);
        } else if (cai_branch_credit(branch) != 0) {
            cai_key_shut(branch);
            cai_cache_flush_idle(branch);
            cai_authority_settle(branch);
            cai_key_open(branch);
        }
        cai_lock_give(&branch->use);
    }
}

void cai_branch_detach(struct cai_thread *keeper)
{
    FOR_BRANCHES(branch)
    if (cai_load_relaxed(&branch->keeper) == keeper) {
        cai_lock_take(&branch->use);
        if (branch->keeper == keeper) {
            cai_cache_flush_all(branch);
            cai_key_part(branch);
        }
        cai_lock_give(&branch->use);
    }
}

/* --- fork --- */

void cai_branch_lock_all(void)
{
    cai_lock_hold_for_fork(&branches.lock);
    FOR_BRANCHES(branch) cai_lock_hold_for_fork(&branch->use);
}

void cai_branch_unlock_all(void)
{
    FOR_BRANCHES(branch) cai_lock_give_after_fork(&branch->use);
    cai_lock_give_after_fork(&branches.lock);
}

/* A keeper that is not there may have stopped inside: what it had in its hand stays charged, like a block that nobody
 * will give back. */
void cai_branch_after_fork_in_child(void)
{
    cai_key_after_fork_in_child();
    FOR_BRANCHES(branch)
    if (branch->keeper != NULL && branch->keeper != cai_self) {
        branch->keeper->inside = 0;
        cai_cache_salvage(branch);
        cai_key_part(branch);
    } else if (branch->keeper == cai_self) {
        cai_key_shut(branch); /* opened anew when it is used, if the child has the barrier, too */
    }
}
