/* SQLITE_CONFIG_MALLOC on an authority.
 *
 * SQLite gives a block back by its address alone, and asks how long one is. The heap's own form wants the size: so
 * every block is asked for with the spare room of its slot, and is then as long as ca_malloc_usable_size says. No
 * header of ours stands in front of it. */
#include "sqlite.h"

#include <string.h>

ca_authority sqlite_heap;
static bool naive_places;

/* SQLite's own page cache asks for the page, its header and the pager's header in one piece. */
static bool is_page(int size)
{
    return naive_places && size > 4096 && size < 4096 + 512;
}

static void *allocate(int size)
{
    ca_layout layout = {(size_t)size, 8};
    if (is_page(size)) {
        layout.size = (layout.size + 511) / 512 * 512; /* a slot, so that usable_size is the size */
        return ca_allocate_nocaps(sqlite_heap, layout).ptr;
    }
    return ca_allocate_at_least(sqlite_heap, layout).ptr;
}

static void give_back(void *address)
{
    size_t size = ca_malloc_usable_size(address);
    if (naive_places && ca_check((ca_nocaps){address, size}) == CA_OK)
        ca_deallocate((ca_nocaps){address, size});
    else
        ca_deallocate((ca_block){address, size});
}

/* ca_realloc would do, but moves a block into the process's own heap, out of the quota. */
static void *resize(void *address, int size)
{
    size_t old = ca_malloc_usable_size(address);
    if ((size_t)size <= old && (size_t)size > old / 2)
        return address;
    void *moved = allocate(size);
    if (moved != NULL) {
        memcpy(moved, address, (size_t)size < old ? (size_t)size : old);
        give_back(address);
    }
    return moved;
}

static int size_of(void *address)
{
    return (int)ca_malloc_usable_size(address);
}

static int round_up(int size)
{
    return (size + 7) & ~7;
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

sqlite3_mem_methods sqlite_memory(bool naive)
{
    naive_places = naive;
    return (sqlite3_mem_methods){.xMalloc = allocate,
                                 .xFree = give_back,
                                 .xRealloc = resize,
                                 .xSize = size_of,
                                 .xRoundup = round_up,
                                 .xInit = start,
                                 .xShutdown = stop};
}
