/* Which pages of a range hold something: a page that is neither in memory nor in swap was never written, and is not to
 * be brought in. The kernel lists them (Linux from 6.7 on), or tells of each page by itself, which takes as long as
 * reading it. Where it tells nothing they all may.
 */
#ifndef CAI_REVOKE_PRESENT_H
#define CAI_REVOKE_PRESENT_H

#include "os/watch.h"

/* What is needed for it, in memory that is not looked at itself. */
struct cai_present {
    int file; /* /proc/self/pagemap, or -1 */
    bool listed;
    union {
        struct cai_os_pages list[2730];
        uint64_t entries[8192];
    } room;
};

void cai_present_begin(struct cai_present *present);
void cai_present_end(struct cai_present *present);

/* Calls `scan` for the pages of the range that hold something; with `only_own`, that are the process's alone. */
void cai_present_scan(struct cai_present *present, uintptr_t begin, uintptr_t end, bool only_own,
                      void (*scan)(uintptr_t begin, uintptr_t end));

/* The page at this address may hold something. */
bool cai_present_is(const struct cai_present *present, uintptr_t address);

#endif
