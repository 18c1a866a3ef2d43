/* Is memory zero? By words, for lengths that are multiples of 16.
 */
#ifndef CAI_BASE_ZERO_H
#define CAI_BASE_ZERO_H

#include "base/compiler.h"
#include "base/tools.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

CAI_INLINE bool cai_is_zero(const char *address, size_t bytes)
{
    uint64_t any = 0;

    if (CAI_TOOLS)
        cai_tools_quiet(true);
    for (size_t at = 0; at < bytes; at += 2 * sizeof(uint64_t)) {
        uint64_t words[2];
        memcpy(words, address + at, sizeof words);
        any |= words[0] | words[1];
    }
    if (CAI_TOOLS)
        cai_tools_quiet(false);
    return any == 0;
}

#endif
