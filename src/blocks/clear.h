/* Clearing on behalf of a heap: it happens (base/wipe.h), and is counted.
 */
#ifndef CAI_BLOCKS_CLEAR_H
#define CAI_BLOCKS_CLEAR_H

#include "base/wipe.h"
#include "blocks/heap.h"

#include <string.h>

/* Counts what was cleared, unless the heap stands for none. */
CAI_INLINE void cai_clear_count(struct cai_heap *heap, size_t bytes)
{
    if (CAI_LIKELY(heap->id != 0))
        heap->bytes_cleared += bytes;
}

CAI_INLINE void cai_clear(struct cai_heap *heap, void *address, size_t bytes)
{
    cai_clear_count(heap, bytes);
    cai_wipe(address, bytes);
}

/* The same, inline, for the slots of small blocks. */
CAI_INLINE void cai_clear_small(struct cai_heap *heap, void *address, size_t bytes)
{
    cai_clear_count(heap, bytes);
    __asm__ volatile("" : : "r"(memset(address, 0, bytes)) : "memory");
}

/* Up to here a loop of 16 bytes a store beats the call of memset. */
enum { CAI_CLEAR_SHORT = 256 };

/* The same for a whole slot of up to CAI_CLEAR_SHORT bytes, of a heap that is one. */
CAI_INLINE void cai_clear_slot(struct cai_heap *heap, void *address, size_t bytes)
{
    typedef uint64_t sixteen __attribute__((vector_size(16), may_alias));
    char *at = address;
    const char *end = at + bytes;

    heap->bytes_cleared += bytes;
    if ((bytes & 16) != 0) {
        *(sixteen *)at = (sixteen){0};
        at += 16;
    }
    for (; at != end; at += 32) {
        *(sixteen *)at = (sixteen){0};
        *(sixteen *)(at + 16) = (sixteen){0};
        /* Nor may the loop become a call of memset. */
        __asm__ volatile("" : "+r"(at) : : "memory");
    }
    /* The memory is said to be read by this: the stores cannot be dead. */
    __asm__ volatile("" : : "r"(address) : "memory");
}

#endif
