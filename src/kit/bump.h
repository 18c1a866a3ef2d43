/* Cutting blocks from the front of a piece of memory. What ca_fixed and ca_arena share. */
#ifndef CAI_KIT_BUMP_H
#define CAI_KIT_BUMP_H

#include "base/compiler.h"

#include <capalloc/allocator.h>
#include <stdint.h>

/* From [*top, end), or NULL and nothing changed. The layout is valid and not of size 0. */
CAI_INLINE char *cai_bump(char **top, const char *end, ca_layout layout)
{
    size_t room = (size_t)(end - *top);
    size_t padding = -(uintptr_t)*top & (layout.align - 1);

    if (layout.size > room || padding > room - layout.size)
        return NULL;
    char *block = *top + padding;
    *top = block + layout.size;
    return block;
}

CAI_INLINE ca_block_result cai_bump_result(void *block, ca_layout layout)
{
    return (ca_block_result){.ptr = block,
                             .size_or_error = block != NULL ? layout.size : (size_t)CA_ERROR_OUT_OF_MEMORY};
}

#endif
