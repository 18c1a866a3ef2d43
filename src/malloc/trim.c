/* Giving memory back on request. */
#include <capalloc/malloc.h>

#include "base/compiler.h"
#include "heap/heap.h"
#include "heap/tick.h"

CAI_EXPORT size_t ca_trim(void)
{
    return cai_heap_start() ? cai_tick_trim() : 0;
}
