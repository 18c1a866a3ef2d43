/* What created heaps hold that have a name, for the page that others read. */
#ifndef CAI_HEAPS_NAMED_H
#define CAI_HEAPS_NAMED_H

#include <capalloc/authority.h>
#include <stdint.h>

enum { CAI_NAMED_MAX = 16 };

struct cai_named {
    uint64_t held_bytes;  /* charged to it and to all that was derived from its root, in slots' bytes */
    uint64_t quota_bytes; /* UINT64_MAX: none */
    char name[CA_HEAP_NAME_MAX + 1];
};

/* Those that hold most, the largest first; how many. Waits for no lock for long: 0 when it is not to be had. */
uint32_t cai_named_collect(struct cai_named named[CAI_NAMED_MAX]);

#endif
