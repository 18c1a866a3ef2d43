/* Giving memory back on request. */
#include <capalloc/malloc.h>

#include "base/compiler.h"
#include "heaps/heaps.h"

CAI_EXPORT size_t ca_trim(void)
{
    return cai_life_start() ? cai_housekeeping_trim() : 0;
}
