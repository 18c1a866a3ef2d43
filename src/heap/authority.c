/* See authority.h. Nodes lie in blocks that are never given back, so that a number is always a node; a dead one gets
 * new words when it is used again, and the old ones never come back.
 */
#include "heap/authority.h"

#include "estate/meta.h"
#include "heap/branch.h"
#include "os/os.h"

#include <string.h>

enum { NODES_PER_BLOCK = 256, BLOCKS_MAX = 4096, NODE_BITS = 20 };

enum life { UNUSED, ALIVE, KILLED, DESTROYED };

struct node {
    ca_authority authority;
    uint32_t parent; /* CAI_NODE_DEFAULT for roots, too */
    uint32_t heap;   /* the root of its tree */
    uint32_t rights;
    uint32_t life;
    size_t quota;   /* SIZE_MAX: none of its own */
    size_t charged; /* to it and everything below it */
    uint32_t first_child, next_child, previous_child;
    uint32_t next; /* list of unused or of killed nodes */
    char name[CA_HEAP_NAME_MAX + 1];
};

static struct {
    struct cai_lock lock;
    struct node *blocks[BLOCKS_MAX];
    uint32_t count;  /* nodes there are, the default one included */
    uint32_t unused; /* list, 0: empty */
    uint32_t killed; /* list: children come before their parents */
    uint64_t serial; /* of the last authority made: no two have the same first word */
} tree = {.count = 1};

static struct node *node_at(uint32_t number)
{
    return &tree.blocks[number / NODES_PER_BLOCK][number % NODES_PER_BLOCK];
}

static bool is_alive(const struct cai_grant *grant)
{
    if (grant->node == CAI_NODE_DEFAULT)
        return true;
    const struct node *node = node_at(grant->node);
    return node->life == ALIVE && node->authority.opaque[0] == grant->authority.opaque[0];
}

bool cai_authority_find(ca_authority authority, struct cai_grant *grant)
{
    uint32_t number = (uint32_t)(authority.opaque[0] & ((1u << NODE_BITS) - 1));

    if (authority.opaque[0] == cai_sealed.secret && authority.opaque[1] == 0) {
        *grant = (struct cai_grant){CAI_NODE_DEFAULT, CA_RIGHT_ALL & ~CA_RIGHT_DESTROY, authority};
        return true;
    }
    cai_lock_take(&tree.lock);
    bool found = false;
    if (number != CAI_NODE_DEFAULT && number < tree.count) {
        const struct node *node = node_at(number);
        found = node->life == ALIVE && node->authority.opaque[0] == authority.opaque[0] &&
                node->authority.opaque[1] == authority.opaque[1];
        if (found)
            *grant = (struct cai_grant){number, node->rights, authority};
    }
    cai_lock_give(&tree.lock);
    return found;
}

static uintptr_t token_of(uint64_t second, uint32_t number)
{
    return (uintptr_t)((second & ~(uint64_t)((1u << NODE_BITS) - 1)) | number);
}

uintptr_t cai_authority_token(const struct cai_grant *grant)
{
    return token_of(grant->authority.opaque[1], grant->node);
}

/* Without the lock: words that belong together no more are no authority. */
bool cai_authority_of_token(uintptr_t token, ca_authority *out)
{
    uint32_t number = (uint32_t)(token & ((1u << NODE_BITS) - 1));

    if (number == CAI_NODE_DEFAULT || number >= cai_load_acquire(&tree.count))
        return false;
    const struct node *node = node_at(number);
    out->opaque[0] = cai_load_relaxed(&node->authority.opaque[0]);
    out->opaque[1] = cai_load_relaxed(&node->authority.opaque[1]);
    return token_of(out->opaque[1], number) == token;
}

/* --- nodes --- */

/* A new number and its node; 0: out of memory. */
static uint32_t take_number(void)
{
    uint32_t number = tree.unused;

    if (number != 0) {
        tree.unused = node_at(number)->next;
        return number;
    }
    number = tree.count;
    if (number == NODES_PER_BLOCK * BLOCKS_MAX)
        return 0;
    struct node **block = &tree.blocks[number / NODES_PER_BLOCK];
    if (*block == NULL)
        *block = cai_meta_allocate(NODES_PER_BLOCK * sizeof(struct node));
    if (*block == NULL)
        return 0;
    cai_store_release(&tree.count, tree.count + 1);
    return number;
}

static void set_name(struct node *node, const char *name)
{
    size_t length = name == NULL ? 0 : strnlen(name, CA_HEAP_NAME_MAX);

    if (length != 0)
        memcpy(node->name, name, length);
}

/* The lock is held. The second word is never 0: nobody mistakes it for the default authority's. */
static struct node *add(uint32_t parent, unsigned rights, size_t quota)
{
    uint32_t number = take_number();

