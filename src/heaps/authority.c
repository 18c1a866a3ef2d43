/* See authority.h and tree.h: who is who. */
#include "heaps/authority.h"

#include "heaps/tree.h"
#include "os/os.h"
#include "pages/meta.h"

#include <string.h>

bool cai_authority_find(ca_authority authority, struct cai_grant *grant)
{
    uint32_t number = (uint32_t)(authority.opaque[0] & ((1u << CAI_NODE_BITS) - 1));

    if (authority.opaque[0] == cai_sealed.secret && authority.opaque[1] == 0) {
        *grant = (struct cai_grant){CAI_NODE_DEFAULT, CAI_RIGHTS_OF_DEFAULT, authority};
        return true;
    }
    cai_lock_take(&cai_tree.lock);
    bool found = false;
    if (number != CAI_NODE_DEFAULT && number < cai_tree.count) {
        const struct cai_node *node = cai_node_at(number);
        found = node->life == CAI_LIFE_ALIVE && node->authority.opaque[0] == authority.opaque[0] &&
                node->authority.opaque[1] == authority.opaque[1];
        if (found)
            *grant = (struct cai_grant){number, node->rights, authority};
    }
    cai_lock_give(&cai_tree.lock);
    return found;
}

static uintptr_t token_of(uint64_t second, uint32_t number)
{
    return (uintptr_t)((second & ~(uint64_t)((1u << CAI_NODE_BITS) - 1)) | number);
}

uintptr_t cai_authority_token(const struct cai_grant *grant)
{
    return token_of(grant->authority.opaque[1], grant->node);
}

/* Without the lock: words that belong together no more are no authority. */
bool cai_authority_of_token(uintptr_t token, ca_authority *out)
{
    uint32_t number = (uint32_t)(token & ((1u << CAI_NODE_BITS) - 1));

    if (number == CAI_NODE_DEFAULT || number >= cai_load_acquire(&cai_tree.count))
        return false;
    const struct cai_node *node = cai_node_at(number);
    out->opaque[0] = cai_load_relaxed(&node->authority.opaque[0]);
    out->opaque[1] = cai_load_relaxed(&node->authority.opaque[1]);
    return token_of(out->opaque[1], number) == token;
}

/* --- nodes --- */

/* A new number and its node; 0: out of memory. */
static uint32_t take_number(void)
{
    uint32_t number = cai_tree.unused;

    if (number != 0) {
        cai_tree.unused = cai_node_at(number)->next;
        return number;
    }
    number = cai_tree.count;
    if (number == CAI_NODES_PER_BLOCK * CAI_NODE_BLOCKS)
        return 0;
    struct cai_node **block = &cai_tree_blocks[number / CAI_NODES_PER_BLOCK];
    if (*block == NULL)
        *block = cai_meta_allocate(CAI_NODES_PER_BLOCK * sizeof(struct cai_node));
    if (*block == NULL)
        return 0;
    cai_store_release(&cai_tree.count, cai_tree.count + 1);
    return number;
}

static void set_name(struct cai_node *node, const char *name)
{
    size_t length = name == NULL ? 0 : strnlen(name, CA_HEAP_NAME_MAX);

    if (length != 0)
        memcpy(node->name, name, length);
}

static void link_child(uint32_t number)
{
    struct cai_node *node = cai_node_at(number);

    if (node->parent == CAI_NODE_DEFAULT)
        return;
    node->next_child = cai_node_at(node->parent)->first_child;
    cai_node_at(node->parent)->first_child = number;
    if (node->next_child != 0)
        cai_node_at(node->next_child)->previous_child = number;
}

/* The lock is held. The second word is never 0: nobody mistakes it for the default authority's. It lives last: what is
 * not whole lives in no child. */
static struct cai_node *add(uint32_t parent, unsigned rights, size_t quota)
{
    uint32_t number = take_number();

    if (number == 0)
        return NULL;
    struct cai_node *node = cai_node_at(number);
    *node = (struct cai_node){.parent = parent, .heap = number, .rights = rights, .quota = quota};
    cai_store_relaxed(&node->authority.opaque[0], ++cai_tree.serial << CAI_NODE_BITS | number);
    cai_store_relaxed(&node->authority.opaque[1], cai_os_random() | 1);
    link_child(number);
    cai_fence_for_compiler();
    node->life = CAI_LIFE_ALIVE;
    return node;
}

static void unlink_child(uint32_t number)
{
    const struct cai_node *node = cai_node_at(number);

    if (node->parent == CAI_NODE_DEFAULT)
        return;
    if (node->previous_child != 0)
        cai_node_at(node->previous_child)->next_child = node->next_child;
    else
        cai_node_at(node->parent)->first_child = node->next_child;
    if (node->next_child != 0)
        cai_node_at(node->next_child)->previous_child = node->previous_child;
}

ca_error cai_authority_add(const struct cai_grant *parent, unsigned rights, size_t quota, const char *name,
                           ca_authority *out)
{
    ca_error error = CA_ERROR_NOT_PERMITTED;
    uint32_t above = parent == NULL ? CAI_NODE_DEFAULT : parent->node;

    cai_lock_take(&cai_tree.lock);
    if (parent == NULL || cai_node_is(parent)) {
        struct cai_node *node = add(above, rights, quota);
        error = node == NULL ? CA_ERROR_OUT_OF_MEMORY : CA_OK;
        if (node != NULL) {
            /* What is derived from the default authority allocates from the default heap. */
            if (parent != NULL)
                node->heap = above == CAI_NODE_DEFAULT ? CAI_NODE_DEFAULT : cai_node_at(above)->heap;
            set_name(node, name);
            *out = node->authority;
        }
    }
    cai_lock_give(&cai_tree.lock);
    return error;
}

