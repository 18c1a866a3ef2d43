/* What the slow paths see of requests: all that were refused, and the sizes of some that were served. */
#ifndef CAI_HEAPS_REQUESTS_H
#define CAI_HEAPS_REQUESTS_H

#include <stddef.h>
#include <stdint.h>

/* A small request that was not served by the fast path: of each class such as these stand for all. */
void cai_requests_note(unsigned size_class, size_t bytes);

/* What so many blocks of the class were asked for, by those that were noted; their slots' bytes where none was. */
uint64_t cai_requests_estimate(unsigned size_class, uint64_t blocks);

void cai_requests_refused(void);
uint64_t cai_requests_failed(void);

#endif
