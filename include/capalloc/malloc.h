/* The malloc family under capalloc's own names: the same engine as the drop-in library, without replacing the system's
 * malloc. Blocks of the two must not be mixed; that a foreign address came back is found and reported.
 *
 * For every function: thread-safe; not async-signal-safe; safe before main, in constructors and destructors of threads,
 * at exit and around fork. Blocks are aligned to 16 bytes or more. Sizes are in bytes; above PTRDIFF_MAX every
 * allocation fails. Failing means: NULL and errno ENOMEM, nothing changed, nothing lost. Contract: D1, D2, D3.
 */
#ifndef CAPALLOC_MALLOC_H
#define CAPALLOC_MALLOC_H

#include <capalloc/attributes.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Gives the block back. NULL is ignored. errno is kept. Anything that is not a live block is a violation
 * (violation.h), and so is a must-zero or secret one. A block that lies in the place nocaps is taken by this function,
 * ca_realloc and those below as well, and stays there when it is resized. Contract: N5, N7, Z1. */
void ca_free(void *block);

/* A block of at least `size` bytes; its content is indeterminate. Size 0 gives a block of its own, too. The caller owns
 * the block until ca_free or a successful ca_realloc. */
CA_NODISCARD_ CA_FRESH_(ca_free) CA_SIZED_(1) void *ca_malloc(size_t size);

/* A block of count * size bytes, all zero. Fails when the product overflows. Memory that is known to be zero is not
 * cleared again. Contract: Z7. */
CA_NODISCARD_ CA_FRESH_(ca_free) CA_SIZED_(1, 2) void *ca_calloc(size_t count, size_t size);

/* Makes the block `size` bytes long, moving it when necessary, and keeps its first min(old, new) bytes. On success the
 * old address is dead, even when it is the same; on failure the block is the caller's and unaltered. block NULL: as
 * ca_malloc. size 0: frees the block and returns NULL, as the GNU C library does. */
CA_NODISCARD_ CA_SIZED_(2) void *ca_realloc(void *block, size_t size);

/* ca_realloc(block, count * size); fails when the product overflows. */
CA_NODISCARD_ CA_SIZED_(2, 3) void *ca_reallocarray(void *block, size_t count, size_t size);

/* ca_free for a block of ca_malloc, ca_calloc or ca_realloc that was asked for with `size` bytes; another size is a
 * violation (size-mismatch) when it cannot be the block's. From C23. */
void ca_free_sized(void *block, size_t size);

/* The same for ca_aligned_alloc(alignment, size). */
void ca_free_aligned_sized(void *block, size_t alignment, size_t size);

/* A block aligned to `alignment`, a power of two; any size will do. Fails with EINVAL when alignment is not one. From
 * C23. */
CA_NODISCARD_ CA_FRESH_(ca_free) CA_SIZED_(2) CA_ALIGNED_(1) void *ca_aligned_alloc(size_t alignment, size_t size);

/* The same from POSIX: returns 0, EINVAL (alignment not a power of two multiple of sizeof(void *)) or ENOMEM, leaves
 * errno alone, and writes *block on success only. */
CA_NODISCARD_ int ca_posix_memalign(void **block, size_t alignment, size_t size);

/* The same as the GNU C library has it: an alignment that is no power of two is rounded up to one, and 0 is none. Fails
 * with EINVAL above the largest power of two. */
CA_NODISCARD_ CA_FRESH_(ca_free) CA_SIZED_(2) void *ca_memalign(size_t alignment, size_t size);

/* A block aligned to the page size; ca_pvalloc also rounds the size up to pages. */
CA_NODISCARD_ CA_FRESH_(ca_free) CA_SIZED_(1) void *ca_valloc(size_t size);
CA_NODISCARD_ CA_FRESH_(ca_free) CA_SIZED_(1) void *ca_pvalloc(size_t size);

/* How many bytes of the block may be used: at least what was asked for. NULL: 0. */
size_t ca_malloc_usable_size(const void *block);

/* Gives all free memory back to the operating system now, that of the calling thread's cache included. Returns the
 * bytes given back. Contract: D6. */
size_t ca_trim(void);

#ifdef __cplusplus
}
#endif
#endif
