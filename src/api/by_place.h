/* The functions of blocks by place instead of by type, for callers that know only an address: it tells its place, and
 * the place what is owed.
 */
#ifndef CAI_API_BY_PLACE_H
#define CAI_API_BY_PLACE_H

#include "estate/zone.h"

#include <capalloc/heap.h>
#undef ca_allocate

#define CAI_AS_BLOCK(type, ...)                                                                                        \
    {                                                                                                                  \
        type##_result cai_result = __VA_ARGS__;                                                                        \
        return (ca_block_result){.ptr = cai_result.ptr, .size_or_error = cai_result.size_or_error};                    \
    }

/* Memory of the place; must-zero places give it zeroed in any case. */
CAI_INLINE ca_block_result cai_allocate_in(enum cai_place place, bool zeroed, ca_authority authority, ca_layout layout)
{
    switch (place) {
    case CAI_PLACE_nocaps:
        if (zeroed)
            CAI_AS_BLOCK(ca_nocaps, ca_allocate_nocaps_zeroed(authority, layout))
        CAI_AS_BLOCK(ca_nocaps, ca_allocate_nocaps(authority, layout))
    case CAI_PLACE_mustzero:
        CAI_AS_BLOCK(ca_mustzero, ca_allocate_mustzero(authority, layout))
    case CAI_PLACE_secret:
        CAI_AS_BLOCK(ca_secret, ca_allocate_secret(authority, layout))
    default:
        return zeroed ? ca_allocate_zeroed(authority, layout) : ca_allocate(authority, layout);
    }
}

CAI_INLINE ca_error cai_check_in(enum cai_place place, void *address, size_t bytes)
{
    switch (place) {
    case CAI_PLACE_nocaps:
        return ca_nocaps_check((ca_nocaps){address, bytes});
    case CAI_PLACE_mustzero:
        return ca_mustzero_check((ca_mustzero){address, bytes});
    case CAI_PLACE_secret:
        return ca_secret_check((ca_secret){address, bytes});
    default:
        return ca_block_check((ca_block){address, bytes});
    }
}

/* Gives it back, cleared where the place wants that; reports what is wrong with it. */
CAI_INLINE void cai_deallocate_in(enum cai_place place, void *address, size_t bytes)
{
    switch (place) {
    case CAI_PLACE_nocaps:
        ca_nocaps_deallocate((ca_nocaps){address, bytes});
        break;
    case CAI_PLACE_mustzero:
        ca_mustzero_deallocate_zeroed((ca_mustzero){address, bytes});
        break;
    case CAI_PLACE_secret:
        ca_secret_deallocate_zeroed((ca_secret){address, bytes});
        break;
    default:
        ca_block_deallocate((ca_block){address, bytes});
        break;
    }
}

CAI_INLINE ca_block_result cai_shrink_in(enum cai_place place, void *address, size_t bytes, ca_layout layout)
{
    switch (place) {
    case CAI_PLACE_nocaps:
        CAI_AS_BLOCK(ca_nocaps, ca_nocaps_shrink((ca_nocaps){address, bytes}, layout))
    case CAI_PLACE_mustzero:
        CAI_AS_BLOCK(ca_mustzero, ca_mustzero_shrink((ca_mustzero){address, bytes}, layout))
    case CAI_PLACE_secret:
        CAI_AS_BLOCK(ca_secret, ca_secret_shrink((ca_secret){address, bytes}, layout))
    default:
        return ca_block_shrink((ca_block){address, bytes}, layout);
    }
}

CAI_INLINE ca_block_result cai_grow_in(enum cai_place place, ca_authority authority, void *address, size_t bytes,
                                       ca_layout layout)
{
    switch (place) {
    case CAI_PLACE_nocaps:
        CAI_AS_BLOCK(ca_nocaps, ca_nocaps_grow(authority, (ca_nocaps){address, bytes}, layout))
    case CAI_PLACE_mustzero:
        CAI_AS_BLOCK(ca_mustzero, ca_mustzero_grow(authority, (ca_mustzero){address, bytes}, layout))
    case CAI_PLACE_secret:
        CAI_AS_BLOCK(ca_secret, ca_secret_grow(authority, (ca_secret){address, bytes}, layout))
    default:
        return ca_block_grow(authority, (ca_block){address, bytes}, layout);
    }
}

/* A block of size 0: the first address of its place, where no block ever lies, neither before nor behind (unit 0 of a
 * zone is never part of a run). So it tells its place, and is aligned to as much as a place. */
CAI_INLINE uintptr_t cai_nothing_in(enum cai_place place)
{
    return cai_sealed.places + ((uintptr_t)place << cai_sealed.shift);
}

CAI_INLINE bool cai_nothing_fits(ca_layout layout)
{
    return layout.align <= (size_t)1 << cai_sealed.shift;
}

#undef CAI_AS_BLOCK

#endif
