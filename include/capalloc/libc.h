/* The C library's malloc as an allocator: whichever malloc the program that includes this is linked to. In a program
 * that runs on the drop-in library that is capalloc itself.
 *
 * In a header of its own and inline, because the library never calls malloc. It detects no misuse of its own; what
 * happens is up to that malloc.
 */
#ifndef CAPALLOC_LIBC_H
#define CAPALLOC_LIBC_H

#include <capalloc/allocator.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What malloc aligns to: 16 on all 64-bit machines. */
enum { CA_LIBC_ALIGN_ = 2 * sizeof(void *) };

/* The size that malloc is asked for: aligned_alloc may want a multiple of the alignment. */
static inline size_t ca_libc_size_(ca_layout layout)
{
    return layout.align <= CA_LIBC_ALIGN_ ? layout.size : (layout.size + layout.align - 1) & ~(layout.align - 1);
}

/* Memory of ca_libc_size_ bytes, or out of memory. */
static inline ca_block_result ca_libc_result_(void *address, ca_layout layout)
{
    ca_block_result result;

    result.ptr = address;
    result.size_or_error = address != NULL ? ca_libc_size_(layout) : CA_CAST_(size_t, CA_ERROR_OUT_OF_MEMORY);
    return result;
}

/* malloc, or aligned_alloc for larger alignments. */
static inline ca_block_result ca_libc_allocate_(void *self, ca_layout layout)
{
    (void)self;
    return ca_libc_result_(layout.align <= CA_LIBC_ALIGN_ ? malloc(layout.size)
                                                          : aligned_alloc(layout.align, ca_libc_size_(layout)),
                           layout);
}

/* free */
static inline void ca_libc_deallocate_(void *self, ca_block block, ca_layout layout)
{
    (void)self;
    (void)layout;
    free(block.ptr);
}

/* calloc, where the alignment allows it. */
static inline ca_block_result ca_libc_allocate_zeroed_(void *self, ca_layout layout)
{
    ca_block_result result;

    if (layout.align <= CA_LIBC_ALIGN_)
        return ca_libc_result_(calloc(1, layout.size), layout);
    result = ca_libc_allocate_(self, layout);
    if (result.ptr != NULL)
        memset(result.ptr, 0, result.size_or_error);
    return result;
}

/* realloc, where the alignment allows it. Elsewhere that could move the block off its alignment: one that is long
 * enough stays, any other is copied. */
static inline ca_block_result ca_libc_resize_(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    ca_block_result result;

    if (new_layout.align <= CA_LIBC_ALIGN_)
        return ca_libc_result_(realloc(block.ptr, new_layout.size), new_layout);
    result.ptr = block.ptr;
    result.size_or_error = new_layout.size;
    if (new_layout.size <= old_layout.size && (CA_REINTERPRET_(size_t, block.ptr) & (new_layout.align - 1)) == 0)
        return result;
    result = ca_libc_allocate_(self, new_layout);
    if (result.ptr != NULL) {
        memcpy(result.ptr, block.ptr, old_layout.size);
        free(block.ptr);
    }
    return result;
}

/* malloc, calloc, realloc and free as an allocator. Thread-safe. After Rust's std::alloc::System. Contract: A12. */
static inline ca_allocator ca_libc(void)
{
    static const ca_allocator_vtable vtable = {
        sizeof(ca_allocator_vtable),
        CA_PROMISE_THREAD_SAFE,
        ca_libc_allocate_,
        ca_libc_deallocate_,
        ca_libc_allocate_zeroed_,
        ca_libc_resize_, /* grow */
        NULL,            /* grow_zeroed */
        ca_libc_resize_, /* shrink */
        NULL,            /* allocate_nocaps */
        NULL,            /* deallocate_nocaps */
        NULL,            /* allocate_mustzero */
        NULL,            /* deallocate_zeroed */
        NULL,            /* promises_now */
        NULL,            /* allocate_secret */
        NULL,            /* deallocate_secret */
        NULL,            /* allocate_at_least */
        NULL,            /* grow_nocaps */
        NULL,            /* shrink_nocaps */
        NULL,            /* grow_mustzero */
        NULL,            /* shrink_mustzero */
        NULL,            /* grow_secret */
        NULL,            /* shrink_secret */
    };
    ca_allocator allocator;

    allocator.vtable = &vtable;
    allocator.self = NULL;
    return allocator;
}

#ifdef __cplusplus
}
#endif
#endif