/* The next node of the subtree of `top` in depth-first order; 0 after the last one. */
static uint32_t next_below(uint32_t number, uint32_t top)
{
    if (cai_node_at(number)->first_child != 0)
        return cai_node_at(number)->first_child;
    while (number != top && cai_node_at(number)->next_child == 0)
        number = cai_node_at(number)->parent;
    return number == top ? 0 : cai_node_at(number)->next_child;
}

bool cai_authority_kill(const struct cai_grant *grant, bool with_blocks)
{
    cai_lock_take(&cai_tree.lock);
    bool alive = grant->node != CAI_NODE_DEFAULT && cai_node_is(grant);
    for (uint32_t number = alive ? grant->node : 0; number != 0; number = next_below(number, grant->node)) {
        struct cai_node *node = cai_node_at(number);
        if (node->life == CAI_LIFE_ALIVE) {
            node->next = cai_tree.killed;
            cai_tree.killed = number;
        }
        node->life = with_blocks ? CAI_LIFE_DESTROYED : CAI_LIFE_KILLED;
    }
    cai_lock_give(&cai_tree.lock);
    return alive;
}

/* Some account has this node. */
static bool is_served(uint32_t number)
{
    for (const struct cai_account *account = cai_registry_first_account(); account != NULL;
         account = account->next_account)
        if (cai_load_relaxed(&account->node) == number)
            return true;
    return false;
}

void cai_authority_drop(void)
{
    cai_lock_take(&cai_tree.lock);
    for (uint32_t *link = &cai_tree.killed; *link != 0;) {
        uint32_t number = *link;
        struct cai_node *node = cai_node_at(number);
        if (node->first_child != 0 || is_served(number)) {
            link = &node->next;
            continue;
        }
        *link = node->next;
        unlink_child(number);
        memset(node, 0, sizeof *node);
        node->next = cai_tree.unused;
        cai_tree.unused = number;
    }
    cai_lock_give(&cai_tree.lock);
}

/* --- the shape of the tree --- */

bool cai_authority_is_within(uint32_t node, uint32_t above)
{
    cai_lock_take(&cai_tree.lock);
    bool within = cai_node_is_within(node, above);
    cai_lock_give(&cai_tree.lock);
    return within;
}

bool cai_authority_is_destroyed(uint32_t node)
{
    cai_lock_take(&cai_tree.lock);
    bool destroyed = node != CAI_NODE_DEFAULT && cai_node_at(node)->life == CAI_LIFE_DESTROYED;
    cai_lock_give(&cai_tree.lock);
    return destroyed;
}

bool cai_authority_is(const struct cai_grant *grant)
{
    cai_lock_take(&cai_tree.lock);
    bool alive = cai_node_is(grant);
    cai_lock_give(&cai_tree.lock);
    return alive;
}

bool cai_authority_is_alive(uint32_t node)
{
    cai_lock_take(&cai_tree.lock);
    bool alive = node == CAI_NODE_DEFAULT || cai_node_at(node)->life == CAI_LIFE_ALIVE;
    cai_lock_give(&cai_tree.lock);
    return alive;
}

bool cai_authority_heir(uint32_t node, struct cai_grant *heir)
{
    cai_lock_take(&cai_tree.lock);
    while (node != CAI_NODE_DEFAULT && cai_node_at(node)->life != CAI_LIFE_ALIVE)
        node = cai_node_at(node)->parent;
    if (node != CAI_NODE_DEFAULT)
        *heir = (struct cai_grant){node, cai_node_at(node)->rights, cai_node_at(node)->authority};
    cai_lock_give(&cai_tree.lock);
    return node != CAI_NODE_DEFAULT;
}

uint32_t cai_authority_top(uint32_t node)
{
    cai_lock_take(&cai_tree.lock);
    while (node != CAI_NODE_DEFAULT && cai_node_at(node)->parent != CAI_NODE_DEFAULT)
        node = cai_node_at(node)->parent;
    cai_lock_give(&cai_tree.lock);
    return node;
}

uint32_t cai_authority_heap(uint32_t node)
{
    if (node == CAI_NODE_DEFAULT)
        return CAI_NODE_DEFAULT;
    cai_lock_take(&cai_tree.lock);
    uint32_t heap = cai_node_at(node)->heap;
    cai_lock_give(&cai_tree.lock);
    return heap;
}

/* --- fork --- */

bool cai_authority_of_node(uint32_t number, struct cai_grant *grant)
{
    const struct cai_node *node = cai_node_at(number);

    if (node->life != CAI_LIFE_ALIVE)
        return false;
    *grant = (struct cai_grant){number, node->rights, node->authority};
    return true;
}

/* All links anew, by what each node says of itself: its life and its parent. */
static void relink(void)
{
    cai_tree.unused = cai_tree.killed = 0;
    for (uint32_t number = 1; number < cai_tree.count; number++) {
        struct cai_node *node = cai_node_at(number);
        node->first_child = node->next_child = node->previous_child = node->next = 0;
    }
    for (uint32_t number = 1; number < cai_tree.count; number++) {
        struct cai_node *node = cai_node_at(number);
        uint32_t *list = node->life == CAI_LIFE_UNUSED ? &cai_tree.unused : &cai_tree.killed;
        if (node->life != CAI_LIFE_UNUSED)
            link_child(number);
        if (node->life != CAI_LIFE_ALIVE) {
            node->next = *list;
            *list = number;
        }
    }
}

bool cai_authority_repair(void)
{
    bool lost = cai_lock_inherit(&cai_tree.lock) == CAI_LOCK_LOST;

    if (lost)
        relink();
    return lost;
}
