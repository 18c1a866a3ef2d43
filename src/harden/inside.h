/* From any address to the block around it, without a lock: what a copy is about to write to.
 */
#ifndef CAI_HARDEN_INSIDE_H
#define CAI_HARDEN_INSIDE_H

#include "blocks/find.h"

struct cai_inside {
    const char *block; /* where it starts; NULL: none is known there */
    uint8_t state;     /* live, or free (CAI_STATE_...) */
};

/* The address lies in the place. A block that another thread takes or gives back meanwhile may be one or the other. Of
 * large blocks those are known that begin at most CAI_INSIDE_BYTES_MAX before the address. */
struct cai_inside cai_inside_of(enum cai_place place, const void *address);

#define CAI_INSIDE_BYTES_MAX ((size_t)1 << 20)

#endif
