/* Lines of "name=number", hexadecimal, without the C library. A line that would be too long ends in "...". */
#include "cap/lines.h"

static char line[8192];
static size_t length;

static void put(char c)
{
    if (length < sizeof line - 4)
        line[length++] = c;
    else
        for (size_t i = 0; i < 3; i++)
            line[sizeof line - 4 + i] = '.';
}

static void put_text(const char *text)
{
    for (; *text != '\0'; text++)
        put(*text);
}

void say_begin(const char *name)
{
    for (size_t i = 0; i < sizeof line; i++)
        line[i] = '\0';
    length = 0;
    put_text(name);
    put(':');
}

void say_number(const char *name, size_t number)
{
    unsigned shift = 60;

    put(' ');
    put_text(name);
    put('=');
    while (shift != 0 && number >> shift == 0)
        shift -= 4;
    for (;; shift -= 4) {
        put("0123456789abcdef"[number >> shift & 15]);
        if (shift == 0)
            break;
    }
}

const char *say_end(void)
{
    return line;
}
