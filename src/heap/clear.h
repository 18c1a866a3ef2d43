/* Clearing that happens: by stores which the compiler may not leave out although nobody here reads them again, counted.
 */
#ifndef CAI_HEAP_CLEAR_H
#define CAI_HEAP_CLEAR_H

#include "heap/thread.h"

#include <stddef.h>
#include <string.h>

/* Returns when every byte is zero, for this processor and, through whatever synchronisation follows, for all others. */
void cai_clear(void *address, size_t bytes);

/* The same, inline, for the slots of small blocks. */
CAI_INLINE void cai_clear_small(void *address, size_t bytes)
{
    struct cai_thread *thread = cai_self;

    if (CAI_LIKELY(thread->id != 0))
        thread->bytes_cleared += bytes;
    __asm__ volatile("" : : "r"(memset(address, 0, bytes)) : "memory");
}

/* Up to here a loop of 16 bytes a store beats the call of memset. */
enum { CAI_CLEAR_SHORT = 256 };

/* The same for a whole slot of up to CAI_CLEAR_SHORT bytes, in a thread that has a heap. */
CAI_INLINE void cai_clear_slot(struct cai_thread *thread, void *address, size_t bytes)
{
    typedef uint64_t sixteen __attribute__((vector_size(16), may_alias));
    char *at = address;
    const char *end = at + bytes;

    thread->bytes_cleared += bytes;
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
