/* A number as text, where nothing of the C library may be called for it. */
#ifndef CAI_BASE_DECIMAL_H
#define CAI_BASE_DECIMAL_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

/* Writes at most 20 digits and no terminator; returns where they end. */
CAI_INLINE char *cai_decimal_add(char *to, uint64_t number)
{
    char digits[20];
    unsigned count = 0;

    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    while (count != 0)
        *to++ = digits[--count];
    return to;
}

#endif
