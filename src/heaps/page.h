/* The process's own page in the table of channel.h: which it is, and what stands there while the process runs. Without
 * a table, nothing here does anything.
 */
#ifndef CAI_HEAPS_PAGE_H
#define CAI_HEAPS_PAGE_H

#include "heaps/channel.h"

/* From now on the process keeps its numbers in this table, which was checked to have so many pages of so many bytes,
 * and so do its forked children. Once, when the settings are known. Returns the page; NULL: there is none left. */
struct cai_channel *cai_page_start(struct cai_channel_table *with, uint32_t pages, size_t bytes);

/* The calling process's page; NULL: it has none. */
struct cai_channel *cai_page(void);

/* At housekeeping: leaves numbers when they are due. Locks of ranks below the zones' may be held. */
void cai_page_look(uint64_t now_ms);

/* Whether faults of guards go by the library, which the program can bring about at any time. */
void cai_page_look_at_faults(void);

/* In the child of a fork, when its heap is whole: a page of its own. */
void cai_page_child(void);

/* The same, where the parent had no heap yet, and nothing tells that this is a child. */
void cai_page_check(void);

/* The numbers as they are at the end, the audit's sum, and the state FINISHED. */
void cai_page_finish(void);

#endif
