/* The place of an address, by the two bits that tell it; -1 outside the estate. The first is found from blocks whose
 * places are known, so that this holds for every layout of the address space. */
#ifndef DROP_IN_PLACE_H
#define DROP_IN_PLACE_H

#include <capalloc/heap.h>
#include <stdint.h>

enum { ORDINARY, NOCAPS, MUSTZERO, SECRET };

/* A place is as long as the largest power of two in whose steps the four known blocks lie one after the other. */
static inline int place_of(const void *address)
{
    static uintptr_t first;
    static unsigned shift;

    if (shift == 0) {
        ca_authority heap = ca_default_authority();
        ca_layout layout = {1, 1};
        uintptr_t known[4] = {(uintptr_t)ca_unwrap(ca_allocate(heap, layout)).ptr,
                              (uintptr_t)ca_unwrap(ca_allocate_nocaps(heap, layout)).ptr,
                              (uintptr_t)ca_unwrap(ca_allocate_mustzero(heap, layout)).ptr,
                              (uintptr_t)ca_unwrap(ca_allocate_secret(heap, layout)).ptr};
        for (shift = 46; shift > 20; shift--) {
            first = known[0] >> shift;
            if (known[1] >> shift == first + 1 && known[2] >> shift == first + 2 && known[3] >> shift == first + 3)
                break;
        }
    }
    uintptr_t place = ((uintptr_t)address >> shift) - first;
    return place < 4 ? (int)place : -1;
}

#endif
