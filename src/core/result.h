/* What allocating functions return. The result types look alike to the machine, so each answer is made once, as a
 * ca_block_result, and renamed at the door.
 */
#ifndef CAI_CORE_RESULT_H
#define CAI_CORE_RESULT_H

#include "base/compiler.h"

#include <capalloc/block.h>
#include <capalloc/layout.h>

CAI_INLINE ca_block_result cai_success(void *address, size_t bytes)
{
    return (ca_block_result){.ptr = address, .size_or_error = bytes};
}

CAI_INLINE ca_block_result cai_failure(ca_error error)
{
    return (ca_block_result){.ptr = NULL, .size_or_error = (size_t)error};
}

/* The block of size 0: aligned, and nothing to follow. */
CAI_INLINE ca_block_result cai_dangling(ca_layout layout)
{
    return cai_success((void *)layout.align, 0);
}

/* The value, a variable or one of the above, as a result of this type. */
#define CAI_AS(type, value) ((type##_result){.ptr = (value).ptr, .size_or_error = (value).size_or_error})

#endif
