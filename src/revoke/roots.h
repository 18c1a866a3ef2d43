/* Everything a pointer may lie in: the heap's own runs, and all other memory of the process. */
#ifndef CAI_REVOKE_ROOTS_H
#define CAI_REVOKE_ROOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory for lists and copies, which is never looked at itself; once, before the world stops. False: there is none. */
bool cai_roots_start(void);
void *cai_roots_buffer(size_t *size);

/* Ahead of the stop, with cai_dirty_begin done: marks what words point to that only stores of this process can change,
 * and that were not read yet or were written since. Returns the bytes, *beside of them beside the heap. No zone's
 * lock is held. */
uint64_t cai_roots_scan_ahead(uint64_t *beside);

/* While the world is stopped: marks what words in runs of places that may hold pointers point to; the zones' locks are
 * held. Bytes: read; of runs that hold none by somebody's word, which were not; of quiet units (revoke/quiet.h), which
 * were not. */
struct cai_roots_heap {
    uint64_t read, skipped, quiet;
};
struct cai_roots_heap cai_roots_scan_heap(void);

/* The same for all mappings that are not the library's. False: not all that there is could be seen. */
bool cai_roots_scan_process(uint64_t *bytes);

#endif
