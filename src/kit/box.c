/* Boxes, the part out of line: blocks by address. These are functions of pointers, not of the block structs, because
 * the analyzers of gcc and clang follow ownership through annotated pointers only; the inline functions of box.h put
 * the types around them. Thread-safe as the heap is. */
#include <capalloc/box.h>

#include "base/compiler.h"

#define BOX(intention, allocate, allocate_zeroed, deallocate)                                                          \
    CAI_EXPORT void *intention##_box_allocate(ca_authority authority, ca_layout layout, bool zeroed, ca_error *error)  \
    {                                                                                                                  \
        intention##_result result = zeroed ? allocate_zeroed(authority, layout) : allocate(authority, layout);         \
        *error = intention##_error_of(result);                                                                         \
        return result.ptr;                                                                                             \
    }                                                                                                                  \
    CAI_EXPORT void intention##_box_deallocate(void *ptr, size_t size)                                                 \
    {                                                                                                                  \
        intention block = {ptr, size};                                                                                 \
        deallocate(block);                                                                                             \
    }

BOX(ca_block, ca_allocate, ca_allocate_zeroed, ca_block_deallocate)
BOX(ca_nocaps, ca_allocate_nocaps, ca_allocate_nocaps_zeroed, ca_nocaps_deallocate)
/* Must-zero memory is zero on arrival. */
BOX(ca_mustzero, ca_allocate_mustzero, ca_allocate_mustzero, ca_mustzero_deallocate_zeroed)
BOX(ca_secret, ca_allocate_secret, ca_allocate_secret, ca_secret_deallocate_zeroed)

CAI_EXPORT void *ca_box_untracked(void *ptr)
{
    return ptr;
}
