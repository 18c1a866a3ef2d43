/* Which pages of the process were written since somebody last asked, by the kernel (Linux from 6.7 on): a userfaultfd
 * that write-protects pages, where the fault of the first write is settled by the kernel alone, and a call that lists
 * pages by what they are and protects them in the same instant. Stores of the kernel's own, as by read(2), count like
 * those of a thread; what a device writes into pages that it holds does not.
 *
 * Who forks keeps the protection, the child has none.
 */
#ifndef CAI_OS_WATCH_H
#define CAI_OS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A watcher, closed by cai_os_close; all that it watches is as before then. -1: there is none to be had. */
int cai_os_watch_open(void);

/* The same, with a number that programs are not likely to come to. */
int cai_os_watch_open_for_long(void);

/* The private mappings in the range are watched by it, or not any more. Fails for those that another one watches. */
bool cai_os_watch(int watcher, uintptr_t begin, uintptr_t end);
bool cai_os_unwatch(int watcher, uintptr_t begin, uintptr_t end);

/* What is told of pages, and how many in a row. */
enum {
    CAI_PAGES_WATCHED = 1 << 0,
    CAI_PAGES_WRITTEN = 1 << 1, /* not protected: written since, or never asked about */
    CAI_PAGES_FILE = 1 << 2,    /* of a file, or shared: not the process's own. Only where it is asked */
    CAI_PAGES_ZERO = 1 << 5,    /* the one page of zeros that the system has */
};
struct cai_os_pages {
    uint64_t begin, end, kinds;
};

/* Lists the pages from *begin on that are in memory or in swap. `file` is /proc/self/pagemap. Returns how many were
 * listed, with *begin where it goes on; -1: an error, and of the range nothing is known. */
enum cai_os_ask {
    CAI_ASK,
    CAI_ASK_FILE,    /* also whose they are, which takes longer */
    CAI_ASK_WRITTEN, /* only those that are written, a third of the time; all of the range is watched */
    CAI_ASK_PROTECT, /* only those that are written, which from here on are not; all of the range is watched */
};
long cai_os_pages(int file, enum cai_os_ask ask, uintptr_t *begin, uintptr_t end, struct cai_os_pages *list,
                  size_t count);

#endif
