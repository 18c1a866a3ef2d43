/* See callers.h. A name that holds line breaks must not look like a line of ours. */
#include "core/callers.h"

#include "os/os.h"
#include "stack/module.h"
#include "stack/stack.h"

#include <string.h>

enum { FRAMES_MAX = 64, NAME_BYTES = 512 };

/* Longest: the beginning, a name, '+', an address, a line break. */
enum { LINE_BYTES = 8 + NAME_BYTES + 1 + 18 + 1 };

struct line {
    char text[LINE_BYTES];
    size_t length;
};

static void add(struct line *line, const char *text, size_t most)
{
    for (size_t i = 0; i < most && text[i] != '\0'; i++) {
        unsigned char byte = (unsigned char)text[i];
        line->text[line->length++] = (char)(byte < ' ' || byte == 0x7f ? '?' : byte);
    }
}

static void add_hexadecimal(struct line *line, uintptr_t n)
{
    unsigned digits = 1;

    while (digits < 16 && n >> (4 * digits) != 0)
        digits++;
    add(line, "0x", 2);
    while (digits-- > 0)
        line->text[line->length++] = "0123456789abcdef"[n >> (4 * digits) & 15];
}

static void make_line(struct line *line, uintptr_t address, const char *program)
{
    struct cai_module module;
    char name[NAME_BYTES];
    uintptr_t bias;

    line->length = 0;
    add(line, CAI_CALLERS_LINE, sizeof CAI_CALLERS_LINE);
    if (cai_module_find(&module, address) && cai_module_name(&module, name, sizeof name, &bias)) {
        add(line, name[0] != '\0' ? name : program, NAME_BYTES);
        add(line, "+", 1);
        add_hexadecimal(line, address - bias);
    } else {
        add_hexadecimal(line, address);
    }
    line->text[line->length++] = '\n';
}

/* An address inside the library. */
static const char here;

/* How many of the innermost calls are the library's own. All are, where it is part of the program: then none. */
static size_t own_calls(const uintptr_t *frames, size_t count)
{
    struct cai_module own;
    size_t calls = 0;
    uintptr_t bias;
    char first[2];

    if (!cai_module_find(&own, (uintptr_t)&here) || !cai_module_name(&own, first, sizeof first, &bias) ||
        first[0] == '\0')
        return 0;
    while (calls < count && frames[calls] >= own.low && frames[calls] < own.high)
        calls++;
    return calls;
}

size_t cai_callers_list(char *text, size_t room, const uintptr_t *frames, size_t count)
{
    char program[NAME_BYTES];
    struct line line;
    size_t length = 0;

    if (!cai_os_process_file(program, sizeof program))
        memcpy(program, "?", sizeof "?");
    for (size_t i = own_calls(frames, count); i < count; i++) {
        make_line(&line, frames[i], program);
        if (line.length >= room - length)
            break;
        memcpy(text + length, line.text, line.length);
        length += line.length;
    }
    text[length] = '\0';
    return length;
}

size_t cai_callers_write(char text[CAI_CALLERS_BYTES])
{
    uintptr_t frames[FRAMES_MAX];

    return cai_callers_list(text, CAI_CALLERS_BYTES, frames, cai_stack_read(frames, FRAMES_MAX, 1));
}
