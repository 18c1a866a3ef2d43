/* SQLite's two doors to its memory, as capalloc fills them: SQLITE_CONFIG_MALLOC and SQLITE_CONFIG_PCACHE2. */
#ifndef EXAMPLES_HOOKS_SQLITE_H
#define EXAMPLES_HOOKS_SQLITE_H

#include <capalloc/capalloc.h>
#include <sqlite3.h>

/* By whose right SQLite allocates; set before sqlite3_initialize. */
extern ca_authority sqlite_heap;

/* All memory of SQLite from sqlite_heap (sqlite_memory.c). With `naive`, blocks that are a page and a little more go to
 * nocaps memory: what one would think of first, and a false promise. */
sqlite3_mem_methods sqlite_memory(bool naive);

/* A page cache whose pages lie in nocaps memory and whose headers do not (sqlite_pages.c). */
extern const sqlite3_pcache_methods2 sqlite_pages;

#endif
