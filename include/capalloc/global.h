/* The allocator of the process for code that is handed none: registered once, used from everywhere. After Rust's
 * GlobalAlloc: pointers instead of blocks, and the layout comes back with the pointer.
 *
 * All functions are as thread-safe as the allocator registered; the heap, which is the default, is. Not
 * async-signal-safe. Sizes are in bytes. A pointer is the caller's until ca_dealloc, or until ca_global_realloc returns
 * another or the same.
 */
#ifndef CAPALLOC_GLOBAL_H
#define CAPALLOC_GLOBAL_H

#include <capalloc/allocator.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Registers the allocator. Possible until the first use of one of the functions below, more than once, the last one
 * counts; from any thread, also before main. Afterwards, CA_ERROR_NOT_PERMITTED and nothing has changed: blocks could
 * not go back where they came from. CA_ERROR_INVALID: without its required methods. What self points to must live as
 * long as the process. It should be thread-safe unless the process has one thread. Contract: G1. */
ca_error ca_global_register(ca_allocator allocator);

/* At least layout.size bytes aligned to layout.align, or NULL: no memory, or no layout. Size 0: not NULL, and not to
 * be followed. Contract: G1. */
CA_NODISCARD_ void *ca_alloc(ca_layout layout);

/* The same, all zero. Contract: G1. */
CA_NODISCARD_ void *ca_alloc_zeroed(ca_layout layout);

/* Gives back what was allocated with this layout. NULL is the violation invalid-free unless layout.size is 0; what
 * else is noticed depends on the allocator. Contract: G1. */
void ca_dealloc(void *ptr, ca_layout layout);

/* Makes what was allocated with `layout` new_size bytes long, with the same alignment, and keeps min(old, new) bytes.
 * Success kills the old pointer, even where the new one is equal. NULL: the old one is the caller's and unaltered.
 * (ca_realloc is the malloc family's, in <capalloc/malloc.h>.) Contract: G2. */
CA_NODISCARD_ void *ca_global_realloc(void *ptr, ca_layout layout, size_t new_size);

#ifdef __cplusplus
}
#endif
#endif
