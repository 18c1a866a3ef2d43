/* Finding the program to start, as execvp does. */
#ifndef CAI_RUN_PROGRAM_H
#define CAI_RUN_PROGRAM_H

#include <stddef.h>

/* Writes to path what execve should be given for `name`; a name with a slash is taken as it is. Returns 0, ENOENT
 * (nowhere in PATH) or EACCES (found, but not executable). The search happens here and not in execvp, because the file
 * has to be looked at before it runs. */
int cai_program_find(const char *name, char *path, size_t size);

#endif
