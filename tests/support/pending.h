/* What a thread freed in other heaps' slabs and has not told those. */
#ifndef TESTS_SUPPORT_PENDING_H
#define TESTS_SUPPORT_PENDING_H

#include "heaps/registry.h"

/* In this slab, or in any (NULL). */
static inline uint32_t pending_in(const struct cai_thread *thread, const struct cai_unit *slab)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < CAI_CLASSES; i++)
        if (slab == NULL || thread->pending[i].slab == slab)
            count += thread->pending[i].count;
    return count;
}

#endif
