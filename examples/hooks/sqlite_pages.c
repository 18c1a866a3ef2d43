/* SQLITE_CONFIG_PCACHE2: a page cache that keeps apart what SQLite's own keeps together. The content of a page is
 * bytes of the file: it holds no pointers, and lies in nocaps memory. The header, our links and the pager's
 * (`extra`) are nothing but pointers, and lie in ordinary memory.
 *
 * Pages are found by a table of chains. Those that nobody holds stand in a ring, the one used last in front. SQLite
 * calls this for one cache from one thread at a time. */
#include "sqlite.h"

#include <string.h>

struct page {
    sqlite3_pcache_page sqlite; /* must be first: what SQLite sees */
    unsigned key;
    bool pinned;
    struct page *chain;         /* the next with the same place in the table */
    struct page *newer, *older; /* in the ring of those that nobody holds */
    ca_nocaps content;
    ca_block self; /* this header, with `extra` behind it */
};

struct cache {
    size_t page_bytes, extra_bytes;
    bool purgeable;
    unsigned wanted; /* pages it may have while others can be thrown away */
    unsigned count;
    unsigned lengths; /* of the table, a power of two */
    struct page **table;
    ca_block table_block, self;
    struct page ring; /* its newer is the oldest */
};

static void leave_ring(struct page *page)
{
    page->newer->older = page->older;
    page->older->newer = page->newer;
}

static void enter_ring(struct cache *cache, struct page *page)
{
    page->older = cache->ring.older;
    page->newer = &cache->ring;
    page->older->newer = page;
    cache->ring.older = page;
}

static struct page **place_of(struct cache *cache, unsigned key)
{
    struct page **at = &cache->table[key & (cache->lengths - 1)];
    while (*at != NULL && (*at)->key != key)
        at = &(*at)->chain;
    return at;
}

/* Takes the page out of the cache and gives its memory back. */
static void discard(struct cache *cache, struct page *page)
{
    struct page **at = place_of(cache, page->key);
    *at = page->chain;
    if (!page->pinned)
        leave_ring(page);
    cache->count--;
    ca_deallocate(page->content);
    ca_deallocate(page->self);
}

/* A table twice as long. It may stay as it is where memory is short. */
static void widen(struct cache *cache)
{
    unsigned lengths = cache->lengths * 2;
    ca_block_result wider = ca_allocate_zeroed(sqlite_heap, CA_LAYOUT_ARRAY(struct page *, lengths));
    if (!ca_is_ok(wider))
        return;
    struct page **table = wider.ptr;
    for (unsigned i = 0; i < cache->lengths; i++)
        for (struct page *page = cache->table[i], *next; page != NULL; page = next) {
            next = page->chain;
            page->chain = table[page->key & (lengths - 1)];
            table[page->key & (lengths - 1)] = page;
        }
    ca_deallocate(cache->table_block);
    cache->table_block = ca_unwrap(wider);
    cache->table = table;
    cache->lengths = lengths;
}

static struct page *new_page(struct cache *cache)
{
    ca_nocaps_result content = ca_allocate_nocaps(sqlite_heap, (ca_layout){cache->page_bytes, 8});
    if (!ca_is_ok(content))
        return NULL;
    ca_block_result header =
        ca_allocate_zeroed(sqlite_heap, (ca_layout){sizeof(struct page) + cache->extra_bytes, _Alignof(struct page)});
    if (!ca_is_ok(header)) {
        ca_deallocate(ca_unwrap(content));
        return NULL;
    }
    struct page *page = header.ptr;
    page->content = ca_unwrap(content);
    page->self = ca_unwrap(header);
    page->sqlite.pBuf = page->content.ptr;
    page->sqlite.pExtra = page + 1;
    return page;
}

static int start(void *data)
{
    (void)data;
    return SQLITE_OK;
}

static void stop(void *data)
{
    (void)data;
}

