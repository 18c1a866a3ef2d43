/* The methods of the trait as a table, for adapters: each of them puts something in front of every method of another
 * allocator. The functions bear the methods' names; the three groups differ in their signatures.
 */
#ifndef CAI_KIT_ADAPTER_H
#define CAI_KIT_ADAPTER_H

#include "base/compiler.h"

#include <capalloc/allocator.h>

/* DO(type of block, method, its name in capitals) */
#define CAI_FOR_ALLOCATIONS(DO)                                                                                        \
    DO(ca_block, allocate, ALLOCATE)                                                                                   \
    DO(ca_block, allocate_zeroed, ALLOCATE_ZEROED)                                                                     \
    DO(ca_nocaps, allocate_nocaps, ALLOCATE_NOCAPS)                                                                    \
    DO(ca_mustzero, allocate_mustzero, ALLOCATE_MUSTZERO)

#define CAI_FOR_DEALLOCATIONS(DO)                                                                                      \
    DO(ca_block, deallocate, DEALLOCATE)                                                                               \
    DO(ca_nocaps, deallocate_nocaps, DEALLOCATE_NOCAPS)                                                                \
    DO(ca_mustzero, deallocate_zeroed, DEALLOCATE_ZEROED)

/* DO(method, its name in capitals) */
#define CAI_FOR_RESIZINGS(DO)                                                                                          \
    DO(grow, GROW)                                                                                                     \
    DO(grow_zeroed, GROW_ZEROED)                                                                                       \
    DO(shrink, SHRINK)

/* The vtable of a file that has all of these functions, and promises_now. */
#define CAI_ADAPTER_VTABLE                                                                                             \
    {                                                                                                                  \
        .struct_size = sizeof(ca_allocator_vtable), .allocate = allocate, .deallocate = deallocate,                    \
        .allocate_zeroed = allocate_zeroed, .grow = grow, .grow_zeroed = grow_zeroed, .shrink = shrink,                \
        .allocate_nocaps = allocate_nocaps, .deallocate_nocaps = deallocate_nocaps,                                    \
        .allocate_mustzero = allocate_mustzero, .deallocate_zeroed = deallocate_zeroed, .promises_now = promises_now,  \
    }

#endif
