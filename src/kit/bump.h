/* Cutting blocks from the front of a piece of memory, and taking them back. What ca_fixed and ca_arena share: each of
 * them only finds out where a block lies.
 */
#ifndef CAI_KIT_BUMP_H
#define CAI_KIT_BUMP_H

#include "core/result.h"

#include <capalloc/allocator.h>
#include <stdint.h>
#include <string.h>

/* From [*top, end), or NULL and nothing changed. The layout is valid and not of size 0. */
CAI_INLINE char *cai_bump(char **top, const char *end, ca_layout layout)
{
    size_t room = (size_t)(end - *top);
    size_t padding = -(uintptr_t)*top & (layout.align - 1);

    if (layout.size > room || padding > room - layout.size)
        return NULL;
    char *block = *top + padding;
    *top = block + layout.size;
    return block;
}

CAI_INLINE ca_block_result cai_bump_result(void *block, ca_layout layout)
{
    return block != NULL ? cai_success(block, layout.size) : cai_failure(CA_ERROR_OUT_OF_MEMORY);
}

/* Where a block lies that comes back: in memory of others, in the free part of a piece, in a piece for another type, or
 * where it should. */
enum cai_where { CAI_FOREIGN, CAI_FREE, CAI_OTHER_TYPE, CAI_HANDED_OUT };

/* In a piece of `size` bytes whose first `used` are handed out. */
CAI_INLINE enum cai_where cai_bump_where(const char *start, size_t used, size_t size, ca_block block)
{
    size_t offset = (uintptr_t)block.ptr - (uintptr_t)start;

    if (offset >= size)
        return CAI_FOREIGN;
    return offset < used && block.size <= used - offset ? CAI_HANDED_OUT : CAI_FREE;
}

/* That, whom it is given back to, and the piece blocks are cut from now: it ends at `end`, and what lies before `floor`
 * stays. */
struct cai_bump_found {
    enum cai_where where;
    const char *owner; /* in reports */
    ca_allocator allocator;
    char **top;
    const char *floor;
    const char *end;
};

/* Reports a block that is not handed out. */
void cai_bump_report(enum cai_where where, const char *owner, ca_block block, const char *function);

/* Grows, shrinks, or with size 0 gives back. In place when there is room: behind the newest block, which is the one
 * that ends at the top, and inside any. Otherwise moves. Reports a block that is not handed out: CA_ERROR_INVALID. */
CAI_INLINE ca_block_result cai_bump_resize(struct cai_bump_found found, ca_block block, ca_layout old_layout,
                                           ca_layout new_layout, const char *function)
{
    char *start = block.ptr;

    if (CAI_UNLIKELY(found.where != CAI_HANDED_OUT)) {
        cai_bump_report(found.where, found.owner, block, function);
        return cai_failure(CA_ERROR_INVALID);
    }
    bool newest = start + block.size == *found.top && start >= found.floor;
    size_t room = newest ? (size_t)(found.end - start) : old_layout.size;
    if (new_layout.size <= room && ((uintptr_t)start & (new_layout.align - 1)) == 0) {
        if (newest)
            *found.top = start + new_layout.size;
        return cai_success(start, new_layout.size);
    }
    ca_block_result moved = ca_allocator_allocate(found.allocator, new_layout);
    if (moved.ptr != NULL)
        memcpy(moved.ptr, start, old_layout.size);
    return moved;
}

CAI_INLINE bool cai_bump_give_back(struct cai_bump_found found, ca_block block, ca_layout layout, const char *function)
{
    return cai_bump_resize(found, block, layout, (ca_layout){.size = 0, .align = 1}, function).ptr != NULL;
}

#endif