static sqlite3_pcache *create(int page_bytes, int extra_bytes, int purgeable)
{
    ca_block_result made = ca_allocate_zeroed(sqlite_heap, CA_LAYOUT_OF(struct cache));
    if (!ca_is_ok(made))
        return NULL;
    struct cache *cache = made.ptr;
    ca_block_result table = ca_allocate_zeroed(sqlite_heap, CA_LAYOUT_ARRAY(struct page *, 64));
    if (!ca_is_ok(table)) {
        ca_deallocate(ca_unwrap(made));
        return NULL;
    }
    *cache = (struct cache){.page_bytes = (size_t)page_bytes,
                            .extra_bytes = (size_t)extra_bytes,
                            .purgeable = purgeable != 0,
                            .wanted = 100,
                            .lengths = 64,
                            .table = table.ptr,
                            .table_block = ca_unwrap(table),
                            .self = ca_unwrap(made)};
    cache->ring.newer = cache->ring.older = &cache->ring;
    return (sqlite3_pcache *)cache;
}

static void shrink_to(struct cache *cache, unsigned count)
{
    while (cache->purgeable && cache->count > count && cache->ring.newer != &cache->ring)
        discard(cache, cache->ring.newer);
}

static void set_size(sqlite3_pcache *handle, int pages)
{
    struct cache *cache = (struct cache *)handle;
    cache->wanted = (unsigned)pages;
    shrink_to(cache, cache->wanted);
}

static int page_count(sqlite3_pcache *handle)
{
    return (int)((struct cache *)handle)->count;
}

/* create: 0 only what is there, 1 where it is easy, 2 at all cost. */
static sqlite3_pcache_page *fetch(sqlite3_pcache *handle, unsigned key, int create_it)
{
    struct cache *cache = (struct cache *)handle;
    struct page *page = *place_of(cache, key);
    if (page != NULL) {
        if (!page->pinned)
            leave_ring(page);
        page->pinned = true;
        return &page->sqlite;
    }
    if (create_it == 0 ||
        (create_it == 1 && cache->purgeable && cache->count >= cache->wanted && cache->ring.newer == &cache->ring))
        return NULL;
    if (cache->wanted > 0)
        shrink_to(cache, cache->wanted - 1);
    if (cache->count >= cache->lengths)
        widen(cache);
    page = new_page(cache);
    if (page == NULL) {
        shrink_to(cache, 0); /* rather a small cache than none */
        page = new_page(cache);
    }
    if (page == NULL)
        return NULL;
    page->key = key;
    page->pinned = true;
    page->chain = cache->table[key & (cache->lengths - 1)];
    cache->table[key & (cache->lengths - 1)] = page;
    cache->count++;
    return &page->sqlite;
}

static void unpin(sqlite3_pcache *handle, sqlite3_pcache_page *sqlite, int discard_it)
{
    struct cache *cache = (struct cache *)handle;
    struct page *page = (struct page *)sqlite;
    if (discard_it) {
        discard(cache, page);
        return;
    }
    page->pinned = false;
    enter_ring(cache, page);
    shrink_to(cache, cache->wanted);
}

static void rekey(sqlite3_pcache *handle, sqlite3_pcache_page *sqlite, unsigned old_key, unsigned new_key)
{
    struct cache *cache = (struct cache *)handle;
    struct page *page = (struct page *)sqlite, *there = *place_of(cache, new_key);
    if (there != NULL)
        discard(cache, there);
    *place_of(cache, old_key) = page->chain;
    page->key = new_key;
    page->chain = cache->table[new_key & (cache->lengths - 1)];
    cache->table[new_key & (cache->lengths - 1)] = page;
}

/* Pages from this key on are gone, held or not. */
static void truncate_from(sqlite3_pcache *handle, unsigned first)
{
    struct cache *cache = (struct cache *)handle;
    for (unsigned i = 0; i < cache->lengths; i++)
        for (struct page *page = cache->table[i], *next; page != NULL; page = next) {
            next = page->chain;
            if (page->key >= first)
                discard(cache, page);
        }
}

static void destroy(sqlite3_pcache *handle)
{
    struct cache *cache = (struct cache *)handle;
    truncate_from(handle, 0);
    ca_deallocate(cache->table_block);
    ca_deallocate(cache->self);
}

static void shrink(sqlite3_pcache *handle)
{
    shrink_to((struct cache *)handle, 0);
}

const sqlite3_pcache_methods2 sqlite_pages = {
    .iVersion = 1,
    .xInit = start,
    .xShutdown = stop,
    .xCreate = create,
    .xCachesize = set_size,
    .xPagecount = page_count,
    .xFetch = fetch,
    .xUnpin = unpin,
    .xRekey = rekey,
    .xTruncate = truncate_from,
    .xDestroy = destroy,
    .xShrink = shrink,
};
