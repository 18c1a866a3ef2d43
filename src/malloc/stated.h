/* Sizes that callers state when they give a block back (free_sized, sized operator delete).
 */
#ifndef CAI_MALLOC_STATED_H
#define CAI_MALLOC_STATED_H

#include <stdbool.h>
#include <stddef.h>

/* True when a live block that malloc's doors take may have been asked for with this size and alignment. Otherwise
 * reports the violation (of the block, or size-mismatch) under the function's name and, when a handler refuses it,
 * returns false. */
bool cai_stated_size_fits(void *block, size_t alignment, size_t size, const char *function);

#endif
