/* The calls that led here, as text that needs no allocation to be made and no debugger to be read. */
#ifndef CAI_CORE_CALLERS_H
#define CAI_CORE_CALLERS_H

#include <stddef.h>
#include <stdint.h>

/* What the whole text may take; deeper calls are cut. */
enum { CAI_CALLERS_BYTES = 3072 };

/* A line begins so, with what follows: the file of the code and how far in it, as in "/usr/bin/ls+0x4d2a\n", for which
 * tools like addr2line tell the function; or an address that no file explains, as in "0x7f001234\n". */
#define CAI_CALLERS_LINE "  at "

/* Of a guarded block more is known than who broke the rule. The text has three parts then, each behind a line that says
 * which; otherwise it is the first of them, without that line. */
enum cai_callers_part { CAI_CALLERS_USED, CAI_CALLERS_ALLOCATED, CAI_CALLERS_FREED, CAI_CALLERS_PARTS };

static inline const char *cai_callers_title(enum cai_callers_part part)
{
    static const char *const titles[CAI_CALLERS_PARTS] = {"used by", "allocated by", "freed by"};

    return titles[part];
}

/* Writes a line for each call, innermost first, ended by 0, and returns the length. Those of the library itself are
 * left out where it is a file of its own. Async-signal-safe. */
size_t cai_callers_write(char text[CAI_CALLERS_BYTES]);

/* The same for calls that were read before (stack/stack.h), in so many bytes. */
size_t cai_callers_list(char *text, size_t room, const uintptr_t *frames, size_t count);

#endif
