/* See clear.h. */
#include "heap/clear.h"

#include "heap/thread.h"

#include <string.h>

void cai_clear(void *address, size_t bytes)
{
    struct cai_thread *thread = cai_self;

    memset(address, 0, bytes);
    /* The memory is said to be read by this: the stores cannot be dead. */
    __asm__ volatile("" : : "r"(address) : "memory");
    if (thread->id != 0)
        thread->bytes_cleared += bytes;
}
