/* Memory for the allocator's own bookkeeping: thread heaps and their arrays of free slots. In a range of its own, away
 * from everything a program can overflow.
 */
#ifndef CAI_PAGES_META_H
#define CAI_PAGES_META_H

#include <stddef.h>
#include <stdint.h>

void cai_meta_start(uintptr_t address, size_t length, uint64_t random);

/* Zeroed, aligned to 64 bytes (to a page from one page on); NULL when memory is short. Thread-safe. */
void *cai_meta_allocate(size_t bytes);

/* The same, and NULL when the calling thread is a signal handler that interrupted another of these calls. */
void *cai_meta_allocate_in_handler(size_t bytes);

/* The same as cai_meta_allocate for what is used together with `other`: up to 2 KiB, none of it lies at the offset in a
 * page at which that begins. Processors compare the lower twelve bits of addresses first: a load waits for an earlier
 * store that looks like it, which made a pair of calls take up to three times as long. */
void *cai_meta_allocate_beside(const void *other, size_t bytes);

/* For both to hand out again; the content need not be cleared. */
void cai_meta_free(void *memory, size_t bytes);

/* Bytes in use and kept for reuse. */
size_t cai_meta_bytes(void);

/* In the child of a fork. Whatever a thread that is not there was about to do, nothing but a piece was lost. */
void cai_meta_repair(void);

#endif