    if (number == 0)
        return NULL;
    struct node *node = node_at(number);
    *node = (struct node){.parent = parent, .heap = number, .rights = rights, .life = ALIVE, .quota = quota};
    cai_store_relaxed(&node->authority.opaque[0], ++tree.serial << NODE_BITS | number);
    cai_store_relaxed(&node->authority.opaque[1], cai_os_random() | 1);
    if (parent != CAI_NODE_DEFAULT) {
        node->next_child = node_at(parent)->first_child;
        node_at(parent)->first_child = number;
        if (node->next_child != 0)
            node_at(node->next_child)->previous_child = number;
    }
    return node;
}

static void unlink_child(uint32_t number)
{
    const struct node *node = node_at(number);

    if (node->parent == CAI_NODE_DEFAULT)
        return;
    if (node->previous_child != 0)
        node_at(node->previous_child)->next_child = node->next_child;
    else
        node_at(node->parent)->first_child = node->next_child;
    if (node->next_child != 0)
        node_at(node->next_child)->previous_child = node->previous_child;
}

ca_error cai_authority_add(const struct cai_grant *parent, unsigned rights, size_t quota, const char *name,
                           ca_authority *out)
{
    ca_error error = CA_ERROR_NOT_PERMITTED;
    uint32_t above = parent == NULL ? CAI_NODE_DEFAULT : parent->node;

    cai_lock_take(&tree.lock);
    if (parent == NULL || is_alive(parent)) {
        struct node *node = add(above, rights, quota);
        error = node == NULL ? CA_ERROR_OUT_OF_MEMORY : CA_OK;
        if (node != NULL) {
            /* What is derived from the default authority allocates from the default heap. */
            if (parent != NULL)
                node->heap = above == CAI_NODE_DEFAULT ? CAI_NODE_DEFAULT : node_at(above)->heap;
            set_name(node, name);
            *out = node->authority;
        }
    }
    cai_lock_give(&tree.lock);
    return error;
}

/* The next node of the subtree of `top` in depth-first order; 0 after the last one. */
static uint32_t next_below(uint32_t number, uint32_t top)
{
    if (node_at(number)->first_child != 0)
        return node_at(number)->first_child;
    while (number != top && node_at(number)->next_child == 0)
        number = node_at(number)->parent;
    return number == top ? 0 : node_at(number)->next_child;
}

bool cai_authority_kill(const struct cai_grant *grant, bool with_blocks)
{
    cai_lock_take(&tree.lock);
    bool alive = grant->node != CAI_NODE_DEFAULT && is_alive(grant);
    for (uint32_t number = alive ? grant->node : 0; number != 0; number = next_below(number, grant->node)) {
        struct node *node = node_at(number);
        if (node->life == ALIVE) {
            node->next = tree.killed;
            tree.killed = number;
        }
        node->life = with_blocks ? DESTROYED : KILLED;
    }
    cai_lock_give(&tree.lock);
    return alive;
}

void cai_authority_drop(void)
{
    cai_lock_take(&tree.lock);
    for (uint32_t *link = &tree.killed; *link != 0;) {
        uint32_t number = *link;
        struct node *node = node_at(number);
        if (node->first_child != 0 || cai_branch_serves(number)) {
            link = &node->next;
            continue;
        }
        *link = node->next;
        unlink_child(number);
        memset(node, 0, sizeof *node);
        node->next = tree.unused;
        tree.unused = number;
    }
    cai_lock_give(&tree.lock);
}

/* --- the shape of the tree; the lock is held in the static ones --- */

static bool is_within(uint32_t number, uint32_t above)
{
    while (number != above && number != CAI_NODE_DEFAULT)
        number = node_at(number)->parent;
    return number == above;
}

bool cai_authority_is_within(uint32_t node, uint32_t above)
{
    cai_lock_take(&tree.lock);
    bool within = is_within(node, above);
    cai_lock_give(&tree.lock);
    return within;
}

bool cai_authority_is_destroyed(uint32_t node)
{
    cai_lock_take(&tree.lock);
    bool destroyed = node != CAI_NODE_DEFAULT && node_at(node)->life == DESTROYED;
    cai_lock_give(&tree.lock);
    return destroyed;
}

bool cai_authority_is(const struct cai_grant *grant)
{
    cai_lock_take(&tree.lock);
    bool alive = is_alive(grant);
    cai_lock_give(&tree.lock);
    return alive;
}

bool cai_authority_is_alive(uint32_t node)
{
    cai_lock_take(&tree.lock);
    bool alive = node == CAI_NODE_DEFAULT || node_at(node)->life == ALIVE;
    cai_lock_give(&tree.lock);
    return alive;
}

bool cai_authority_heir(uint32_t node, struct cai_grant *heir)
{
    cai_lock_take(&tree.lock);
    while (node != CAI_NODE_DEFAULT && node_at(node)->life != ALIVE)
        node = node_at(node)->parent;
    if (node != CAI_NODE_DEFAULT)
        *heir = (struct cai_grant){node, node_at(node)->rights, node_at(node)->authority};
    cai_lock_give(&tree.lock);
    return node != CAI_NODE_DEFAULT;
}

uint32_t cai_authority_top(uint32_t node)
{
    cai_lock_take(&tree.lock);
    while (node != CAI_NODE_DEFAULT && node_at(node)->parent != CAI_NODE_DEFAULT)
        node = node_at(node)->parent;
    cai_lock_give(&tree.lock);
    return node;
}

