/* See access.h. */
#include "heaps/access.h"

#include "base/decimal.h"
#include "stack/stack.h"

#include <string.h>

const char *cai_access_name(enum cai_access access)
{
    return access == CAI_ACCESS_READ ? "read" : access == CAI_ACCESS_WRITE ? "write" : "access";
}

void cai_access_state(char text[CAI_ACCESS_TEXT], const struct cai_fault *fault, uintptr_t block)
{
    bool is_before = fault->address < block;
    char *end =
        stpcpy(stpcpy(text, fault->access == CAI_ACCESS_UNKNOWN ? "an " : "a "), cai_access_name(fault->access));

    end = stpcpy(end, is_before ? " at offset -" : " at offset ");
    *cai_decimal_add(end, is_before ? block - fault->address : fault->address - block) = '\0';
}

size_t cai_access_calls(uintptr_t frames[CAI_ACCESS_FRAMES], uintptr_t code)
{
    size_t count = cai_stack_read(frames, CAI_ACCESS_FRAMES, 1);

    for (size_t i = 0; code != 0 && i < count; i++)
        if (frames[i] == code + 1) {
            memmove(frames, frames + i, (count - i) * sizeof *frames);
            return count - i;
        }
    return count;
}
