/* Messages of the program `capalloc`. Each is a single write(2), so lines of several processes do not mix, and nothing
 * of ours ever goes to stdout while a program runs: that stream is the program's. Called by every file of src/run.
 */
#include "run/message.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Bytes from 0x80 to 0x9f are commands too, unless they are part of a letter of UTF-8; behind 0xc2 they are these
 * commands in UTF-8. */
void cai_make_printable(char *text)
{
    unsigned char before = 0;

    for (unsigned char *c = (unsigned char *)text; *c != 0; c++) {
        unsigned char now = *c;
        bool is_late = now >= 0x80 && now <= 0x9f && (before < 0x80 || before == 0xc2);
        if (is_late && before == 0xc2)
            c[-1] = '?';
        if (now < 0x20 || now == 0x7f || is_late)
            *c = '?';
        before = *c;
    }
}

int cai_say(const char *code, const char *format, ...)
{
    char line[4096];
    int used = snprintf(line, sizeof line - 1, "capalloc: %s: ", code);
    va_list arguments;

    va_start(arguments, format);
    if (vsnprintf(line + used, sizeof line - 1 - (size_t)used, format, arguments) < 0)
        line[used] = 0;
    va_end(arguments);
    cai_make_printable(line);
    size_t length = strlen(line);
    line[length++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, length);
    (void)written; /* a closed stderr leaves nowhere to complain */
    return CAI_EXIT_TROUBLE;
}

int cai_descriptor_up(int fd, int at_least)
{
    if (fd < 0)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, at_least);
    if (moved < 0)
        moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved < 0)
        return fd;
    close(fd);
    return moved;
}