uint32_t cai_authority_heap(uint32_t node)
{
    if (node == CAI_NODE_DEFAULT)
        return CAI_NODE_DEFAULT;
    cai_lock_take(&tree.lock);
    uint32_t heap = node_at(node)->heap;
    cai_lock_give(&tree.lock);
    return heap;
}

/* --- charges --- */

static void take_back(uint32_t number, size_t bytes)
{
    for (; number != CAI_NODE_DEFAULT; number = node_at(number)->parent)
        node_at(number)->charged -= bytes;
}

/* Never more than was charged: a program that frees while it destroys counts a block twice. */
static size_t settle(struct cai_thread *branch)
{
    size_t bytes = cai_min(cai_exchange_acquire(&branch->uncharged, 0), branch->charged);

    branch->charged -= bytes;
    take_back(branch->node, bytes);
    return bytes;
}

size_t cai_authority_settle(struct cai_thread *branch)
{
    cai_lock_take(&tree.lock);
    size_t bytes = settle(branch);
    cai_lock_give(&tree.lock);
    return bytes;
}

void cai_authority_clear(struct cai_thread *branch)
{
    cai_lock_take(&tree.lock);
    settle(branch);
    take_back(branch->node, branch->charged);
    branch->charged = 0;
    cai_lock_give(&tree.lock);
}

void cai_authority_hand_over(struct cai_thread *from, struct cai_thread *to)
{
    cai_lock_take(&tree.lock);
    settle(from);
    to->charged += from->charged;
    from->charged = 0;
    cai_lock_give(&tree.lock);
}

ca_error cai_authority_charge(struct cai_thread *branch, const struct cai_grant *grant, size_t bytes)
{
    ca_error error = CA_ERROR_NOT_PERMITTED;

    cai_lock_take(&tree.lock);
    settle(branch);
    if (is_alive(grant) && branch->node == grant->node) {
        error = CA_OK;
        for (uint32_t number = grant->node; number != CAI_NODE_DEFAULT; number = node_at(number)->parent)
            if (bytes > node_at(number)->quota || node_at(number)->charged > node_at(number)->quota - bytes)
                error = CA_ERROR_QUOTA;
        if (error == CA_OK) {
            branch->charged += bytes;
            for (uint32_t number = grant->node; number != CAI_NODE_DEFAULT; number = node_at(number)->parent)
                node_at(number)->charged += bytes;
        }
    }
    cai_lock_give(&tree.lock);
    return error;
}

/* Charged to the subtree, without the credit that lies unused in the bins of its branches. */
static size_t charged(uint32_t number)
{
    size_t unused = 0;

    for (struct cai_thread *branch = cai_branch_first(); branch != NULL; branch = branch->next_branch)
        if (is_within(cai_load_relaxed(&branch->node), number)) /* number is not the default one */
            unused += cai_branch_credit(branch);
    return node_at(number)->charged - cai_min(unused, node_at(number)->charged);
}

size_t cai_authority_quota(uint32_t node)
{
    size_t least = SIZE_MAX;

    cai_lock_take(&tree.lock);
    for (; node != CAI_NODE_DEFAULT; node = node_at(node)->parent)
        least = cai_min(least, node_at(node)->quota);
    cai_lock_give(&tree.lock);
    return least;
}

size_t cai_authority_remaining(const struct cai_grant *grant)
{
    size_t least = 0;

    cai_lock_take(&tree.lock);
    if (is_alive(grant)) {
        least = SIZE_MAX;
        for (uint32_t node = grant->node; node != CAI_NODE_DEFAULT; node = node_at(node)->parent)
            if (node_at(node)->quota != SIZE_MAX)
                least = cai_min(least, node_at(node)->quota - cai_min(charged(node), node_at(node)->quota));
    }
    cai_lock_give(&tree.lock);
    return least;
}

/* The lock is held. */
static void describe(uint32_t number, ca_authority_info *info)
{
    const struct node *node = node_at(number);

    info->rights = node->rights;
    info->quota_bytes = node->quota;
    info->charged_bytes = charged(number);
    if (node->heap != CAI_NODE_DEFAULT)
        memcpy(info->name, node_at(node->heap)->name, sizeof info->name);
}

bool cai_authority_describe(const struct cai_grant *grant, ca_authority_info *out)
{
    ca_authority_info info = {.rights = CA_RIGHT_ALL & ~CA_RIGHT_DESTROY, .quota_bytes = SIZE_MAX};

    info.struct_size = out->struct_size;
    cai_lock_take(&tree.lock);
    bool alive = is_alive(grant);
    if (alive && grant->node != CAI_NODE_DEFAULT)
        describe(grant->node, &info);
    cai_lock_give(&tree.lock);
    if (alive)
        memcpy(out, &info, cai_min(out->struct_size, sizeof info));
    return alive;
}

void cai_authority_lock(void)
{
    cai_lock_hold_for_fork(&tree.lock);
}

void cai_authority_unlock(void)
{
    cai_lock_give_after_fork(&tree.lock);
}
