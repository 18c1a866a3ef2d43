/* Layouts: how much memory and how aligned, as one value that is valid or was refused. After Rust's
 * core::alloc::Layout, whose answers (version 1.95) these functions give.
 *
 * All functions are pure, thread-safe and async-signal-safe. Those that can fail return CA_OK or CA_ERROR_LAYOUT, and
 * write their outputs, which must not be null, on success only. Given a layout that is not valid, they fail; Rust has
 * no such layouts.
 */
#ifndef CAPALLOC_LAYOUT_H
#define CAPALLOC_LAYOUT_H

#include <capalloc/error.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Valid when align is a power of two and size, rounded up to align, is at most PTRDIFF_MAX. Both in bytes. size may be
 * 0 and need not be a multiple of align. Contract: L1, L2, L3. */
typedef struct ca_layout {
    size_t size;
    size_t align;
} ca_layout;

/* A layout of these numbers, or CA_ERROR_LAYOUT. Contract: L4. */
ca_error ca_layout_new(size_t size, size_t align, ca_layout *out);

#ifdef __cplusplus
#define CA_ALIGNOF_ alignof
#define CA_LAYOUT_LITERAL_ ca_layout
#else
#define CA_ALIGNOF_ _Alignof
#define CA_LAYOUT_LITERAL_ (ca_layout)
#endif

/* The layout of a type: an initializer for static and automatic variables, and an expression. Contract: L4. */
/* clang-format off */
#define CA_LAYOUT_INIT(type) { sizeof(type), CA_ALIGNOF_(type) }
#define CA_LAYOUT_OF(type) (CA_LAYOUT_LITERAL_ CA_LAYOUT_INIT(type))
/* clang-format on */

/* The layout of an array of `count` elements, an expression. When the size overflows, as it does for a negative count,
 * it is a layout that nothing accepts: allocating with it fails with CA_ERROR_LAYOUT. Contract: L4. */
#define CA_LAYOUT_ARRAY(type, count) (ca_layout_array_or_refused(CA_LAYOUT_OF(type), (count)))

/* What CA_LAYOUT_ARRAY expands to: ca_layout_array, with a layout that is not valid in place of an error. */
ca_layout ca_layout_array_or_refused(ca_layout element, size_t count);

/* 1 when the layout is valid. Contract: L1, L2. */
int ca_layout_is_valid(ca_layout layout);

/* `count` elements one after the other, each padded to its alignment, the last one too: the layout of an array, Rust's
 * Layout::array. Contract: L5. */
ca_error ca_layout_array(ca_layout element, size_t count, ca_layout *out);

/* The same without the padding behind the last element, and the distance in bytes from one element to the next in
 * *stride. Fails when ca_layout_array does. Contract: L5. */
ca_error ca_layout_repeat(ca_layout element, size_t count, ca_layout *out, size_t *stride);

/* `count` elements without padding between them; only the first is sure to be aligned. Contract: L5. */
ca_error ca_layout_repeat_packed(ca_layout element, size_t count, ca_layout *out);

/* `first` followed by `next` at the smallest aligned offset, which is written to *offset; no padding at the end (see
 * ca_layout_pad_to_align). How a struct's layout comes about. Contract: L5. */
ca_error ca_layout_extend(ca_layout first, ca_layout next, ca_layout *out, size_t *offset);

/* `first` followed directly by `next`, with the alignment of `first`; that of `next` counts for nothing.
 * Contract: L5. */
ca_error ca_layout_extend_packed(ca_layout first, ca_layout next, ca_layout *out);

/* The layout with its size rounded up to its alignment. A layout that is not valid comes back as it is.
 * Contract: L5. */
ca_layout ca_layout_pad_to_align(ca_layout layout);

/* The layout with at least this alignment, a power of two; the size stays. Contract: L5. */
ca_error ca_layout_align_to(ca_layout layout, size_t align, ca_layout *out);

/* Bytes from the end of `layout` to the next address aligned to `align`, given a start that is; SIZE_MAX when align is
 * not a power of two or the layout not valid. Contract: L5. */
size_t ca_layout_padding_for(ca_layout layout, size_t align);

#ifdef __cplusplus
}
#endif
#endif
