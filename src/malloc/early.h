/* Memory for callers that come too early: before this library, and its thread-local variables, are ready for use.
 *
 * A library may choose an implementation by a function (IFUNC) while it is being relocated, and that function may call
 * malloc. The dynamic linker relocates the C library before all others, but a preloaded library next to last, and fills
 * in thread-local variables after that; what is resolved at once (LD_BIND_NOW) meets a library that can reach neither
 * these nor any function of the C library. It has an arena then, from which nothing is taken back.
 *
 * The malloc family, operator new and the token entry points are served.
 *
 * Nobody else runs yet, so nothing here is atomic. No function sets errno. Contract: D3.
 */
#ifndef CAI_MALLOC_EARLY_H
#define CAI_MALLOC_EARLY_H

#include "base/compiler.h"
#include "os/sealed.h"

#include <stdbool.h>
#include <stddef.h>

/* Sizes below these take the fast paths of malloc and calloc, which look for the thread's heap: none while it is too
 * early. Sealed afterwards. */
struct cai_doors {
    size_t fine_below, small_below; /* atomic */
} CAI_SEALED;
extern CAI_HIDDEN struct cai_doors cai_doors;

/* It is too early. Then only the functions below may be called. */
CAI_HIDDEN bool cai_early(void);

/* It is not any more: opens the fast paths, once. */
CAI_HIDDEN void cai_early_end(void);

/* Zeroed. align: a power of two. NULL: there is no more. */
CAI_HIDDEN void *cai_early_allocate(size_t size, size_t align);

/* A copy of the first bytes, when there is room. */
CAI_HIDDEN void *cai_early_resize(void *block, size_t size);

/* At any time: the block is one of these. It may be forgotten, and copied up to its usable size. */
CAI_HIDDEN bool cai_early_owns(const void *block);
CAI_HIDDEN size_t cai_early_usable(const void *block);

#endif
