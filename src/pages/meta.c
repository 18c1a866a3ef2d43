/* The metadata allocator: a range handed out in ascending order, and a list of returned pieces for each power of two.
 * Lists run through the pieces themselves: this memory is the allocator's alone.
 */
#include "pages/meta.h"

#include "base/bits.h"
#include "core/settings.h"
#include "os/lock.h"
#include "os/os.h"

#include <string.h>

enum { ORDERS = 40, ORDER_MIN = 6, PAGE_ORDER = 12 };
static const size_t step_bytes = 64 * CAI_KIB;

struct piece {
    struct piece *next;
};

/* Free pieces of whole pages are not resident, so their list is not in them. What it has no room for stays as it is. */
enum { EMPTIED_MAX = 64 };
struct emptied {
    void *memory; /* NULL: none */
    unsigned order;
};

static struct {
    struct cai_lock lock;
    uintptr_t next;      /* not handed out yet */
    uintptr_t committed; /* mapped up to here */
    size_t mapping;      /* and perhaps as far behind it */
    uintptr_t end;
    struct piece *free[ORDERS];
    struct emptied emptied[EMPTIED_MAX];
    size_t bytes; /* read without the lock */
} meta = {.lock = CAI_LOCK_INIT(CAI_RANK_META)};

static unsigned order_of(size_t bytes)
{
    return bytes <= (size_t)1 << ORDER_MIN ? ORDER_MIN : cai_log2(bytes - 1) + 1;
}

void cai_meta_start(uintptr_t address, size_t length, uint64_t random)
{
    uintptr_t offset = random % (length / 4) & ~((size_t)65536 - 1);

    meta.next = meta.committed = address + 65536 + offset;
    meta.end = address + length;
}

static void *carve(size_t bytes)
{
    uintptr_t start = bytes >= (size_t)1 << PAGE_ORDER ? cai_round_up(meta.next, (size_t)1 << PAGE_ORDER) : meta.next;

    if (bytes > meta.end - start)
        return NULL;
    if (start + bytes > meta.committed) {
        size_t length = cai_round_up(start + bytes - meta.committed, step_bytes);
        meta.mapping = length;
        cai_fence_for_compiler();
        if (cai_os_map(meta.committed, length, true) != CAI_MAP_DONE)
            return NULL;
        cai_os_name(meta.committed, length, "capalloc: metadata");
        meta.committed += length;
        cai_fence_for_compiler();
        meta.mapping = 0;
    }
    meta.next = start + bytes;
    cai_store_relaxed(&meta.bytes, meta.bytes + bytes);
    return (void *)start;
}

/* Of two pieces in a row, each up to half as long as a page, one does not. */
static bool looks_like(const void *other, const void *memory, size_t bytes)
{
    const size_t page = (size_t)1 << PAGE_ORDER;

    return other != NULL && bytes <= page / 2 && ((uintptr_t)other - (uintptr_t)memory) % page < bytes;
}

static struct piece *take_free(const void *other, unsigned order)
{
    struct piece **link = &meta.free[order];

    while (*link != NULL && looks_like(other, *link, (size_t)1 << order))
        link = &(*link)->next;
    struct piece *piece = *link;
    if (piece != NULL)
        *link = piece->next;
    return piece;
}

static void put_free(struct piece *piece, unsigned order)
{
    piece->next = meta.free[order];
    cai_fence_for_compiler();
    meta.free[order] = piece;
}

static bool empty(void *memory, unsigned order)
{
    size_t length = (size_t)1 << order;

    return length >= cai_max(cai_settings->page_bytes, (size_t)1 << PAGE_ORDER) &&
           cai_os_discard((uintptr_t)memory, length);
}

/* Whether a piece is in the list is one store: a child of a fork finds it there or not. */
static bool put_emptied(void *memory, unsigned order)
{
    for (unsigned i = 0; i < EMPTIED_MAX; i++)
        if (meta.emptied[i].memory == NULL) {
            meta.emptied[i].order = order;
            cai_fence_for_compiler();
            meta.emptied[i].memory = memory;
            return true;
        }
    return false;
}

static void *take_emptied(unsigned order)
{
    for (unsigned i = 0; i < EMPTIED_MAX; i++) {
        void *memory = meta.emptied[i].memory;
        if (memory != NULL && meta.emptied[i].order == order) {
            meta.emptied[i].memory = NULL;
            return memory;
        }
    }
    return NULL;
}

void *cai_meta_allocate_beside(const void *other, size_t bytes)
{
    unsigned order = order_of(bytes);
    size_t length = (size_t)1 << order;

    cai_lock_take(&meta.lock);
    void *emptied = order >= PAGE_ORDER ? take_emptied(order) : NULL;
    struct piece *piece = emptied == NULL ? take_free(other, order) : NULL;
    cai_lock_give(&meta.lock);
    if (emptied != NULL)
        return emptied;
    if (piece != NULL)
        return memset(piece, 0, bytes);
    cai_lock_take(&meta.lock);
    void *fresh = carve(length);
    if (fresh != NULL && looks_like(other, fresh, length)) {
        put_free(fresh, order);
        fresh = carve(length);
    }
    cai_lock_give(&meta.lock);
    return fresh;
}

void *cai_meta_allocate(size_t bytes)
{
    return cai_meta_allocate_beside(NULL, bytes);
}

void *cai_meta_allocate_in_handler(size_t bytes)
{
    return cai_lock_is_mine(&meta.lock) ? NULL : cai_meta_allocate(bytes);
}

void cai_meta_free(void *memory, size_t bytes)
{
    unsigned order = order_of(bytes);
    bool emptied = empty(memory, order);

    cai_lock_take(&meta.lock);
    if (!emptied || !put_emptied(memory, order))
        put_free(memory, order);
    cai_lock_give(&meta.lock);
}

size_t cai_meta_bytes(void)
{
    return cai_load_relaxed(&meta.bytes);
}

void cai_meta_repair(void)
{
    if (cai_lock_inherit(&meta.lock) != CAI_LOCK_LOST)
        return;
    if (meta.mapping != 0)
        cai_os_unmap(meta.committed, meta.mapping);
    cai_lock_repaired(&meta.lock);
}
