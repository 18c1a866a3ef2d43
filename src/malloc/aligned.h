/* The family's aligned forms, for any place: each checks its arguments, and says in errno what was wrong.
 */
#ifndef CAI_MALLOC_ALIGNED_H
#define CAI_MALLOC_ALIGNED_H

#include "heaps/heaps.h"

/* NULL and EINVAL: alignment is not a power of two. NULL and ENOMEM: out of memory. */
CAI_HIDDEN void *cai_aligned_alloc(enum cai_place place, size_t alignment, size_t size);

/* The same for any alignment: rounded up to a power of two. NULL and EINVAL: there is none. */
CAI_HIDDEN void *cai_aligned_rounded(enum cai_place place, size_t alignment, size_t size);

/* 0, EINVAL or ENOMEM; errno stays. *block is set on success only. */
CAI_HIDDEN int cai_aligned_posix(enum cai_place place, void **block, size_t alignment, size_t size);

/* At the start of a page; with `whole`, whole pages. */
CAI_HIDDEN void *cai_aligned_pages(enum cai_place place, size_t size, bool whole);

#endif
