/* Going over long ranges: pages that were never touched are zero and nowhere, and to clear them would only bring them
 * into memory. From some length on each page is read first; with the setting `pagemap` the kernel is asked which were
 * touched, and they are read only where it does not tell. Hidden memory is not read: that brings it in as well.
 */
#ifndef CAI_BLOCKS_TOUCHED_H
#define CAI_BLOCKS_TOUCHED_H

#include "blocks/heap.h"

/* Ranges longer than this are worth it: docs/decisions/0041-untouched-pages.md. */
#define CAI_TOUCHED_BYTES_ABOVE ((size_t)1 << 20)

enum { CAI_TOUCHED_PAGES = 512 }; /* asked for at once: 4 KiB of the stack */

/* A range that begins and ends anywhere, and may be written to. */
struct cai_touched {
    char *at, *end;        /* what lies ahead */
    char *pages_end;       /* the last whole page ends there; NULL: all may hold something */
    char *told, *told_end; /* which pages the entries are those of */
    size_t left_out;       /* bytes of pages that hold nothing, so far */
    int handle;            /* -1: the kernel is not asked */
    uint64_t entries[CAI_TOUCHED_PAGES];
};

void cai_touched_start(struct cai_touched *touched, void *address, size_t bytes);

/* The next stretch of the range that may hold anything. NULL: that was all, and it is over; not before. */
void *cai_touched_next(struct cai_touched *touched, size_t *bytes);

/* cai_clear of these stretches; the others are counted as not cleared. */
void cai_clear_touched(struct cai_heap *heap, void *address, size_t bytes);

#endif
