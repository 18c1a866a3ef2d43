/* One line on stderr, in the form of the library's violation reports: `capalloc: CODE: TEXT`. */
#ifndef CAI_RUN_MESSAGE_H
#define CAI_RUN_MESSAGE_H

#include <stddef.h>

/* What the program itself can fail with, as env, nohup and timeout do. */
enum {
    CAI_EXIT_TROUBLE = 125,        /* capalloc's own failure, or a wrong option */
    CAI_EXIT_NOT_EXECUTABLE = 126, /* the program was found and cannot be started */
    CAI_EXIT_NOT_FOUND = 127,      /* the program, or its interpreter, does not exist */
};

/* code: stable, for scripts, such as "bad-usage". Writes the line at once; never fails. Returns CAI_EXIT_TROUBLE, which
 * is what most of them end with. */
int cai_say(const char *code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Replaces control characters by '?': names of files come from strangers and end on a terminal. */
void cai_make_printable(char *text);

/* Moves a descriptor above the standard three, which the started program may want closed; sets FD_CLOEXEC.
 * Gives the descriptor back unmoved when that fails. A negative descriptor stays what it is. */
int cai_descriptor_up(int fd, int at_least);

#endif
