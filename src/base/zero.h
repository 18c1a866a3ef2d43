/* Is memory zero? By words, for addresses and lengths that are multiples of 16.
 */
#ifndef CAI_BASE_ZERO_H
#define CAI_BASE_ZERO_H

#include "base/compiler.h"
#include "base/sixteen.h"
#include "base/tools.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

CAI_INLINE bool cai_is_zero(const char *address, size_t bytes)
{
    const char *end = address + bytes;
    cai_words2 any = {0};

    if (CAI_TOOLS)
        cai_tools_quiet(true);
    if ((bytes & 16) != 0) {
        memcpy(&any, __builtin_assume_aligned(address, sizeof any), sizeof any);
        address += sizeof any;
    }
    for (; address != end; address += 2 * sizeof any) {
        cai_words2 low;
        cai_words2 high;
        memcpy(&low, __builtin_assume_aligned(address, sizeof low), sizeof low);
        memcpy(&high, __builtin_assume_aligned(address + sizeof low, sizeof high), sizeof high);
        any |= low | high;
    }
    if (CAI_TOOLS)
        cai_tools_quiet(false);
    return (any[0] | any[1]) == 0;
}

#endif
