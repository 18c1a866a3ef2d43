/* Whether memory is zero, by a way of its own. */
#ifndef TESTS_SUPPORT_ZEROS_H
#define TESTS_SUPPORT_ZEROS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool is_all_zero(const void *address, size_t bytes)
{
    const char *text = address;

    return bytes == 0 || (text[0] == 0 && memcmp(text, text + 1, bytes - 1) == 0);
}

#endif
