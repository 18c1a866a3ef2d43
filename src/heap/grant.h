/* An authority that was recognised. */
#ifndef CAI_HEAP_GRANT_H
#define CAI_HEAP_GRANT_H

#include <capalloc/authority.h>

enum { CAI_NODE_DEFAULT = 0 };

struct cai_grant {
    uint32_t node; /* in the tree of authorities */
    uint32_t rights;
    ca_authority authority; /* the words it was recognised by */
};

#endif
