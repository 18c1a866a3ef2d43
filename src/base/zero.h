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

CAI_INLINE cai_words2 cai_words2_of(const char *address)
{
    cai_words2 there;

    memcpy(&there, __builtin_assume_aligned(address, sizeof there), sizeof there);
    return there;
}

CAI_INLINE bool cai_is_zero(const char *address, size_t bytes)
{
    const char *end = address + bytes;
    cai_words2 any = {0};

    if (CAI_TOOLS)
        cai_tools_quiet(true);
    if ((bytes & 16) != 0) {
        any = cai_words2_of(address);
        address += sizeof any;
    }
    if ((bytes & 32) != 0) {
        any |= cai_words2_of(address) | cai_words2_of(address + sizeof any);
        address += 2 * sizeof any;
    }
    for (; address != end; address += 4 * sizeof any)
        any |= cai_words2_of(address) | cai_words2_of(address + sizeof any) | cai_words2_of(address + 2 * sizeof any) |
               cai_words2_of(address + 3 * sizeof any);
    if (CAI_TOOLS)
        cai_tools_quiet(false);
    return (any[0] | any[1]) == 0;
}

#endif
