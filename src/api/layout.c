/* Layouts and their arithmetic, with the answers of Rust 1.95's core::alloc::Layout.
 *
 * Invariant: every layout that comes out is valid, except from the two functions that cannot say no, whose invalid
 * answer nothing accepts. Rust's type keeps invalid layouts from being made; a C struct cannot, so every layout that
 * comes in is looked at. A valid size is at most PTRDIFF_MAX: two of them, or one and an alignment, add up.
 */
#include <capalloc/layout.h>

#include "base/bits.h"

_Static_assert(PTRDIFF_MAX == SIZE_MAX / 2, "the largest alignment is PTRDIFF_MAX + 1");

static const ca_layout refused = {SIZE_MAX, 0};

/* The size up to the next multiple of align, at most PTRDIFF_MAX + 1. layout: valid; align: a power of two. */
static size_t padded(ca_layout layout, size_t align)
{
    return cai_round_up(layout.size, align);
}

CAI_EXPORT int ca_layout_is_valid(ca_layout layout)
{
    /* PTRDIFF_MAX + 1 is a multiple of every alignment: what exceeds the right side rounds up to it or beyond. */
    return cai_is_power_of_two(layout.align) && layout.size <= (size_t)PTRDIFF_MAX + 1 - layout.align;
}

CAI_EXPORT ca_error ca_layout_new(size_t size, size_t align, ca_layout *out)
{
    ca_layout layout = {size, align};

    if (!ca_layout_is_valid(layout))
        return CA_ERROR_LAYOUT;
    *out = layout;
    return CA_OK;
}

CAI_EXPORT ca_error ca_layout_array(ca_layout element, size_t count, ca_layout *out)
{
    return ca_layout_repeat_packed(ca_layout_pad_to_align(element), count, out);
}

CAI_EXPORT ca_layout ca_layout_array_or_refused(ca_layout element, size_t count)
{
    ca_layout array;

    return ca_layout_array(element, count, &array) == CA_OK ? array : refused;
}

CAI_EXPORT ca_error ca_layout_repeat(ca_layout element, size_t count, ca_layout *out, size_t *stride)
{
    ca_layout array;

    /* The array is valid exactly when it is without the last element's padding: the two round up to the same size. */
    if (ca_layout_array(element, count, &array) != CA_OK)
        return CA_ERROR_LAYOUT;
    *stride = padded(element, element.align);
    if (count > 0)
        array.size -= *stride - element.size;
    *out = array;
    return CA_OK;
}

CAI_EXPORT ca_error ca_layout_repeat_packed(ca_layout element, size_t count, ca_layout *out)
{
    size_t size;

    if (!ca_layout_is_valid(element) || __builtin_mul_overflow(element.size, count, &size))
        return CA_ERROR_LAYOUT;
    return ca_layout_new(size, element.align, out);
}

CAI_EXPORT ca_error ca_layout_extend(ca_layout first, ca_layout next, ca_layout *out, size_t *offset)
{
    if (!ca_layout_is_valid(first) || !ca_layout_is_valid(next))
        return CA_ERROR_LAYOUT;

    size_t start = padded(first, next.align);

    if (ca_layout_new(start + next.size, cai_max(first.align, next.align), out) != CA_OK)
        return CA_ERROR_LAYOUT;
    *offset = start;
    return CA_OK;
}

CAI_EXPORT ca_error ca_layout_extend_packed(ca_layout first, ca_layout next, ca_layout *out)
{
    if (!ca_layout_is_valid(first) || !ca_layout_is_valid(next))
        return CA_ERROR_LAYOUT;
    return ca_layout_new(first.size + next.size, first.align, out);
}

CAI_EXPORT ca_layout ca_layout_pad_to_align(ca_layout layout)
{
    /* An invalid layout must not become a valid one by overflow. */
    if (ca_layout_is_valid(layout))
        layout.size = padded(layout, layout.align);
    return layout;
}

CAI_EXPORT ca_error ca_layout_align_to(ca_layout layout, size_t align, ca_layout *out)
{
    if (!ca_layout_is_valid(layout) || !cai_is_power_of_two(align))
        return CA_ERROR_LAYOUT;
    return ca_layout_new(layout.size, cai_max(layout.align, align), out);
}

CAI_EXPORT size_t ca_layout_padding_for(ca_layout layout, size_t align)
{
    if (!ca_layout_is_valid(layout) || !cai_is_power_of_two(align))
        return SIZE_MAX;
    return padded(layout, align) - layout.size;
}
